"""What each test image adds to each metric of one variant, seed by seed: tables for the two-way model.

Images that show the same picture stand and fall together, so that they are one column of these tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from harness.results.contents import TestSet
from harness.results.predictions import Predictions
from harness.statistics import mean_of_ratios
from harness.statistics.ratios import Shares, shares_of_sums, slopes_of_ratios

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class VariantShares:
    """One variant's metrics.

    Attributes:
        metrics: Of each metric the value of each seed, and the share in it of each image or group of images.
        has_precision: Whether something was predicted, with a probability above 0.5, in every seed.
    """

    metrics: Mapping[str, Shares]
    has_precision: bool

    def mean(self, metric: str) -> float:
        """Return the mean of a metric over the seeds."""
        return float(self.metrics[metric].values.mean())


# A suite's baseline meets each of its variants.
@lru_cache(maxsize=8)
def variant_shares(predictions: tuple[Predictions, ...], test_set: TestSet) -> VariantShares:
    """Return the shares of a variant from its predictions, one per seed."""
    labels, classes = test_set.labels, len(test_set.classes)
    unpacked = [one.unpacked() for one in predictions]
    predicted = np.stack([one.predicted for one in unpacked]).astype(np.int64)
    true_positive = np.stack([one.true_positive for one in unpacked]).astype(np.float64)
    positives = np.stack([one.positives for one in unpacked]).astype(np.float64)
    correct = (predicted == labels).astype(np.float64)
    metrics = {
        "accuracy": Shares(correct.mean(axis=1), correct),
        "precision": shares_of_sums(np.stack([true_positive, positives])),
        "recall": Shares(true_positive.mean(axis=1), true_positive),
        "macro_f1": _macro_f1(predicted, correct, labels, classes),
    }
    if test_set.groups is not None:
        metrics = {name: shares.by_group(test_set.groups) for name, shares in metrics.items()}
    return VariantShares(metrics, bool(positives.any(axis=1).all()))


def right_shares(predictions: Sequence[Predictions], test_set: TestSet) -> Shares:
    """Return the shares of accuracy alone."""
    correct = (np.stack([one.unpacked().predicted for one in predictions]) == test_set.labels).astype(np.float64)
    shares = Shares(correct.mean(axis=1), correct)
    return shares if test_set.groups is None else shares.by_group(test_set.groups)


def _macro_f1(predicted: NDArray[np.int64], correct: Floats, labels: NDArray[np.int64], classes: int) -> Shares:
    """Return macro-F1 as `shares_of_sums` would, without a table per class.

    F1 of a class is 2 TP / (predicted + true); a class that is neither predicted nor true counts 0 / 0 = 0.
    """
    seeds, images = predicted.shape
    rows = np.arange(seeds)[:, None]
    true = np.bincount(labels, minlength=classes)

    def counts(chosen: Floats) -> Floats:
        flat = np.bincount((rows * classes + predicted).ravel(), chosen.ravel(), minlength=seeds * classes)
        return np.asarray(flat.reshape(seeds, classes).T, np.float64)

    hits, sizes = 2 * counts(correct), counts(np.ones_like(correct)) + true[:, None]
    values = mean_of_ratios(np.concatenate([hits, sizes]))
    by_hit, by_size = slopes_of_ratios(hits, sizes)
    own = 2 * correct * by_hit[labels].T + by_size[labels].T + by_size[predicted, rows]
    return Shares(values, values[:, None] + images * own)
