"""What two timing runs that were not interleaved with each other allow to say."""

from __future__ import annotations

import math
from dataclasses import replace

from harness.comparison.judge import Comparison, Margins, bounded_ratio
from harness.comparison.verdicts import Hint, Verdict, time_verdict
from harness.results.records import NAN
from harness.results.step_times import StepTimes, typical_ms
from harness.statistics import Estimate, Interval


def relative_estimate(old: StepTimes, new: StepTimes) -> Estimate:
    """Return the log of (variant over baseline in `new`) over (variant over baseline in `old`).

    In each run variant and baseline were interleaved, so what the machine did that day cancels. The two runs are
    independent: the parts of their variances add. Where both share builds of the baseline, as in one process, their
    deviations cancel too, and the interval is wider than it needs to be. The controls' own deviations add up to the
    half-width below which no interval goes.
    """
    first, second = bounded_ratio(old), bounded_ratio(new)
    return Estimate(second.mean - first.mean, first.parts + second.parts, first.bound + second.bound)


def judge_relative(old: StepTimes, new: StepTimes, *, comparisons: int, margins: Margins) -> Comparison:
    """Compare two variants that were timed against the same baseline in the same software.

    The baseline is the same program in both runs, so the ratio of the ratios is the ratio of the variants.
    """
    estimate = relative_estimate(old, new)
    intervals = _intervals(estimate, comparisons, margins)
    hint = _hint((old, new), intervals[0], where="")
    return _judged(estimate.mean, *intervals, margins, p=estimate.p_value(comparisons), hint=hint)


def judge_across(
    old: StepTimes,
    new: StepTimes,
    *,
    comparisons: int,
    margins: Margins,
    baselines_ms: tuple[float, float] | None = None,
) -> Comparison:
    """Compare one variant's step time in two folders, measured on one machine at different times.

    The runs were not interleaved. If the baseline's own time differs between them, either the machine was in another
    mood or the new software is faster or slower as a whole: these runs cannot tell. The interval covers both
    explanations and all between: the change relative to the baseline, and that times the baseline's own change. A
    claim is therefore only made where both agree. There is no p-value, since no chance is attached to the explanations.

    Args:
        old, new: The variant's step times in either folder.
        comparisons: Variants compared.
        margins: Alpha and margins.
        baselines_ms: The baseline's typical step in either, as the tables show it; default what it took beside the
            variant.
    """
    estimate = relative_estimate(old, new)
    intervals = _intervals(estimate, comparisons, margins)
    before, after = baselines_ms or (typical_ms(old.baseline_ms), typical_ms(new.baseline_ms))
    baseline = math.log(after / before)
    interval, equivalence = (_reaching(one, baseline) for one in intervals)
    hint = _hint((old, new), interval, where=" in both runs")
    found = _judged(estimate.mean + baseline, interval, equivalence, margins, hint=hint)
    if found.verdict is Verdict.UNRESOLVED and time_verdict(*intervals, margins.time) is not Verdict.UNRESOLVED:
        moved = (
            f"the baseline itself took {after / before:.3g} times as long: time both in a quiet hour, or both versions "
            "as two variants of one suite"
        )
        return replace(found, hint=moved)
    return found


def _intervals(estimate: Estimate, comparisons: int, margins: Margins) -> tuple[Interval, Interval]:
    chances = margins.alpha, comparisons
    return estimate.interval(*chances), estimate.equivalence_interval(*chances)


def _reaching(interval: Interval, further: float) -> Interval:
    """Return the interval widened on one side: of either explanation and all between."""
    return Interval(interval.low + min(further, 0.0), interval.high + max(further, 0.0))


def _judged(
    log_ratio: float,
    interval: Interval,
    equivalence: Interval,
    margins: Margins,
    *,
    hint: Hint,
    p: float = NAN,
) -> Comparison:
    ends = interval.exp()
    found = Comparison(math.exp(log_ratio), *ends, p, time_verdict(interval, equivalence, margins.time))
    return found if found.verdict is not Verdict.UNRESOLVED else replace(found, hint=hint.of_interval(*ends).text)


def _hint(times: tuple[StepTimes, StepTimes], interval: Interval, *, where: str) -> Hint:
    """Say what would settle it; `where` names the runs that it is for, where there are two."""
    budgets = {one.budget.name for one in times}
    if interval.empty and "smoke" in budgets:
        return Hint(f"one build gives no interval: --budget quick times several{',' * bool(where)}{where}")
    if budgets == {"full"}:
        return Hint(f"only a quieter machine would settle it: --retime{where} measures anew there")
    return Hint(
        f"use --budget full with the same --epochs and --seeds{where}: it trains nothing anew and times six builds"
    )
