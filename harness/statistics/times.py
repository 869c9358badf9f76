"""The ratio of two step times, measured in paired blocks over several fresh builds.

The model, on log ratios of the two arms' times in one block: ratio[build, block] = mean + build + noise.
Builds are a random sample: memory layout, thread placement and compilation differ from one to the next
and stay for a whole build, so that blocks alone would claim far too much. What both arms share (clock
speed, drift) cancels in a block. A build's blocks are averaged without their extremes, since a
foreign process slows a few blocks of one arm by much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.statistics.correction import corrected_level, equivalence_level
from harness.statistics.effect import checked_table
from harness.statistics.estimate import ALPHA, Estimate, Interval, Part, first_count, quantiles

TRIM = 0.25
"""The share of a build's blocks cut at each end, so that a quarter may be disturbed in one direction."""

LENT_UP_TO = 5
"""A control lends degrees of freedom up to this many in all: what six builds have by themselves, as `full` measures."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRatio(Estimate):
    """The log of variant time over baseline time; mean and standard error are logs, `ratio` is not.

    build_logs: the trimmed mean of each build; blocks: how many blocks a build had; build_variance: the
    variance of one build's mean; trust: how far a control's builds count for this ratio's own, from 0 to 1.
    """

    build_logs: tuple[float, ...]
    blocks: int
    build_variance: float
    trust: float = 0.0

    @property
    def ratio(self) -> float:
        """Variant time over baseline time: above 1, the variant is slower."""
        return math.exp(self.mean)

    @property
    def builds(self) -> int:
        """How many fresh builds were measured."""
        return len(self.build_logs)

    def ratio_interval(self, alpha: float = ALPHA, comparisons: int = 1) -> Interval:
        """Return the interval of the ratio, level 1 - alpha / comparisons; it excludes 1 where p < alpha."""
        return self.interval(alpha, comparisons).exp()

    def bounded_by(self, control: TimeRatio, *, variance_share: float = 1.0) -> TimeRatio:
        """Return the same ratio, its claim bounded by a control: the baseline against its own twin.

        The control's true log ratio is zero, so the squares of its builds' logs, times `variance_share` (this
        ratio's variance over the control's, where all arms are alike), tell how far builds deviate. They lend degrees
        of freedom where this ratio has few of its own: as many as it has, and no more than LENT_UP_TO in all; and only
        as far as they can be trusted to be of the same kind, by the square of how small they are beside this ratio's
        own variance. The variance is never taken to be below this ratio's own. And no interval is narrower than the
        control's own deviation from 1, whatever its cause.

        docs/statistics.md has the false alarms where the variant's builds deviate more than the control's.
        """
        own = self.builds - 1
        if not own:
            return replace(self, bound=abs(control.mean))
        of_control = variance_share * math.fsum(x * x for x in control.build_logs) / control.builds
        trust = (of_control / self.build_variance) ** 2 if of_control < self.build_variance else 1.0
        lent = float(degrees_lent(own, trust))
        variance = max((self.build_variance * own + of_control * lent) / (own + lent), self.build_variance)
        return replace(
            self,
            parts=(Part(variance / self.builds, own + lent),),
            bound=abs(control.mean),
            build_variance=variance,
            trust=trust,
        )


def degrees_lent(own: int | NDArray[np.int64], trust: float | Floats) -> Floats:
    """Return how many degrees of freedom a control adds to a ratio's own.

    >>> degrees_lent(np.array([1, 2, 3, 4, 5, 7]), trust=0.5).tolist()
    [0.5, 1.0, 1.0, 0.5, 0.0, 0.0]
    """
    return np.asarray(np.clip(LENT_UP_TO - np.asarray(own), 0, own) * trust)


def controlled_ratio(baseline: ArrayLike, control: ArrayLike, variant: ArrayLike) -> TimeRatio:
    """Estimate variant time / baseline time where a twin of the baseline, the control, ran along.

    baseline, control, variant: [builds, blocks] as in `time_ratio`. A build's log is the mean of those
    against either baseline arm: variance 1.5 of an arm's instead of 2. It does not correlate with the
    control's ratio (the two are orthogonal contrasts), which then bounds it. Raises ValueError as `time_ratio` does.

    >>> ratio = controlled_ratio([[1.0, 1.1], [1.0, 0.9]], [[1.0, 1.1], [1.0, 0.9]], [[1.5, 1.6], [1.5, 1.3]])
    >>> round(ratio.ratio, 2), ratio.parts[0].df
    (1.47, 1.0)
    """
    first, twin, own = _logs(baseline=baseline, control=control, variant=variant)
    # Each trimmed before they are averaged: trimming against the mean of both arms would favour them, since slow
    # blocks are twice as frequent in it and half as slow.
    of_twin, to_first, to_twin = trimmed_means(np.stack([twin - first, own - first, own - twin]))
    blocks = first.shape[1]
    return _of_builds((to_first + to_twin) / 2, blocks).bounded_by(_of_builds(of_twin, blocks), variance_share=1.5 / 2)


def time_ratio(baseline: ArrayLike, variant: ArrayLike) -> TimeRatio:
    """Estimate variant time / baseline time from paired blocks.

    baseline, variant: [builds, blocks], seconds a step or any other unit, above 0: the two arms of one
    cell were measured next to each other. One build gives no interval. Raises ValueError for shapes that
    differ, an empty table, or a time that is not finite and above 0.

    >>> ratio = time_ratio([[1.0, 1.1], [1.0, 0.9], [1.2, 1.0]], [[1.5, 1.6], [1.5, 1.3], [1.9, 1.5]])
    >>> round(ratio.ratio, 2), [round(end, 2) for end in ratio.ratio_interval()]
    (1.5, [1.4, 1.59])
    """
    first, own = _logs(baseline=baseline, variant=variant)
    return _of_builds(trimmed_means(own - first), first.shape[1])


def _logs(**arms: ArrayLike) -> Floats:
    """Return the logs of the arms' times [arms, builds, blocks], checked."""
    tables = [checked_table(times, name) for name, times in arms.items()]
    if any(table.shape != tables[0].shape for table in tables):
        shapes = " and ".join(str(table.shape) for table in tables)
        raise ValueError(f"shapes {shapes}: each block needs both arms")
    stacked = np.stack(tables)
    lowest = float(stacked.min())
    if lowest <= 0:
        raise ValueError(f"a time is {lowest}: times must be above 0")
    return np.asarray(np.log(stacked))


