"""How much faster a frozen backbone's trials are from kept features than with the backbone in every epoch.

    python benchmarks/kept_features.py [--images 100] [--epochs 2]

Trains a head on each backbone both ways, on digits, after a first trial that compiles; prints the seconds of the epochs
and their ratio.
"""

from __future__ import annotations

import argparse
import tempfile
import time

import numpy as np

from harness.budgets import BUDGETS
from harness.datasets import load_dataset
from harness.results.trials import Trial
from harness.training.devices import configure_process, find_device, training_environment
from harness.variants import Variant
from harness.variants.rules import BACKBONES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=2)
    arguments = parser.parse_args()
    configure_process("cpu", threads=0)
    for backbone in BACKBONES:
        with tempfile.TemporaryDirectory() as cache:
            kept, ran = seconds(backbone, cache, arguments.images, arguments.epochs)
        print(f"{backbone:15} {kept:7.3f} s from features, {ran:7.3f} s without, {ran / kept:.0f} x", flush=True)


def seconds(backbone: str, cache: str, images: int, epochs: int) -> tuple[float, float]:
    """Return the seconds of the epochs with kept features and without."""
    from harness.training.inputs import InputSource, picture_inputs
    from harness.training.prepared import PreparedModel

    variant, dataset = Variant(backbone=backbone), load_dataset("digits", cache=cache)
    budget = BUDGETS["quick"].override(epochs=epochs)
    environment = training_environment(find_device("cpu"))
    trial = Trial(variant, "", dataset.name, dataset.fingerprint, 1, budget, environment)
    taken = []
    for inputs in (InputSource().of(trial, dataset), picture_inputs(dataset)):
        epoch = PreparedModel(variant, dataset, inputs, seed=1).start(1)
        order = np.arange(images)
        epoch.train(order)
        started = time.perf_counter()
        for _ in range(epochs):
            epoch.train(order)
        taken.append(time.perf_counter() - started)
    return taken[0], taken[1]


if __name__ == "__main__":
    main()
