"""One fresh build of a model, ready to be timed block by block."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.datasets import Dataset
from harness.training.prepared import Epoch, build_for, make_epoch
from harness.variants import Variant


@dataclass(frozen=True, eq=False)
class Arm:
    """A build that has taken its first steps.

    Attributes:
        variant: What was built.
        epoch: The model with its compiled loop.
        build_s: Seconds to build and compile the model.
        first_step_s: Seconds of the first step after that, tracing and graph optimisation included.
    """

    variant: Variant
    epoch: Epoch
    build_s: float
    first_step_s: float

    def block_ms(self, order: NDArray[np.int64], steps: int) -> float:
        """Run a block of steps on the images `order` names; return milliseconds a step.

        The clock starts and stops with the device idle; the garbage collector waits meanwhile.
        """
        collecting = gc.isenabled()
        gc.disable()
        try:
            started = time.perf_counter_ns()
            self.epoch.run_block(order)
            return (time.perf_counter_ns() - started) / 1e6 / steps
        finally:
            if collecting:
                gc.enable()


def build_arm(variant: Variant, dataset: Dataset, *, seed: int) -> Arm:
    """Build a variant anew, take its first step, and run one more block so that caches and buffers exist."""
    started = time.perf_counter()
    model = build_for(variant, dataset, seed=seed)
    built = time.perf_counter()
    epoch = make_epoch(model, variant, dataset)
    epoch.run_block(image_order(dataset, 1, variant.batch_size, np.random.default_rng(seed)))
    first = time.perf_counter()
    epoch.run_block(image_order(dataset, 2, variant.batch_size, np.random.default_rng(seed)))
    return Arm(variant, epoch, build_s=built - started, first_step_s=first - built)


def image_order(dataset: Dataset, steps: int, batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return indices of randomly drawn training images for a block of whole batches."""
    return rng.integers(0, len(dataset.train_labels), size=steps * batch_size)
