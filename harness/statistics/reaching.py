"""When one arm's learning curve reaches what another has in the end, paired by seed.

The curves are differences from the target, one per seed: [seeds, epochs]. Their mean first reaches zero at some epoch
or never. Its interval is found by asking of each epoch whether the mean there may yet be below zero, or already
above (Fieller 1954: the test is turned round), with Student's t over the seeds; no curve is fitted. Whatever the law
of the epoch at which a single seed gets there, and however many never do, only differences of accuracy are averaged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.statistics.correction import corrected_level, corrected_p, equivalence_level
from harness.statistics.effect import LEAST_SEEDS, checked_table
from harness.statistics.estimate import ALPHA, NO_INTERVAL, Estimate, Interval, quantile

NEVER = math.inf
"""The epoch of what is not reached within the epochs that were trained."""

_LEAST_LEVEL, _MOST_LEVEL = 1e-15, 1 - 1e-12
_HALVINGS = 32
_ROUNDING = 1e-20
"""A variance of accuracies below this is rounding."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reaching:
    """Curves [seeds, epochs] of the variant's value after each epoch less the target of its seed, finite."""

    curves: Floats

    @classmethod
    def of(cls, curves: ArrayLike) -> Reaching:
        """Check the curves; ValueError where they are not finite or no table.

        >>> Reaching.of([[-0.2, -0.1, 0.1], [-0.2, 0.0, 0.1], [-0.2, -0.1, 0.0]]).epochs
        2.5
        """
        return cls(checked_table(curves, "curves"))

    @property
    def known(self) -> bool:
        """Whether there are enough seeds for an interval, and they differ after some epoch."""
        return len(self.curves) >= LEAST_SEEDS and max(self._moments[1]) > 0

    @property
    def seeds_reaching(self) -> int:
        """How many seeds reach their own target."""
        return int((self.curves >= 0).any(axis=1).sum())

    @cached_property
    def epochs(self) -> float:
        """After how many epochs the mean first reaches the target, straight between epochs, at least 1; or NEVER."""
        return self._first_reached(self._moments, 0.0)

    def interval(self, level: float) -> Interval:
        """Return the epochs, level 1 - `level`: up to the first, the target is surely not reached; from the last on,
        it surely is. Either may be NEVER; both are NaN where nothing is known of the spread.
        """
        if not self.known:
            return NO_INTERVAL
        t = quantile(level, len(self.curves) - 1)
        return Interval(self._first_reached(self._moments, t), self._surely_reached(self._moments, t))

    @cached_property
    def _moments(self) -> tuple[list[float], list[float], list[float]]:
        """Mean and its variance at each epoch, and the covariance with that at the next one."""
        seeds = len(self.curves)
        means = self.curves.mean(axis=0)
        rest = self.curves - means
        scale = seeds * max(seeds - 1, 1)
        variances = (rest * rest).sum(axis=0) / scale
        # Accuracies of few images agree by chance, or at 100 %: no certainty. The least spread of other epochs serves.
        spread = variances > _ROUNDING
        variances = np.where(spread, variances, variances[spread].min() if spread.any() else 0.0)
        covariances = (rest[:, :-1] * rest[:, 1:]).sum(axis=0) / scale
        return means.tolist(), variances.tolist(), covariances.tolist()

    @staticmethod
    def _first_reached(moments: tuple[list[float], list[float], list[float]], t: float) -> float:
        means, variances, covariances = moments
        ends = [mean + t * math.sqrt(variance) for mean, variance in zip(means, variances, strict=True)]
        epoch = next((place for place, end in enumerate(ends) if end >= 0), None)
        if epoch is None:
            return NEVER
        if epoch == 0:
            return 1.0
        place = epoch - 1
        # A standard error is convex between two epochs, so this bound is too: it passes zero once.
        return epoch + _root(means[place : place + 2], variances[place : place + 2], covariances[place], t)

    @staticmethod
    def _surely_reached(moments: tuple[list[float], list[float], list[float]], t: float) -> float:
        means, variances, covariances = moments
        ends = [mean - t * math.sqrt(variance) for mean, variance in zip(means, variances, strict=True)]
        below = next((place for place in range(len(ends) - 1, -1, -1) if ends[place] < 0), None)
        if below is None:
            return 1.0
        if below == len(ends) - 1:
            return NEVER
        return below + 1 + _root(means[below : below + 2], variances[below : below + 2], covariances[below], -t)


