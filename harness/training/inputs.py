"""What a trial's model reads: the dataset's pictures, or what a frozen backbone made of them once and for all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.datasets import Dataset
from harness.results.trials import Trial
from harness.training.features import frozen_features
from harness.training.split import Indices, image_pool

Values = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Inputs:
    """Rows to train, validate and predict on.

    Attributes:
        values: [N, ...]: uint8 pictures or float32 features; what `labels` belongs to.
        labels: int64 [N].
        test: Rows of the budget's test images, in their order.
        numbers: Which image each row of `values` is, as `split_images` counts them, sorted; None for row i is image i.
        backbone_params: Parameters of the backbone that made features; None for pictures.
        features_s: Seconds that computing the features took, once; nan for pictures and where it is not known.
    """

    values: Values
    labels: NDArray[np.int64]
    test: Values
    numbers: Indices | None = None
    backbone_params: int | None = None
    features_s: float = math.nan

    def rows(self, images: Indices) -> Indices:
        """Return the rows of `values` that hold these images."""
        return images if self.numbers is None else np.searchsorted(self.numbers, images)


def picture_inputs(dataset: Dataset) -> Inputs:
    """Return a dataset's train pictures, and all of its test pictures."""
    return Inputs(dataset.train_images, dataset.train_labels, dataset.test_images)


class InputSource:
    """Gives each trial its inputs, and keeps the last ones: trials that can share them get the same object."""

    def __init__(self) -> None:
        self._dataset: Dataset | None = None
        self._key: tuple[object, ...] = ()
        self._inputs: Inputs | None = None

    def of(self, trial: Trial, dataset: Dataset) -> Inputs:
        """Return what the trial's model reads."""
        variant, budget = trial.variant, trial.budget
        key: tuple[object, ...] = (budget.protocol, budget.max_images)
        if variant.reuses_features:
            # A backbone without weights is drawn from the seed, so its features are the seed's own.
            drawn = None if variant.weights else trial.seed
            key += (variant.backbone, variant.weights, trial.source, variant.precision_policy, drawn)
        if self._inputs is None or self._dataset is not dataset or self._key != key:
            self._inputs = None  # frees the old before the new is made
            self._inputs = _features(trial, dataset) if variant.reuses_features else _pictures(trial, dataset)
            self._dataset, self._key = dataset, key
        return self._inputs


def _pictures(trial: Trial, dataset: Dataset) -> Inputs:
    _, test = image_pool(dataset, trial.budget)
    values, labels = dataset.train_images, dataset.train_labels
    if trial.budget.protocol == "tutorial":
        values = np.concatenate([values, dataset.test_images])
        labels = np.concatenate([labels, dataset.test_labels])
    return Inputs(values, labels, dataset.test_images[test])


def _features(trial: Trial, dataset: Dataset) -> Inputs:
    pool, test = image_pool(dataset, trial.budget)
    features = frozen_features(trial, dataset, pool, test)
    values, labels, numbers = features.train, dataset.train_labels[pool], pool
    if trial.budget.protocol == "tutorial":
        values = np.concatenate([values, features.test])
        labels = np.concatenate([labels, dataset.test_labels[test]])
        numbers = np.concatenate([pool, len(dataset.train_labels) + test])
    return Inputs(values, labels, features.test, numbers, features.backbone_params, features.seconds)
