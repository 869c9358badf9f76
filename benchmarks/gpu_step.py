"""What a training step takes on a GPU with TensorFlow, by four ways to run the same model on the same images.

    python benchmarks/gpu_step.py DIR    # CIFAR-10 as DIR/train/CLASS/* and DIR/test/CLASS/*

`model.fit` as Keras compiles it (with XLA wherever all layers support it) and without XLA, the compiled loop without it
and, as the harness trains, with it. One untimed epoch each, which compiles, then two.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from harness import BASELINE
from harness.datasets import load_dataset
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
    from harness.training.fit_epoch import FitEpoch
    from harness.training.prepared import build_for
    from harness.training.tensorflow_epoch import TensorFlowEpoch
    from harness.training.xla_epoch import XlaEpoch

    data = load_dataset(str(folder))
    order = np.random.default_rng(3).permutation(len(data.train_labels))[:IMAGES]
    for variant in VARIANTS:
        steps = -(-len(order) // variant.batch_size)
        for name, kind, xla in (
            ("fit, as Keras compiles it", FitEpoch, True),
            ("fit without XLA", FitEpoch, False),
            ("loop without XLA", TensorFlowEpoch, False),
            ("loop with XLA", XlaEpoch, True),
        ):
            model = build_for(variant, data, seed=1)
            if xla and not model.jit_compile and kind is XlaEpoch:
                print(f"{variant.name:24} Keras has no XLA for a layer of it")
                continue
            model.jit_compile = xla and model.jit_compile
            epoch = kind(
                model, data.train_images, data.train_labels, classes=len(data.classes), batch_size=variant.batch_size
            )
            epoch.train(order)
            step_ms = []
            for _ in range(2):
                started = time.perf_counter()
                logs = epoch.train(order)
                step_ms.append(1000 * (time.perf_counter() - started) / steps)
            told = ", ".join(f"{one:.3f}" for one in step_ms)
            print(f"{variant.name:24} {name:26} {told} ms a step; accuracy {logs['accuracy']:.1%}", flush=True)


if __name__ == "__main__":
    main()
