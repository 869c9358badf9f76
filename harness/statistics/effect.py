"""A difference measured on rows x columns, both of them random samples (seeds x images, readers x cases).

The model: difference[s, i] = mean + row[s] + column[i] + rest[s, i], all three random with mean zero.
The interval is meant for new rows and new columns. The variance is that of multi-reader multi-case studies
(Obuchowski and Rockette 1995; see also Gallas 2006); each of its parts has the quantile of its own degrees of freedom
(Banerjee 1960).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.statistics.correction import corrected_level, equivalence_level
from harness.statistics.estimate import ALPHA, Estimate, Part, first_count, quantile, quantiles

LEAST_SEEDS = 3
"""With two seeds Student's t is 13 at 5 % and 127 for the tenth of it: nothing is said below three."""

ROUNDING = 1e-12
"""A mean square this much below another is rounding, not a measurement."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MeanSquares:
    """The mean squares of a two-way table without replication; NaN where a factor has one level."""

    seeds: float
    images: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect(Estimate):
    """The mean difference between two paired arms, and where its uncertainty comes from.

    Its parts are the seeds' and the images', in that order: NaN where they can't be told (fewer than two seeds or
    images). Under three seeds, or of a single image, the degrees of freedom are NaN.
    """

    seeds: int
    images: int
    mean_squares: MeanSquares

    @property
    def seed_variance(self) -> float:
        """The part of the variance that more seeds would lessen."""
        return self.parts[0].variance

    @property
    def image_variance(self) -> float:
        """The part of the variance that only more test images would lessen."""
        return self.parts[1].variance


def two_way(differences: ArrayLike) -> Effect:
    """Estimate the mean of a table of paired differences, with both rows and columns random.

    differences: [seeds, images], finite numbers, each the variant's value less the baseline's on the
    same seed and the same image. Raises ValueError for another shape, an empty table, or a value
    that is not finite: leave out both arms of a seed that lacks one.

    >>> effect = two_way([[0, 1, 0, 1], [0, 1, 1, 1], [0, 1, 0, 0]])
    >>> effect.mean, round(effect.standard_error, 3), [part.df for part in effect.parts]
    (0.5, 0.236, [2, 3])
    """
    table = checked_table(differences)
    return effect_of(table, float(table.mean()))


def effect_of(table: Floats, mean: float) -> Effect:
    """Return the effect with the spread of `table` [seeds, images] around a mean known already."""
    seeds, images = table.shape
    squares = mean_squares(table)
    by_seeds, by_images = variance_parts(
        np.float64(squares.seeds), np.float64(squares.images), np.float64(squares.error), seeds, images
    )
    parts = (
        Part(float(by_seeds), seeds - 1 if seeds >= LEAST_SEEDS else float("nan")),
        Part(float(by_images), images - 1 if images > 1 else float("nan")),
    )
    return Effect(mean, parts, seeds=seeds, images=images, mean_squares=squares)


def mean_squares(table: Floats) -> MeanSquares:
    """Return the mean squares of a table [seeds, images] (two-way analysis of variance, no replication)."""
    seeds, images = table.shape
    rows, columns = table.sum(axis=1) / images, table.sum(axis=0) / seeds
    mean = rows.sum() / seeds
    rest = table - columns
    rows -= mean
    columns -= mean
    rest -= rows[:, None]
    return MeanSquares(
        seeds=_over(images * float(rows @ rows), seeds - 1),
        images=_over(seeds * float(columns @ columns), images - 1),
        error=_over(float(np.vdot(rest, rest)), (seeds - 1) * (images - 1)),
    )


def variance_parts(
    ms_seeds: Floats | np.float64,
    ms_images: Floats | np.float64,
    ms_error: Floats | np.float64,
    seeds: int,
    images: int,
) -> tuple[Floats, Floats]:
    """Return the variance of the mean due to seeds, and that due to images.

    Arrays of any one shape: MS_seeds / (seeds images) and max(MS_images - MS_error, 0) / (seeds images). Where the
    seeds' means agree by chance to the last digit though single cells differ, MS_error, which is at most MS_seeds on
    average, takes its place.
    """
    by_seeds = np.where(ms_seeds <= ROUNDING * ms_error, ms_error, ms_seeds)
    by_images = np.maximum(ms_images - ms_error, 0.0)
    cells = seeds * images
    return by_seeds / cells, by_images / cells


def seeds_needed(effect: Effect, margin: float, alpha: float = ALPHA, comparisons: int = 1) -> int | None:
    """Return about how many seeds in total would settle the comparison, were its mean to stay.

    Settled means that the interval excludes zero, or that at twice the level it lies within [-margin, margin]: what
    gives a verdict. None where only more images would settle it, since the part of the variance that is due to images
    stays however many seeds there are. Under two seeds nothing is known of the spread, and the answer is the least
    number that gives an interval at all.
    """
    if effect.images < 2:
        return None
    if effect.seeds < 2:
        return LEAST_SEEDS
    size = abs(effect.mean)
    level, equivalence = corrected_level(alpha, comparisons), equivalence_level(alpha, comparisons)

    def settled(seeds: NDArray[np.int64]) -> NDArray[np.bool_]:
        outside = _half_with(effect, level, seeds) < size
        return np.asarray(outside | (size + _half_with(effect, equivalence, seeds) <= margin))

    return first_count(settled, max(effect.seeds, LEAST_SEEDS))


def same_with(effect: Effect, seeds: int, margin: float, alpha: float = ALPHA, comparisons: int = 1) -> bool:
    """Say whether so many seeds would put the comparison within the margin, were its mean and spread to stay."""
    half = _half_with(effect, equivalence_level(alpha, comparisons), np.array([seeds]))
    return bool(abs(effect.mean) + half[0] <= margin)


def _half_with(effect: Effect, level: float, seeds: NDArray[np.int64]) -> Floats:
    """Return how far the interval would reach with other numbers of seeds."""
    by_seeds = quantiles(level, seeds - 1) ** 2 * (effect.seed_variance * (effect.seeds / seeds))
    return np.asarray(np.sqrt(by_seeds + quantile(level, effect.images - 1) ** 2 * effect.image_variance))


def checked_table(values: ArrayLike, name: str = "differences") -> Floats:
    """Return the values as float64 [rows, columns]; ValueError where they are not finite or no table."""
    table = np.asarray(values, np.float64)
    if table.ndim != 2 or table.size == 0:
        raise ValueError(f"{name} has the shape {table.shape}: two axes with at least one value are needed")
    rows = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if rows.size:
        raise ValueError(f"{name} is not finite in row(s) {rows.tolist()}: leave out both arms of those pairs")
    return table


def _over(squares: float, df: int) -> float:
    return squares / df if df else float("nan")
