"""The crossed bootstrap of a metric's difference: seeds and images both random, both arms together."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.statistics.effect import LEAST_SEEDS
from harness.statistics.estimate import Estimate, Part
from harness.statistics.ratios import checked_sums, mean_of_ratios

Metric = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From sums over images [K, ...] to the metric [...]."""

RESAMPLES = 2000
BATCH = 250
"""Resamples at a time: 250 x 10,000 float32 weights are 10 MB, which a processor's cache nearly holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapEstimate(Estimate):
    """A mean whose variance comes from a bootstrap; resamples is how many there were."""

    resamples: int


def crossed_bootstrap(
    baseline: ArrayLike,
    variant: ArrayLike,
    metric: Metric = mean_of_ratios,
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> BootstrapEstimate:
    """Bootstrap metric(variant) - metric(baseline), averaged over seeds; seeds and images both random.

    baseline, variant: [K, seeds, images], finite: what each image adds to each of the K sums. For metrics
    that have no slope; where `two_way_of_sums` applies, it says the same without chance, and faster.

    Each resample gives every image a Poisson(1) weight, the same in both arms and all seeds (Chamandy
    and others 2012). Seeds' differences that move together from resample to resample do so because of
    the images: their covariance is the part of the variance due to images. The part due to seeds is the
    variance of the seeds' differences over their number, which is what drawing seeds with replacement
    gives, times seeds / (seeds - 1). Drawing both at once and taking percentiles counts what is
    neither's own up to three times (Owen 2007), yet is too narrow for few seeds. Each part has the quantile
    of its own degrees of freedom, as in the two-way model.

    Raises ValueError for other shapes, values that are not finite or fewer than two resamples.
    """
    first, second = checked_sums(baseline, variant)
    if resamples < 2:
        raise ValueError(f"resamples is {resamples}: at least 2 are needed")
    seeds, images = first.shape[1:]
    by_seed = metric(second.sum(2)) - metric(first.sum(2))
    mean = float(np.mean(by_seed))
    if seeds < LEAST_SEEDS or images < 2:
        return BootstrapEstimate(mean, (Part(float("nan"), float("nan")),), resamples=resamples)
    arms = [arm.reshape(-1, images).astype(np.float32) for arm in (first, second)]
    counts = [min(BATCH, resamples - start) for start in range(0, resamples, BATCH)]
    drawn = np.concatenate([_resampled(arms, first.shape, metric, rng, n) for n in counts], axis=1)
    apart = float(np.var(drawn, axis=1, ddof=1).mean()) / seeds
    covariance = (float(np.var(drawn.mean(axis=0), ddof=1)) - apart) * seeds / (seeds - 1)
    from_seeds, from_images = float(np.var(by_seed, ddof=1)) / seeds, max(covariance, 0.0)
    parts = (Part(from_seeds, seeds - 1), Part(from_images, images - 1))
    return BootstrapEstimate(mean, parts, resamples=resamples)


def _resampled(
    arms: list[NDArray[np.float32]],
    shape: tuple[int, ...],
    metric: Metric,
    rng: np.random.Generator,
    count: int,
) -> NDArray[np.float64]:
    """Return each seed's difference in `count` resamples: [seeds, count]."""
    sums_of, seeds, images = shape
    weights = _poisson(rng, count, images)
    scale = images / np.maximum(weights.sum(axis=1, dtype=np.float64), 1.0)
    values = []
    for arm in arms:
        sums = (arm @ weights.T).astype(np.float64) * scale
        values.append(metric(sums.reshape(sums_of, seeds, count)))
    return np.asarray(values[1] - values[0], np.float64)


def _poisson(rng: np.random.Generator, count: int, images: int) -> NDArray[np.float32]:
    """Return Poisson(1) weights [count, images] by table: ten times faster than rng.poisson."""
    bits = np.frombuffer(rng.bytes(2 * count * images), np.uint16)
    return np.asarray(_TABLE[bits].reshape(count, images))


def _poisson_table() -> NDArray[np.float32]:
    chances = np.cumsum([math.exp(-1) / math.factorial(k) for k in range(9)])
    return np.searchsorted(chances, (np.arange(2**16) + 0.5) / 2**16).astype(np.float32)


_TABLE = _poisson_table()
