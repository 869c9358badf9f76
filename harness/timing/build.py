"""One fresh build of a model, ready to be timed block by block."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from harness.datasets import Dataset
from harness.models import build_head_model, find_backbone, split_backbone
from harness.training.inputs import Inputs
from harness.training.prepared import Epoch, build_for, make_epoch
from harness.variants import Variant

_STAND_IN_SEED = 1


@dataclass(frozen=True, eq=False)
class Arm:
    """A build that has taken its first steps.

    Attributes:
        variant: What was built.
        epoch: What trains, with its compiled loop: the model or, where the features of a frozen backbone are kept, its
            head alone, as in a trial.
        whole: The whole model: what predicts.
        build_s: Seconds to build and compile the model.
        first_step_s: Seconds of the first step after that, tracing and graph optimisation included.
    """

    variant: Variant
    epoch: Epoch
    whole: Epoch
    build_s: float
    first_step_s: float

    def block_ms(self, order: NDArray[np.int64]) -> float:
        """Train on the images `order` names; return milliseconds.

        The clock starts and stops with the device idle; the garbage collector waits meanwhile.
        """
        collecting = gc.isenabled()
        gc.disable()
        try:
            started = time.perf_counter_ns()
            self.epoch.run_block(order)
            return (time.perf_counter_ns() - started) / 1e6
        finally:
            if collecting:
                gc.enable()


def build_arm(variant: Variant, dataset: Dataset, *, settle_s: float) -> Arm:
    """Build a variant anew, and train until its steps take no longer than later ones, at most `settle_s` seconds.

    That is enough for the baseline. A model of longer steps is left unsettled, which matters less the longer they are.

    Weights are random: a step's time does not depend on them, and setting the global seed, which an own model needs for
    reproducible ones, makes TensorFlow drop its prepared graphs: 0.1 s for each build that is kept.
    """
    started = time.perf_counter()
    whole = build_for(variant, dataset, seed=None)
    if variant.reuses_features:
        inputs = _stand_in_features(whole, dataset)
        model = build_head_model(variant, inputs.values.shape[1], len(dataset.classes), seed=_STAND_IN_SEED)
    else:
        inputs, model = None, whole
    built = time.perf_counter()
    epoch = make_epoch(model, variant, dataset, inputs)
    epoch.run_block(np.arange(variant.batch_size) % len(dataset.train_labels))
    first = time.perf_counter()
    epoch.settle(settle_s)
    predictor = epoch if model is whole else make_epoch(whole, variant, dataset)
    return Arm(variant, epoch, predictor, build_s=built - started, first_step_s=first - built)


def _stand_in_features(whole: keras.Model, dataset: Dataset) -> Inputs:
    """Return random features: what a step takes does not depend on their values, and the real ones take minutes."""
    channels = split_backbone(whole)[0].output_shape[1]
    values = np.random.default_rng(_STAND_IN_SEED).random((len(dataset.train_labels), channels), dtype=np.float32)
    return Inputs(values, dataset.train_labels, values[:1], backbone_params=int(find_backbone(whole).count_params()))
