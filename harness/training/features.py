"""What a frozen backbone makes of a dataset's images: computed once, kept in the cache folder, read from there.

A frozen backbone gives the same features in every epoch, for every head and every run, so a trial with one costs no
more than the training of its head. Files are NumPy archives of plain arrays with checksums, written whole or not at
all; a damaged one is made anew, and where the folder cannot be written features live as long as the process.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.datasets import Dataset
from harness.datasets.cache import cache_root, locked
from harness.files import replaced
from harness.models import build_model, find_backbone, split_backbone
from harness.results.trials import Trial
from harness.training.split import Indices
from harness.variants import BASELINE
from harness.variants.sizes import backbone_input_size

# Raise it when the same trial would get other features: older files are then left alone.
FORMAT = 1

BACKBONE_BATCH = 50
"""Images at once through a backbone: at 224x224 the first layers of VGG16 keep 26 MB an image."""

_CHUNK = 20 * BACKBONE_BATCH


@dataclass(frozen=True, eq=False)
class Features:
    """Pooled outputs of a frozen backbone.

    Attributes:
        train: float32 [N, channels], a row for each train image that the budget uses.
        test: float32 [M, channels], likewise.
        backbone_params: Parameters of the backbone.
        seconds: How long computing them took, whenever that was; nan in files older than this.
    """

    train: NDArray[np.float32]
    test: NDArray[np.float32]
    backbone_params: int
    seconds: float = math.nan


def frozen_features(trial: Trial, dataset: Dataset, train: Indices, test: Indices) -> Features:
    """Return the features of these images: read from the cache folder, or computed and kept there.

    Of several processes that want the same features one computes them and the others wait for it.

    Raises:
        InputError: The backbone's weights are missing or belong to another network.
    """
    path = features_path(trial, dataset)
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):  # a folder that cannot be written: nothing is kept
            held.enter_context(locked(path.with_suffix(".lock")))
        features = _read(path, len(train), len(test))
        if features is None:
            features = _compute(trial, dataset, train, test)
            with contextlib.suppress(OSError):  # a full disk costs the next run its time, not this one its result
                _write(path, features)
        return features


def features_path(trial: Trial, dataset: Dataset) -> Path:
    """Return the file of a trial's features: named after all that decides their bits, and nothing else."""
    variant, environment = trial.variant, trial.environment
    content = [
        FORMAT,
        dataset.fingerprint,
        trial.budget.max_images,
        variant.backbone,
        trial.source or variant.weights or f"seed {trial.seed}",
        variant.precision_policy,
        backbone_input_size(variant, dataset.input_shape),
        environment.device,
        environment.backend,
        environment.threads,
        environment.versions,
    ]
    name = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]
    return cache_root(dataset.origin.cache) / "features" / f"{name}.npz"


def _compute(trial: Trial, dataset: Dataset, train: Indices, test: Indices) -> Features:
    started = time.perf_counter()
    variant = trial.variant
    plain = BASELINE.replace(
        backbone=variant.backbone, weights=variant.weights, precision_policy=variant.precision_policy
    )
    model = build_model(plain, dataset.input_shape, len(dataset.classes), seed=trial.seed)
    backbone, _ = split_backbone(model)

    def run(images: NDArray[np.uint8], numbers: Indices) -> NDArray[np.float32]:
        found = np.empty((len(numbers), backbone.output_shape[1]), np.float32)
        for start in range(0, len(numbers), _CHUNK):
            chosen = images[numbers[start : start + _CHUNK]]
            pixels = chosen.astype(np.float32) / np.float32(255)
            found[start : start + _CHUNK] = backbone.predict(pixels, batch_size=BACKBONE_BATCH, verbose=0)
        return found

    params = int(find_backbone(model).count_params())
    of_train, of_test = run(dataset.train_images, train), run(dataset.test_images, test)
    return Features(of_train, of_test, params, time.perf_counter() - started)


def _read(path: Path, train: int, test: int) -> Features | None:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            seconds = float(arrays["seconds"]) if "seconds" in arrays else math.nan
            features = Features(arrays["train"], arrays["test"], int(arrays["backbone_params"]), seconds)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return features if (len(features.train), len(features.test)) == (train, test) else None


def _write(path: Path, features: Features) -> None:
    with replaced(path) as scratch:
        np.savez(
            scratch,
            train=features.train,
            test=features.test,
            backbone_params=features.backbone_params,
            seconds=features.seconds,
        )