def _of_builds(means: Floats, blocks: int) -> TimeRatio:
    builds = len(means)
    variance = float(np.var(means, ddof=1)) if builds > 1 else float("nan")
    return TimeRatio(
        mean=float(means.mean()),
        parts=(Part(variance / builds, builds - 1 if builds > 1 else float("nan")),),
        build_logs=tuple(means.tolist()),
        blocks=blocks,
        build_variance=variance,
    )


def trimmed_means(values: Floats) -> Floats:
    """Return the mean of each row [..., columns] without a quarter at each end, at least one of three."""
    count = values.shape[-1]
    cut = max(int(TRIM * count), 1) if count >= 3 else 0
    return np.asarray(np.sort(values)[..., cut : count - cut].mean(axis=-1))


def builds_needed(effect: TimeRatio, margin: float, alpha: float = ALPHA, comparisons: int = 1) -> int | None:
    """Return about how many builds in total, with as many blocks each, would settle the comparison.

    margin: of the ratio, as 0.02. None where none would: the control's deviation is in the way, or the
    spread is unknown (one build).
    """
    if not effect.known:
        return None
    level, equivalence = corrected_level(alpha, comparisons), equivalence_level(alpha, comparisons)
    size, edge = abs(effect.mean), _edge(effect, margin)

    def settled(builds: NDArray[np.int64]) -> NDArray[np.bool_]:
        outside = _half_with(effect, level, builds) < size
        return np.asarray(outside | (size + _half_with(effect, equivalence, builds) <= edge))

    return first_count(settled, effect.builds)


def same_with_builds(effect: TimeRatio, builds: int, margin: float, alpha: float = ALPHA, comparisons: int = 1) -> bool:
    """Say whether so many builds would put the ratio within the margin, were its mean and spread to stay."""
    half = _half_with(effect, equivalence_level(alpha, comparisons), np.array([builds]))
    return bool(abs(effect.mean) + half[0] <= _edge(effect, margin))


def _edge(effect: TimeRatio, margin: float) -> float:
    return -math.log(1 - margin) if effect.mean < 0 else math.log(1 + margin)


def _half_with(effect: TimeRatio, level: float, builds: NDArray[np.int64]) -> Floats:
    """Return how far the interval of the log would reach with other numbers of builds."""
    spread = np.sqrt(effect.build_variance / builds)
    df = builds - 1 + degrees_lent(builds - 1, effect.trust)
    return np.asarray(np.maximum(quantiles(level, df) * spread, effect.bound))
