"""What a training step takes on a GPU with TensorFlow, by four ways to run the same model on the same images.

    python benchmarks/gpu_step.py DIR    # CIFAR-10 as DIR/train/CLASS/* and DIR/test/CLASS/*

`model.fit` as Keras compiles it (with XLA wherever all layers support it) and without XLA, the compiled loop without it
and, as the harness trains, with it. One untimed epoch each, which compiles, then two.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from harness import BASELINE
from harness.datasets import Dataset, load_dataset
from harness.training.devices import configure_process

IMAGES = 20_000
VARIANTS = (
    BASELINE,
    BASELINE.replace(filters=(64, 128)),
    BASELINE.replace(dropout=0.4),
    BASELINE.replace(augmentation="flip+shift"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    configure_process("gpu", threads=0)
    import keras

    from harness.training.prepared import build_for
    from harness.training.tensorflow_epoch import TensorFlowEpoch
    from harness.training.xla_epoch import XlaEpoch

    data = load_dataset(str(folder))
    order = np.random.default_rng(3).permutation(len(data.train_labels))[:IMAGES]
    x = data.train_images[order].astype(np.float32) / 255
    y = keras.utils.to_categorical(data.train_labels[order], len(data.classes))
    for variant in VARIANTS:
        steps = -(-len(order) // variant.batch_size)
        for name, kind, xla in (
            ("fit, as Keras compiles it", None, True),
            ("fit without XLA", None, False),
            ("loop without XLA", TensorFlowEpoch, False),
            ("loop with XLA", XlaEpoch, True),
        ):
            model = build_for(variant, data, seed=1)
            if xla and not model.jit_compile and kind is XlaEpoch:
                print(f"{variant.name:24} Keras has no XLA for a layer of it")
                continue
            model.jit_compile = xla and model.jit_compile
            train = trainer(kind, model, data, variant.batch_size, order, x, y)
            train()
            step_ms = []
            for _ in range(2):
                started = time.perf_counter()
                accuracy = train()
                step_ms.append(1000 * (time.perf_counter() - started) / steps)
            told = ", ".join(f"{one:.3f}" for one in step_ms)
            print(f"{variant.name:24} {name:26} {told} ms a step; accuracy {accuracy:.1%}", flush=True)


def trainer(kind: Any, model: Any, data: Dataset, batch_size: int, order: Any, x: Any, y: Any) -> Callable[[], float]:
    """Return what trains an epoch and returns its accuracy: through `fit` where no kind of compiled epoch is given."""
    if kind is None:
        return lambda: model.fit(x, y, batch_size=batch_size, shuffle=False, verbose=0).history["accuracy"][0]
    epoch = kind(model, data.train_images, data.train_labels, classes=len(data.classes), batch_size=batch_size)
    return lambda: epoch.train(order)["accuracy"]


if __name__ == "__main__":
    main()
