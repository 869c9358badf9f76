"""What two timing runs that were not interleaved with each other allow to say."""

from __future__ import annotations

import math

from harness.comparison.judge import Comparison, Margins, bounded_ratio
from harness.comparison.verdicts import Verdict, time_verdict
from harness.results.records import NAN
from harness.results.step_times import StepTimes, typical_ms
from harness.statistics import Estimate


def relative_estimate(old: StepTimes, new: StepTimes) -> Estimate:
    """Return the log of (variant over baseline in `new`) over (variant over baseline in `old`).

    In each run variant and baseline were interleaved, so what the machine did that day cancels. The two runs are
    independent: variances add, degrees of freedom after Welch 1947. Where both share builds of the baseline, as in
    one process, their deviations cancel too, and the interval is wider than it needs to be. The controls' own
    deviations add up to the half-width below which no interval goes.
    """
    first, second = bounded_ratio(old), bounded_ratio(new)
    variance = first.variance + second.variance
    freedom = NAN
    if not math.isnan(first.df + second.df):
        parts = first.variance**2 / first.df + second.variance**2 / second.df
        freedom = variance**2 / parts if parts else first.df + second.df
    return Estimate(second.mean - first.mean, math.sqrt(variance), freedom, first.bound + second.bound)


def judge_relative(old: StepTimes, new: StepTimes, *, comparisons: int, margins: Margins) -> Comparison:
    """Compare two variants that were timed against the same baseline in the same software.

    The baseline is the same program in both runs, so the ratio of the ratios is the ratio of the variants.
    """
    estimate = relative_estimate(old, new)
    low, high = (math.exp(end) for end in estimate.interval(margins.alpha, comparisons))
    return _judged(math.exp(estimate.mean), low, high, margins, p=estimate.p_value(comparisons))


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
    low, high = (math.exp(end) for end in estimate.interval(margins.alpha, comparisons))
    before, after = baselines_ms or (typical_ms(old.baseline_ms), typical_ms(new.baseline_ms))
    baseline = after / before
    ratio = baseline * math.exp(estimate.mean)
    if math.isnan(low):
        return _judged(ratio, low, high, margins)
    found = _judged(
        ratio,
        min(low * min(baseline, 1.0), ratio),
        max(high * max(baseline, 1.0), ratio),
        margins,
    )
    if found.verdict is Verdict.UNRESOLVED and time_verdict(low, high, margins.time) is not Verdict.UNRESOLVED:
        hint = (
            f"the baseline itself took {baseline:.3g} times as long: time both in a quiet hour, or both versions "
            "as two variants of one suite"
        )
        return Comparison(found.value, found.low, found.high, found.p, found.verdict, hint)
    return found


def _judged(ratio: float, low: float, high: float, margins: Margins, *, p: float = NAN) -> Comparison:
    verdict = time_verdict(low, high, margins.time)
    if verdict is not Verdict.UNRESOLVED:
        return Comparison(ratio, low, high, p, verdict)
    hint = (
        "needs more than one build: time with --budget quick" if math.isnan(low) else "needs more builds in both runs"
    )
    return Comparison(ratio, low, high, p, verdict, hint)
