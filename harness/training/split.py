"""Which images a trial trains, validates and is tested on. Imports no Keras: the plan needs the test images too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.budgets import Budget
from harness.datasets import Dataset
from harness.datasets.splits import stratified_subset, validation_split
from harness.errors import InputError

# The images of a smoke run are the same for every seed: only the split of them is the seed's.
_SUBSET_SEED = 0

Indices = NDArray[np.int64]


def split_images(dataset: Dataset, budget: Budget, seed: int) -> tuple[Indices, Indices, Indices]:
    """Return the indices of a seed's training, validation and test images: the same for every variant.

    Validation comes out of train. Under the tutorial's protocol it is the test images: their indices, counted on
    behind those of the dataset's train images.

    Raises:
        InputError: No image is left for validation.
    """
    pool, test = image_pool(dataset, budget)
    if budget.protocol == "tutorial":
        return pool, len(dataset.train_labels) + test, test
    train, validation = validation_split(dataset.train_labels[pool], seed=seed)
    if not len(validation):
        less = len(pool) < len(dataset.train_labels)
        raise InputError(
            f"no image is left for validation: each class of {dataset.name} has a single train image among the "
            f"{len(pool)}{f' that budget {budget.name} uses' if less else ''}, and without validation no epoch can be "
            f"chosen; give each class two train images or more{', use a larger --budget' if less else ''}, or validate "
            "on the test images with --protocol tutorial"
        )
    return pool[train], pool[validation], test


def image_pool(dataset: Dataset, budget: Budget) -> tuple[Indices, Indices]:
    """Return the indices, sorted, of the train and test images that a budget's trials see, whatever their seed."""
    if budget.max_images is None:
        return np.arange(len(dataset.train_labels)), np.arange(len(dataset.test_labels))
    train = stratified_subset(dataset.train_labels, budget.max_images, seed=_SUBSET_SEED)
    test = stratified_subset(dataset.test_labels, budget.max_images, seed=_SUBSET_SEED)
    return train, test