def _root(means: list[float], variances: list[float], covariance: float, t: float) -> float:
    """Return where, from 0 to 1, mean + t x standard error passes zero between two epochs, the second at or above.

    There mean^2 = t^2 variance, a quadratic equation of the place between them.
    """
    rise = means[1] - means[0]
    square = rise * rise - t * t * (variances[0] - 2 * covariance + variances[1])
    half = means[0] * rise - t * t * (covariance - variances[0])
    constant = means[0] * means[0] - t * t * variances[0]
    root = math.sqrt(max(half * half - square * constant, 0.0))
    # The larger of the two is reckoned without cancellation, and gives the other one.
    larger = -(half + math.copysign(root, half))
    places = [larger / square if square else -1.0, constant / larger if larger else 0.0]
    # Squared, the other bound is an answer too: there the mean has the other sign.
    misses = [(abs(min(max(one, 0.0), 1.0) - one) + max(t * (means[0] + one * rise), 0.0), one) for one in places]
    return min(max(min(misses)[1], 0.0), 1.0)


@dataclass(frozen=True, eq=False)
class TimeToReach:
    """The time until the target is reached, as a ratio to the whole training of the arm that set the target.

    Its log is that of the epochs over `of_epochs`, plus that of an epoch's time over the other arm's, whose estimate
    does not depend on the seeds. The two intervals are joined as squares, each side for itself (Zou and Donner 2008):
    where both are symmetric that is `Estimate`'s own rule (Banerjee 1960).

    Attributes:
        reaching: The epochs.
        of_epochs: Epochs of a whole training.
        epoch_time: The log of the ratio of an epoch's time.
    """

    reaching: Reaching
    of_epochs: int
    epoch_time: Estimate

    @property
    def known(self) -> bool:
        """Whether anything can be said of the spread."""
        return self.reaching.known and self.epoch_time.known

    @property
    def ratio(self) -> float:
        """The ratio; infinite where the mean of the seeds never reaches the target."""
        return self.reaching.epochs / self.of_epochs * math.exp(self.epoch_time.mean)

    def interval(self, alpha: float = ALPHA, comparisons: int = 1) -> Interval:
        """Return the interval of the ratio's log, level 1 - alpha / comparisons; an end is infinite for never."""
        return self._at(corrected_level(alpha, comparisons))

    def equivalence_interval(self, alpha: float = ALPHA, comparisons: int = 1) -> Interval:
        """Return the interval of level 1 - 2 alpha / comparisons, as `Estimate.equivalence_interval`."""
        return self._at(equivalence_level(alpha, comparisons))

    def p_value(self, comparisons: int = 1) -> float:
        """Return the level at which the interval just reaches a ratio of 1, times the comparisons, at most 1."""
        if not self.known:
            return math.nan
        low, high = math.log(_LEAST_LEVEL), 0.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if self._at(math.exp(middle)).contains(0.0) else (low, middle)
        return corrected_p(math.exp(high), comparisons)

    def _at(self, level: float) -> Interval:
        if not self.known:
            return NO_INTERVAL
        epochs = self.reaching.interval(level)
        if epochs.low == NEVER:
            return Interval(math.inf, math.inf)
        time = self.epoch_time.interval(min(level, _MOST_LEVEL))
        half = self.epoch_time.mean - time.low
        low = math.log(epochs.low / self.of_epochs)
        # Where it is not reached, the last epoch stands for it: what lies beyond would only move the lower end up.
        middle = math.log(min(self.reaching.epochs, self.of_epochs) / self.of_epochs)
        lowest = middle + self.epoch_time.mean - math.hypot(middle - low, half)
        if epochs.high == NEVER:
            return Interval(lowest, math.inf)
        high = math.log(epochs.high / self.of_epochs)
        return Interval(lowest, middle + self.epoch_time.mean + math.hypot(high - middle, half))


def best_so_far(curves: Floats) -> Floats:
    """Return [seeds, epochs] with the best value up to each epoch: what a training that ended there would keep.

    >>> best_so_far(np.array([[0.5, 0.7, 0.6]])).tolist()
    [[0.5, 0.7, 0.7]]
    """
    return np.maximum.accumulate(curves, axis=1)
