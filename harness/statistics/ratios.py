"""Differences of metrics that are no mean over images, such as a ratio of sums (precision, F1).

The delta method makes them one: near its sums, a metric is linear in them, so each image adds its own
share (Efron 1982 calls this the infinitesimal jackknife), and the shares of two paired arms form a table
for the two-way model. In simulation this is as well calibrated as the bootstrap of
benchmarks/crossed_bootstrap.py, without its chance and ten to eighty times faster: docs/statistics.md has the figures.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.statistics.two_way import Effect, effect_of

Floats = NDArray[np.float64]
Metric = Callable[[Floats], Floats]
"""From sums over images [K, ...] to the metric [...]; must be smooth, and finite for a sum of zero."""

STEP = 1e-6
"""Step of the central difference, relative to the sum: the error is some 1e-10 of the slope."""


def mean_of_ratios(sums: Floats) -> Floats:
    """Return the mean of K / 2 ratios: first all numerators, then all denominators; 0 / 0 counts as 0.

    sums: [K, ...], K even. One ratio: precision from (true positives, predicted positives). A ratio a
    class: macro-F1 from (2 x true positives, predicted + true) of each class.

    >>> float(mean_of_ratios(np.array([3.0, 1.0, 4.0, 0.0])))
    0.375
    """
    if len(sums) == 0 or len(sums) % 2:
        raise ValueError(f"sums holds {len(sums)} rows: as many numerators as denominators are needed")
    above, below = np.split(np.asarray(sums, np.float64), 2)
    ratios = np.divide(above, below, out=np.zeros_like(above), where=below != 0)
    return np.asarray(ratios.mean(axis=0))


def two_way_of_sums(baseline: ArrayLike, variant: ArrayLike, metric: Metric = mean_of_ratios) -> Effect:
    """Estimate metric(variant) - metric(baseline), averaged over seeds; seeds and images both random.

    baseline, variant: [K, seeds, images], finite: what each image adds to each of the K sums. The mean
    is the exact difference of the metrics; only its spread uses the delta method. Raises ValueError
    for other shapes, values that are not finite, or a metric that is not.

    >>> correct = np.array([[1, 0, 1, 1], [1, 0, 1, 0], [1, 1, 0, 1]])
    >>> kept = np.ones_like(correct)
    >>> round(two_way_of_sums([correct, kept], [kept, kept]).mean, 3)
    0.333
    """
    first, second = checked_sums(baseline, variant)
    tables = [_shares(arm, metric) for arm in (first, second)]
    return effect_of(tables[1] - tables[0], float(np.mean(metric(second.sum(2)) - metric(first.sum(2)))))


def checked_sums(baseline: ArrayLike, variant: ArrayLike) -> tuple[Floats, Floats]:
    """Return both arms as float64 [K, seeds, images]; ValueError where they do not pair or are not finite."""
    first, second = np.asarray(baseline, np.float64), np.asarray(variant, np.float64)
    if first.ndim != 3 or first.size == 0 or first.shape != second.shape:
        raise ValueError(
            f"the arms have the shapes {first.shape} and {second.shape}: both must be one [K, seeds, images]"
        )
    for name, arm in (("baseline", first), ("variant", second)):
        seeds = np.flatnonzero(~np.isfinite(arm).all(axis=(0, 2)))
        if seeds.size:
            raise ValueError(
                f"{name} is not finite in seed row(s) {seeds.tolist()}: leave out both arms of those pairs"
            )
    return first, second


def _shares(arm: Floats, metric: Metric) -> Floats:
    """Return the metric of each seed plus each image's linear deviation: [seeds, images]."""
    images = arm.shape[2]
    sums = arm.sum(axis=2)
    value = np.asarray(metric(sums), np.float64)
    table = np.repeat(value[:, None], images, axis=1)
    for k in range(len(arm)):
        step = np.zeros_like(sums)
        step[k] = STEP * np.maximum(np.abs(sums[k]), 1.0)
        slope = (metric(sums + step) - metric(sums - step)) / (2 * step[k])
        table += images * slope[:, None] * (arm[k] - arm[k].mean(axis=1, keepdims=True))
    if not np.isfinite(table).all():
        raise ValueError(f"the metric is {value.tolist()} for these sums: it must be finite, with finite slopes")
    return table
