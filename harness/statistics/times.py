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

from harness.statistics.correction import corrected_level
from harness.statistics.estimate import ALPHA, Estimate, Interval, quantile
from harness.statistics.needed import first_count
from harness.statistics.two_way import allowed_half_width, checked_table

TRIM = 0.25
"""The share of a build's blocks cut at each end, so that a quarter may be disturbed in one direction."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRatio(Estimate):
    """The log of variant time over baseline time; mean and standard error are logs, `ratio` is not.

    build_logs: the trimmed mean of each build; build_variance: the variance of one build's mean, of which
    block_variance is due to blocks; controls: how many builds of a control are in it.
    """

    build_logs: tuple[float, ...]
    blocks: int
    build_variance: float
    block_variance: float
    controls: int = 0

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
        low, high = self.interval(alpha, comparisons)
        return Interval(_exp(low), _exp(high))

    def bounded_by(self, control: TimeRatio) -> TimeRatio:
        """Return the same ratio, its claim bounded by a control: the baseline against its own twin.

        The control's true log ratio is zero, so that each of its builds tells one more degree of freedom
        of how far builds deviate: its squares are pooled with the spread of this ratio's builds. A
        noisy control widens the interval, a quiet one narrows it. And no interval is narrower than the
        control's own deviation from 1, whatever its cause.

        Assumes that the twin's builds deviate as much as the variant's do, and equally many blocks.
        """
        own = self.builds - 1
        squares = (self.build_variance * own if own else 0.0) + math.fsum(x * x for x in control.build_logs)
        df = own + control.builds
        variance = max(squares / df, self.block_variance)
        return replace(
            self,
            standard_error=math.sqrt(variance / self.builds),
            df=float(df),
            bound=abs(control.mean),
            build_variance=variance,
            controls=control.builds,
        )


def time_ratio(baseline: ArrayLike, variant: ArrayLike) -> TimeRatio:
    """Estimate variant time / baseline time from paired blocks.

    baseline, variant: [builds, blocks], seconds a step or any other unit, above 0: the two arms of one
    cell were measured next to each other. One build gives no interval. Raises ValueError for shapes that
    differ, an empty table, or a time that is not finite and above 0.

    >>> ratio = time_ratio([[1.0, 1.1], [1.0, 0.9], [1.2, 1.0]], [[1.5, 1.6], [1.5, 1.3], [1.9, 1.5]])
    >>> round(ratio.ratio, 2), [round(end, 2) for end in ratio.ratio_interval()]
    (1.5, [1.4, 1.59])
    """
    first, second = checked_table(baseline, "baseline"), checked_table(variant, "variant")
    if first.shape != second.shape:
        raise ValueError(f"shapes {first.shape} and {second.shape}: each block needs both arms")
    lowest = min(float(first.min()), float(second.min()))
    if lowest <= 0:
        raise ValueError(f"a time is {lowest}: times must be above 0")
    logs = np.log(second) - np.log(first)
    means, within = trimmed(logs)
    builds = len(means)
    spread = float(np.var(means, ddof=1)) if builds > 1 else float("nan")
    block_variance = float(np.mean(within)) if logs.shape[1] > 1 else 0.0
    variance = max(spread, block_variance) if builds > 1 else float("nan")
    return TimeRatio(
        mean=float(means.mean()),
        standard_error=math.sqrt(variance / builds),
        df=builds - 1 if builds > 1 else float("nan"),
        build_logs=tuple(means.tolist()),
        blocks=logs.shape[1],
        build_variance=variance,
        block_variance=block_variance,
    )


def trimmed(values: Floats) -> tuple[Floats, Floats]:
    """Return the trimmed mean of each row and its variance (Tukey and McLaughlin 1963; Yuen 1974).

    values: [rows, columns]. The variance is that of the winsorised row; 0 where fewer than two are left.
    """
    count = values.shape[1]
    cut = int(TRIM * count)
    inner = np.sort(values, axis=1)[:, cut : count - cut]
    kept = inner.shape[1]
    if kept < 2:
        return inner.mean(axis=1), np.zeros(len(values))
    middle = inner.mean(axis=1)
    ends = cut * (inner[:, :1] + inner[:, -1:])
    winsorised = (inner.sum(axis=1, keepdims=True) + ends) / count
    squares = ((inner - winsorised) ** 2).sum(axis=1)
    squares += cut * ((inner[:, 0] - winsorised[:, 0]) ** 2 + (inner[:, -1] - winsorised[:, 0]) ** 2)
    return middle, squares / (kept * (kept - 1))


def builds_needed(effect: TimeRatio, margin: float, alpha: float = ALPHA, comparisons: int = 1) -> int | None:
    """Return about how many builds in total, with as many blocks each, would settle the comparison.

    margin: of the ratio, as 0.02. None where none would: the control's deviation is in the way, or the
    spread is unknown (one build and no control).
    """
    level = corrected_level(alpha, comparisons)
    allowed = allowed_half_width(effect.mean, math.log1p(margin))
    if effect.bound > allowed or math.isnan(effect.df):
        return None

    def settled(builds: int) -> bool:
        df = builds - 1 + effect.controls
        half = float(quantile(level, df)) * math.sqrt(effect.build_variance / builds)
        return half <= allowed

    return first_count(settled, effect.builds)


def blocks_needed(effect: TimeRatio, margin: float, alpha: float = ALPHA, comparisons: int = 1) -> int | None:
    """Return `builds_needed` in blocks: how many in total, spread over fresh builds."""
    builds = builds_needed(effect, margin, alpha, comparisons)
    return None if builds is None else builds * effect.blocks


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0))
