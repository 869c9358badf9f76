"""An estimate with its uncertainty: the one place where intervals and p-values come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.statistics.correction import corrected_level, corrected_p

ALPHA = 0.05
_AT_ONCE = 64
_MOST = 1_000_000
# What is looked at first: a few more, then ever more at a time.
_STEPS = np.unique(np.append(np.geomspace(1, _MOST, _AT_ONCE).astype(np.int64), np.arange(1, 33)))


class Interval(NamedTuple):
    """A closed interval; both ends are NaN where nothing can be said."""

    low: float
    high: float

    @property
    def empty(self) -> bool:
        """Whether nothing can be said."""
        return not (self.low <= self.high)

    def contains(self, value: float) -> bool:
        """Whether the value lies inside or on the edge; an empty interval contains nothing."""
        return bool(self.low <= value <= self.high)


NO_INTERVAL = Interval(float("nan"), float("nan"))


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean whose deviation over its standard error follows Student's t.

    `interval` and `p_value` are two readings of one number, so they never disagree: the interval
    excludes zero exactly where p is below alpha, for every alpha and number of comparisons.
    `df` is NaN where nothing can be said (too few samples): the interval is then empty and p is NaN.
    `bound` is a half-width below which no interval goes (a known bias); 0 where there is none.

    >>> [round(end, 3) for end in Estimate(mean=2.0, standard_error=1.0, df=10.0).interval()]
    [-0.228, 4.228]
    >>> Estimate(mean=0.0, standard_error=0.0, df=4.0).p_value()
    1.0
    """

    mean: float
    standard_error: float
    df: float
    bound: float = 0.0

    @property
    def variance(self) -> float:
        """The variance of the mean."""
        return self.standard_error**2

    def half_width(self, alpha: float = ALPHA, comparisons: int = 1) -> float:
        """Half the width of `interval`; NaN where it is empty."""
        level = corrected_level(alpha, comparisons)
        if np.isnan(self.df) or np.isnan(self.standard_error):
            return float("nan")
        return max(float(quantile(level, self.df)) * self.standard_error, self.bound)

    def interval(self, alpha: float = ALPHA, comparisons: int = 1) -> Interval:
        """Return the interval of level 1 - alpha / comparisons (Bonferroni).

        Raises ValueError where alpha isn't between 0 and 1 or comparisons is below 1.
        """
        half = self.half_width(alpha, comparisons)
        return NO_INTERVAL if np.isnan(half) else Interval(self.mean - half, self.mean + half)

    def p_value(self, comparisons: int = 1) -> float:
        """Return the two-sided p-value of a mean of zero, times the number of comparisons, at most 1."""
        if np.isnan(self.df) or np.isnan(self.standard_error):
            return float("nan")
        if abs(self.mean) <= self.bound:
            return 1.0
        return corrected_p(float(two_sided_p(self.mean, self.standard_error, self.df)), comparisons)


def quantile(level: float, df: ArrayLike) -> NDArray[np.float64]:
    """Return the value that Student's |t| exceeds with probability `level`, for each df."""
    from scipy.special import stdtrit  # lazily: SciPy costs start-up time

    found: Any = -stdtrit(np.asarray(df, np.float64), level / 2)
    return np.asarray(found, np.float64)


def two_sided_p(mean: ArrayLike, standard_error: ArrayLike, df: ArrayLike) -> NDArray[np.float64]:
    """Return Student's two-sided p for each mean; 1 for 0 / 0, 0 for a sure difference."""
    from scipy.special import stdtr

    size, error = np.abs(np.asarray(mean, np.float64)), np.asarray(standard_error, np.float64)
    with np.errstate(over="ignore"):
        t = np.divide(size, error, out=np.where(size > 0, np.inf, 0.0), where=error > 0)
    found: Any = 2 * stdtr(np.asarray(df, np.float64), -t)
    return np.asarray(np.where(np.isinf(t), 0.0, found), np.float64)


def first_count(enough: Callable[[NDArray[np.int64]], NDArray[np.bool_]], least: int) -> int | None:
    """Return the first count from `least` on with `enough(count)`, which then stays true; None above a million.

    `enough` takes many counts at once: a search by halves would ask it twenty times.

    >>> first_count(lambda counts: counts * counts >= 50, 3)
    8
    """
    below, most = least - 1, _MOST
    counts = below + _STEPS
    while True:
        places = np.flatnonzero(enough(counts))
        if not places.size:
            return None
        first = int(places[0])
        below, most = int(counts[first - 1]) if first else below, int(counts[first])
        if most - below < 2:
            return most
        counts = np.append(np.arange(below + 1, most, -(-(most - below) // _AT_ONCE)), most)
