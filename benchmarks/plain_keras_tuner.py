"""The whole process against a plain keras-tuner script: 4 variants x 2 seeds of CIFAR-10, the same images, alternating.

    python benchmarks/plain_keras_tuner.py DIR [--epochs 3] [--runs 5]

DIR is CIFAR-10 as images (`DIR/train/CLASS/*`, `DIR/test/CLASS/*`). Both sides read the same .npz file of 6,400
training images, of which 5,760 train and 640 validate, and 1,000 test images; both have a folder and a cache of their
own in each run. The plain side is what its documentation shows: GridSearch over the dropout, executions_per_trial=2,
fit as it is, batches of 32, then the best model on the test images. The other side is `harness sweep`, which tests each
of the 8 models and writes tables, charts and the report.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

TRAIN, VALIDATION, TEST = 5_760, 640, 1_000
DROPOUTS = (0.0, 0.2, 0.3, 0.4)
SUITE = """
from harness import BASELINE, Suite
SUITE = Suite("four", [BASELINE.replace(dropout=share) for share in (0.2, 0.3, 0.4)])
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--plain", action="store_true", help="only the plain side, in this process: FOLDER is the file")
    arguments = parser.parse_args()
    if arguments.plain:
        search(arguments.folder, arguments.epochs)
        return 0
    with tempfile.TemporaryDirectory() as name:
        images = Path(name) / "cifar.npz"
        write_images(arguments.folder, images)
        ratios, seconds = [], []
        for number in range(arguments.runs):
            plain_s = timed([__file__, str(images), "--epochs", str(arguments.epochs), "--plain"])
            sweep = ["-m", "harness", "sweep", "suites", "--dataset", str(images), "--budget", "quick", "--seeds", "2"]
            ours_s = timed([*sweep, "--epochs", str(arguments.epochs), "--device", "cpu", "--results", "results"])
            ratios.append(plain_s / ours_s)
            seconds.append((plain_s, ours_s))
            print(f"run {number + 1}: plain {plain_s:.1f} s, harness sweep {ours_s:.1f} s: {told(ratios[-1])}")
            sys.stdout.flush()
    plain_s, ours_s = (median(side) for side in zip(*seconds, strict=True))
    print(f"medians: plain {plain_s:.1f} s, harness sweep {ours_s:.1f} s: {told(median(ratios))}")
    return 0


def told(ratio: float) -> str:
    """Return in words what a ratio of seconds says."""
    return f"plain takes {ratio:.2f} times as long"


def timed(arguments: list[str]) -> float:
    """Return the seconds that a Python process takes in a folder and with a cache of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "suites").mkdir()
        (folder / "suites" / "suite_four.py").write_text(SUITE)
        environment = os.environ | {
            "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
            "HARNESS_CACHE": str(folder / "cache"),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        arguments = [str(Path(one).resolve()) if one == __file__ else one for one in arguments]
        started = time.perf_counter()
        ended = subprocess.run(
            [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
        )
        seconds = time.perf_counter() - started
    if ended.returncode:
        raise SystemExit(ended.stdout + ended.stderr)
    return seconds


def write_images(folder: Path, path: Path) -> None:
    """Write some of a folder's images, equally many of each class, as arrays."""
    from PIL import Image

    arrays = {}
    for split, count in (("train", TRAIN + VALIDATION), ("test", TEST)):
        classes = sorted(one for one in (folder / split).iterdir() if one.is_dir())
        each = count // len(classes)
        files = [(label, file) for label, one in enumerate(classes) for file in sorted(one.iterdir())[:each]]
        arrays[f"x_{split}"] = np.stack([np.asarray(Image.open(file).convert("RGB")) for _, file in files])
        arrays[f"y_{split}"] = np.array([label for label, _ in files])
    np.savez(path, **arrays)


def search(path: Path, epochs: int) -> None:
    """Search as keras-tuner's documentation does."""
    import keras
    import keras_tuner

    arrays = np.load(path)
    order = np.random.default_rng(1).permutation(TRAIN + VALIDATION)
    x = arrays["x_train"][order].astype("float32") / 255
    y = keras.utils.to_categorical(arrays["y_train"][order], 10)

    def build(hp: keras_tuner.HyperParameters) -> keras.Model:
        layers = [
            keras.Input((32, 32, 3)),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(64, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dropout(hp.Choice("dropout", list(DROPOUTS))),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
        model = keras.Sequential(layers)
        metrics = ["accuracy", keras.metrics.Precision(), keras.metrics.Recall()]
        model.compile("adam", "categorical_crossentropy", metrics=metrics)
        return model

    tuner = keras_tuner.GridSearch(
        build, objective="val_accuracy", executions_per_trial=2, directory="tuner", project_name="plain"
    )
    tuner.search(x[:TRAIN], y[:TRAIN], epochs=epochs, batch_size=32, validation_data=(x[TRAIN:], y[TRAIN:]))
    tuner.results_summary()
    best = tuner.get_best_models(1)[0]
    test = arrays["x_test"].astype("float32") / 255
    print(best.evaluate(test, keras.utils.to_categorical(arrays["y_test"], 10)))


if __name__ == "__main__":
    sys.exit(main())
