"""Differences of metrics that are no mean over images, such as a ratio of sums (precision, F1).

The delta method makes them one: near its sums, a metric is linear in them, so each image adds its own
share (Efron 1982 calls this the infinitesimal jackknife), and the shares of two paired arms form a table
for the two-way model. In simulation this is as well calibrated as the bootstrap of
benchmarks/crossed_bootstrap.py, without its chance and ten to eighty times faster: docs/statistics.md has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.statistics.effect import Effect, effect_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shares:
    """A metric of one arm as a table for the two-way model.

    Attributes:
        values: The metric of each seed, [seeds].
        table: The same plus each image's linear deviation from it, [seeds, images].
    """

    values: Floats
    table: Floats

    def of_first(self, seeds: int) -> Shares:
        """Return the shares of the first so many seeds."""
        return Shares(self.values[:seeds], self.table[:seeds])

    def by_group(self, groups: NDArray[np.int64]) -> Shares:
        """Return them with a column per group of images that are no samples of their own: what one is, all are.

        groups: [images], equal numbers for images of a group. A group's column adds up the deviations of its images,
        and so weighs as much as they do: the metric stays one over all images (Cochran 1977, ratio estimates of
        clusters of unequal size).

        >>> Shares(np.array([0.5]), np.array([[1.0, 0.0, 0.0, 1.0]])).by_group(np.array([0, 1, 2, 0])).table.tolist()
        [[1.25, 0.125, 0.125]]
        """
        _, column = np.unique(groups, return_inverse=True)
        seeds, images = self.table.shape
        count = int(column.max()) + 1
        if count == images:
            return self
        place = np.arange(seeds)[:, None] * count + column
        deviations = self.table - self.values[:, None]
        sums = np.bincount(place.ravel(), deviations.ravel()).reshape(seeds, count)
        return Shares(self.values, self.values[:, None] + sums * (count / images))


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


def two_way_of_sums(baseline: ArrayLike, variant: ArrayLike) -> Effect:
    """Estimate the difference of two arms' mean ratios, averaged over seeds; seeds and images both random.

    baseline, variant: [K, seeds, images], finite: what each image adds to each of the K sums, numerators first. The
    mean is the exact difference of the metrics; only its spread uses the delta method. Raises ValueError for other
    shapes, or values that are not finite.

    >>> correct = np.array([[1, 0, 1, 1], [1, 0, 1, 0], [1, 1, 0, 1]])
    >>> kept = np.ones_like(correct)
    >>> round(two_way_of_sums([correct, kept], [kept, kept]).mean, 3)
    0.333
    """
    first, second = checked_sums(baseline, variant)
    return two_way_of_shares(shares_of_sums(first), shares_of_sums(second))


def two_way_of_shares(baseline: Shares, variant: Shares) -> Effect:
    """Estimate the difference of a metric that both arms have as shares."""
    return effect_of(variant.table - baseline.table, float(np.mean(variant.values - baseline.values)))


def shares_of_sums(arm: Floats) -> Shares:
    """Return the mean of ratios of sums as shares; arm: [K, seeds, images], numerators first."""
    images = arm.shape[2]
    sums = arm.sum(axis=2)
    values = mean_of_ratios(sums)
    above, below = slopes_of_ratios(*np.split(sums, 2))
    # A mean of ratios does not change where all sums grow alike, so the means of the images cancel out.
    table = values[:, None] + images * np.einsum("ks,ksi->si", np.concatenate([above, below]), arm)
    return Shares(values, table)


def slopes_of_ratios(above: Floats, below: Floats) -> tuple[Floats, Floats]:
    """Return how the mean of the ratios above / below, both [ratios, ...], grows with each numerator and denominator.

    Of 0 / 0, which counts as 0, neither slope is known: it does not move.
    """
    share = np.divide(1.0, below * len(below), out=np.zeros_like(below), where=below != 0)
    ratios = np.divide(above, below, out=np.zeros_like(above), where=below != 0)
    return share, -share * ratios


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
