"""A difference measured on rows x columns, both of them random samples (seeds x images, readers x cases).

The model: difference[s, i] = mean + row[s] + column[i] + rest[s, i], all three random with mean zero.
The interval is meant for new rows and new columns. It is the analysis of multi-reader multi-case
studies: Obuchowski and Rockette 1995; degrees of freedom after Hillis 2007; see also Gallas 2006.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.statistics.correction import corrected_level
from harness.statistics.estimate import ALPHA, Estimate, first_count, quantile

LEAST_SEEDS = 3
"""With two seeds the false alarms were 8-12 % where 5 % were asked for: nothing is said below three."""

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

    seed_variance and image_variance add up to the variance of the mean; both are NaN where they
    can't be told (fewer than two seeds or images). `df` is NaN under three seeds or two images.
    """

    seeds: int
    images: int
    mean_squares: MeanSquares
    seed_variance: float
    image_variance: float


def two_way(differences: ArrayLike) -> Effect:
    """Estimate the mean of a table of paired differences, with both rows and columns random.

    differences: [seeds, images], finite numbers, each the variant's value less the baseline's on the
    same seed and the same image. Raises ValueError for another shape, an empty table, or a value
    that is not finite: leave out both arms of a seed that lacks one.

    >>> effect = two_way([[0, 1, 0, 1], [0, 1, 1, 1], [0, 1, 0, 0]])
    >>> effect.mean, round(effect.standard_error, 3), round(effect.df, 1)
    (0.5, 0.236, 3.0)
    """
    table = checked_table(differences)
    return effect_of(table, float(table.mean()))


def effect_of(table: Floats, mean: float) -> Effect:
    """Return the effect with the spread of `table` [seeds, images] around a mean known already."""
    seeds, images = table.shape
    squares = mean_squares(table)
    by_seeds, by_images, df = variance_parts(
        np.float64(squares.seeds), np.float64(squares.images), np.float64(squares.error), seeds, images
    )
    return Effect(
        mean=mean,
        standard_error=math.sqrt(by_seeds + by_images),
        df=float(df) if seeds >= LEAST_SEEDS else float("nan"),
        seeds=seeds,
        images=images,
        mean_squares=squares,
        seed_variance=float(by_seeds),
        image_variance=float(by_images),
    )


def mean_squares(table: Floats) -> MeanSquares:
    """Return the mean squares of a table [seeds, images] (two-way analysis of variance, no replication)."""
    seeds, images = table.shape
    mean = table.mean()
    rows = table.mean(axis=1, keepdims=True) - mean
    columns = table.mean(axis=0, keepdims=True) - mean
    rest = table - mean - rows - columns
    return MeanSquares(
        seeds=_over(images * float((rows**2).sum()), seeds - 1),
        images=_over(seeds * float((columns**2).sum()), images - 1),
        error=_over(float((rest**2).sum()), (seeds - 1) * (images - 1)),
    )


def variance_parts(
    ms_seeds: Floats | np.float64,
    ms_images: Floats | np.float64,
    ms_error: Floats | np.float64,
    seeds: int,
    images: int,
) -> tuple[Floats, Floats, Floats]:
    """Return the variance of the mean due to seeds, that due to images, and the degrees of freedom.

    Arrays of any one shape. variance = (MS_seeds + max(MS_images - MS_error, 0)) / (seeds images);
    for the degrees of freedom see `degrees_of_freedom`. Where the seeds' means agree by chance to the last
    digit though single cells differ, MS_error, which is at most MS_seeds on average, takes its place.
    """
    by_seeds = np.asarray(ms_seeds, np.float64)
    by_seeds = np.where(by_seeds <= ROUNDING * np.asarray(ms_error), ms_error, by_seeds)
    by_images = np.maximum(np.asarray(ms_images, np.float64) - ms_error, 0.0)
    cells = seeds * images
    df = degrees_of_freedom(by_seeds, by_images, seeds, images)
    return by_seeds / cells, by_images / cells, df


def degrees_of_freedom(
    by_seeds: Floats | np.float64, by_images: Floats | np.float64, seeds: int | NDArray[np.int64], images: int
) -> Floats:
    """Return the degrees of freedom of the sum of both parts, in any one unit; NaN for a single image.

    (seeds - 1) / share^2 with share = s / (s + by_images), at most images - 1, since the part due to
    images isn't known better than that. Hillis 2007 takes s = by_seeds. With few seeds that is too
    sanguine: where by_seeds comes out low by chance, the variance is too low and df too high at once, and
    up to 8 % of false alarms at three seeds and 6.6 % at five were the result. Here s is by_seeds
    (seeds + 1) / (seeds - 1), the mean square over the squared mean of a variance on seeds - 1 degrees of
    freedom: at most 6.5 % and 5.8 %. The difference vanishes with many seeds; docs/statistics.md has both.
    """
    own = np.maximum(np.asarray(seeds) - 1, 1)
    raised = np.asarray(by_seeds, np.float64) * ((own + 2) / own)
    total = np.asarray(raised + by_images, np.float64)
    # The unit cancels out of the ratio; taking it out first keeps tiny squares from underflowing.
    share = np.divide(raised, total, out=np.ones_like(total), where=total > 0)
    df = np.divide(own, share**2, out=np.full_like(total, np.inf), where=share > 0)
    return np.asarray(np.minimum(df, images - 1 if images > 1 else float("nan")))


def seeds_needed(effect: Effect, margin: float, alpha: float = ALPHA, comparisons: int = 1) -> int | None:
    """Return about how many seeds in total would settle the comparison, were its mean to stay.

    Settled means that the interval excludes zero or lies within [-margin, margin], whichever is
    nearer at the present mean. None where only more images would settle it, since the part of the
    variance that is due to images stays however many seeds there are. Under two seeds nothing is known
    of the spread, and the answer is the least number that gives an interval at all.
    """
    level = corrected_level(alpha, comparisons)
    if effect.images < 2:
        return None
    if effect.seeds < 2:
        return LEAST_SEEDS
    allowed = allowed_half_width(effect.mean, margin)

    def settled(seeds: NDArray[np.int64]) -> NDArray[np.bool_]:
        by_seeds = effect.seed_variance * effect.seeds / seeds
        df = degrees_of_freedom(by_seeds, np.float64(effect.image_variance), seeds, effect.images)
        return np.asarray(quantile(level, df) * np.sqrt(by_seeds + effect.image_variance) <= allowed)

    return first_count(settled, max(effect.seeds, LEAST_SEEDS))


def allowed_half_width(mean: float, margin: float) -> float:
    """Return the widest half-width at which an interval around `mean` would settle the matter."""
    return max(abs(mean), margin - abs(mean))


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
