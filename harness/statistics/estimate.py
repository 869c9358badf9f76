"""An estimate with its uncertainty: the one place where intervals and p-values come from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.statistics.correction import corrected_level, corrected_p, equivalence_level

ALPHA = 0.05
_LEAST_LEVEL = 1e-150
_CLOSE = 1e-13
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

    def exp(self) -> Interval:
        """Return the interval of a ratio from that of its log."""
        return Interval(*(end if end == math.inf else math.exp(min(end, 700.0)) for end in self))


NO_INTERVAL = Interval(float("nan"), float("nan"))


class Part(NamedTuple):
    """One source's part of the variance of a mean, and the degrees of freedom it is known by; NaN where unknown."""

    variance: float
    df: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean whose variance is the sum of parts, each of them estimated on degrees of freedom of its own.

    Each part counts with the quantile of its own degrees of freedom: half-width^2 = sum of t(df)^2 variance. That
    holds at every level whatever the parts' shares (Banerjee 1960), and is Student's t where there is one part.

    `interval` and `p_value` are two readings of one number, so they never disagree: p is the level at which the
    interval just reaches zero, for every alpha and number of comparisons. Where a `df` is NaN (too few samples)
    nothing can be said: the interval is empty and p is NaN.
    `bound` is a half-width below which no interval goes (a known bias); 0 where there is none.

    >>> [round(end, 3) for end in Estimate(2.0, (Part(1.0, 10),)).interval()]
    [-0.228, 4.228]
    >>> Estimate(0.0, (Part(0.0, 4),)).p_value()
    1.0
    """

    mean: float
    parts: tuple[Part, ...]
    bound: float = 0.0

    @property
    def variance(self) -> float:
        """The variance of the mean."""
        return math.fsum(part.variance for part in self.parts)

    @property
    def standard_error(self) -> float:
        """The standard deviation of the mean."""
        return math.sqrt(self.variance)

    @property
    def known(self) -> bool:
        """Whether anything can be said of the spread."""
        return not any(math.isnan(number) for part in self.parts for number in part)

    def half_width(self, alpha: float = ALPHA, comparisons: int = 1) -> float:
        """Half the width of `interval`; NaN where it is empty."""
        return self._half_width(corrected_level(alpha, comparisons))

    def interval(self, alpha: float = ALPHA, comparisons: int = 1) -> Interval:
        """Return the interval of level 1 - alpha / comparisons (Bonferroni).

        Raises ValueError where alpha isn't between 0 and 1 or comparisons is below 1.
        """
        return self._around(corrected_level(alpha, comparisons))

    def equivalence_interval(self, alpha: float = ALPHA, comparisons: int = 1) -> Interval:
        """Return the interval of level 1 - 2 alpha / comparisons: what lies within a margin, two one-sided tests say.

        Each of the two is wrong with a chance of alpha / comparisons, and both can't be at once.
        """
        return self._around(equivalence_level(alpha, comparisons))

    def p_value(self, comparisons: int = 1) -> float:
        """Return the two-sided p-value of a mean of zero, times the number of comparisons, at most 1."""
        if not self.known:
            return float("nan")
        if abs(self.mean) <= self.bound:
            return corrected_p(1.0, comparisons)
        return corrected_p(level_reaching(abs(self.mean), self.parts), comparisons)

    def _half_width(self, level: float) -> float:
        # `half_width` for plain numbers, without what NumPy takes to say so: a table asks some thousand times.
        square = 0.0
        for variance, df in self.parts:
            square += quantile(level, df) ** 2 * variance
        return max(math.sqrt(square), self.bound)

    def _around(self, level: float) -> Interval:
        half = self._half_width(level)
        return NO_INTERVAL if math.isnan(half) else Interval(self.mean - half, self.mean + half)


def half_width(level: float, parts: Sequence[tuple[Any, float]]) -> Any:
    """Return how far the interval of 1 - level reaches to either side of the mean.

    parts: (variance, degrees of freedom); variances may be arrays of one shape.
    """
    return np.sqrt(sum(quantile(level, df) ** 2 * variance for variance, df in parts))


def level_reaching(distance: float, parts: Sequence[Part]) -> float:
    """Return the level whose interval reaches just as far as `distance`, above 0; 0 where there is no variance.

    >>> parts = Part(0.5, 4), Part(0.3, 700)
    >>> level = level_reaching(2.0, parts)
    >>> round(level, 4), round(float(half_width(level, parts)), 9)
    (0.0701, 2.0)
    """
    total = math.fsum(part.variance for part in parts)
    if total <= 0:
        return 0.0
    t = distance / math.sqrt(total)
    shares = [Part(part.variance / total, part.df) for part in parts if part.variance > 0]
    # Were all of the variance known by the fewest or the most degrees of freedom: the answer lies between.
    dfs = [part.df for part in shares]
    low, high = _two_sided_p(t, max(dfs)), _two_sided_p(t, min(dfs))
    low = max(low, _LEAST_LEVEL)
    level = math.sqrt(low * high)
    # Newton's steps on the log of the squared width, which is nearly straight in that of the level; by halves where
    # one leads out of what is known.
    while low < high:
        square, slope = _square_and_slope(level, shares)
        low, high = (level, high) if square > t**2 else (low, level)
        following = level * math.exp(math.log(square / t**2) * square / (slope * level)) if square > 0 else low
        # At the answer itself a step may lead by a last digit out of what is known.
        if abs(following - level) > _CLOSE * level and not low < following < high:
            following = math.sqrt(low * high)
        if abs(following - level) <= _CLOSE * level:
            return following
        level = following
    return low


def _square_and_slope(level: float, shares: Sequence[Part]) -> tuple[float, float]:
    """Return the square of the half-width, and how fast it falls with the level."""
    square = slope = 0.0
    for variance, df in shares:
        t = _quantile(level, df)
        square += variance * t**2
        slope += variance * t / _density(t, df)
    return square, slope


@lru_cache(maxsize=4096)
def quantile(level: float, df: float) -> float:
    """Return the value that Student's |t| exceeds with probability `level`."""
    return _quantile(level, df)


def quantiles(level: float, dfs: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.float64]:
    """Return `quantile` of each of many degrees of freedom."""
    return _quantiles(level, dfs.astype(np.float64).tobytes())


# Most comparisons of a table ask for the same numbers of seeds.
@lru_cache(maxsize=256)
def _quantiles(level: float, dfs: bytes) -> NDArray[np.float64]:
    from scipy.special import stdtrit  # lazily: SciPy costs start-up time

    return -np.asarray(stdtrit(np.frombuffer(dfs), level / 2), np.float64)


def _quantile(level: float, df: float) -> float:
    from scipy.special import stdtrit

    return -float(stdtrit(df, level / 2))


def _two_sided_p(t: float, df: float) -> float:
    from scipy.special import stdtr

    return 2 * float(stdtr(df, -t))


def _density(t: float, df: float) -> float:
    return _density_at_zero(df) * math.exp(-(df + 1) / 2 * math.log1p(t * t / df))


@lru_cache(maxsize=1024)
def _density_at_zero(df: float) -> float:
    return math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(df * math.pi)


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
