"""Which images a trial trains, validates and is tested on. Imports no Keras: the plan needs the test images too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.budgets import Budget
from harness.datasets import Dataset
from harness.datasets.splits import stratified_subset, validation_split

# The images of a smoke run are the same for every seed: only the split of them is the seed's.
_SUBSET_SEED = 0


def split_images(
    dataset: Dataset, budget: Budget, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of a seed's training, validation and test images: the same for every variant."""
    pool = np.arange(len(dataset.train_labels))
    test = np.arange(len(dataset.test_labels))
    if budget.max_images is not None:
        pool = stratified_subset(dataset.train_labels, budget.max_images, seed=_SUBSET_SEED)
        test = stratified_subset(dataset.test_labels, budget.max_images, seed=_SUBSET_SEED)
    train, validation = validation_split(dataset.train_labels[pool], seed=seed)
    return pool[train], pool[validation], test
