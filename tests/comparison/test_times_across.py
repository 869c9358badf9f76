from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from harness.budgets import BUDGETS
from harness.comparison import Margins
from harness.comparison.judge import bounded_ratio
from harness.comparison.times_across_runs import judge_across, judge_relative, relative_estimate
from harness.comparison.verdicts import LOOSE_HINT, Verdict
from harness.results.step_times import StepTimes
from harness.results.trials import Environment
from harness.variants import BASELINE

VARIANT = BASELINE.replace(dropout=0.5)
REPETITIONS = 300


def _run(variant_ms: float, *, spread: float, speed: float, rng: np.random.Generator) -> StepTimes:
    """Draw 4 builds of 8 blocks: builds deviate by `spread`, the machine is as fast as `speed` says that day."""

    def arm(ms: float) -> tuple[tuple[float, ...], ...]:
        builds = np.exp(spread * rng.standard_normal((4, 1)))
        return tuple(map(tuple, (ms * speed * builds * np.exp(0.02 * rng.standard_normal((4, 8)))).tolist()))

    environment = Environment("cpu", "tensorflow", 2, ())
    return StepTimes(
        "key", VARIANT, BASELINE, "digits", "f", BUDGETS["quick"], environment, 3, arm(8.0), arm(8.0), arm(variant_ms)
    )


@pytest.mark.parametrize("drift", [0.0, 0.05])
@pytest.mark.parametrize("spread", [0.005, 0.05])
def test_without_a_true_change_a_claim_is_rarer_than_alpha(spread, drift):
    rng = np.random.default_rng([int(spread * 1000), int(drift * 100)])
    claims = {"across": 0, "relative": 0}
    for _ in range(REPETITIONS):
        runs = [_run(12.0, spread=spread, speed=np.exp(drift * rng.standard_normal()), rng=rng) for _ in range(2)]
        for name, judge in (("across", judge_across), ("relative", judge_relative)):
            claims[name] += judge(*runs, comparisons=1, margins=Margins()).verdict in (Verdict.BETTER, Verdict.WORSE)
    # 5 % are allowed; three standard errors of the count above that.
    allowed = 0.05 * REPETITIONS + 3 * (0.05 * 0.95 * REPETITIONS) ** 0.5
    assert claims["across"] <= 0.03 * REPETITIONS
    assert claims["relative"] <= allowed


def test_a_variant_a_fifth_slower_is_found_though_the_machine_drifts():
    rng = np.random.default_rng(3)
    found = [
        judge_across(
            *(_run(ms, spread=0.02, speed=np.exp(0.05 * rng.standard_normal()), rng=rng) for ms in (12.0, 14.4)),
            comparisons=1,
            margins=Margins(),
        ).verdict
        for _ in range(100)
    ]
    assert found.count(Verdict.WORSE) >= 90


def _of(logs, *, control=(0.0, 0.0, 0.0), baseline=8.0, budget="quick"):
    """Times of builds of one block each, of which the variant's lie so far above the baseline's, as logs."""

    def arm(above):
        return tuple((baseline * float(np.exp(log)),) for log in above)

    arms = arm([0.0] * len(logs)), arm(control[: len(logs)]), arm(logs)
    return StepTimes(
        "key", VARIANT, BASELINE, "digits", "f", BUDGETS[budget], Environment("cpu", "tensorflow", 2, ()), 3, *arms
    )


OLD, NEW = _of([0.38, 0.4, 0.42]), _of([0.55, 0.61, 0.64])


def test_the_ratio_of_ratios_has_the_spread_of_both_and_the_deviation_of_both_controls():
    first, second = bounded_ratio(OLD), bounded_ratio(NEW)
    estimate = relative_estimate(OLD, NEW)
    assert estimate.mean == pytest.approx(0.2)
    assert estimate.variance == pytest.approx(first.variance + second.variance)
    t = [stats.t.isf(0.025 / 2, part.df) for part in (*first.parts, *second.parts)]
    half = math.sqrt(sum(q**2 * part.variance for q, part in zip(t, (*first.parts, *second.parts), strict=True)))
    found = judge_relative(OLD, NEW, comparisons=2, margins=Margins())
    assert (found.value, found.low, found.high) == pytest.approx(tuple(math.exp(0.2 + x * half) for x in (0, -1, 1)))
    assert found.p == pytest.approx(estimate.p_value(2))
    assert (found.verdict, found.hint) == ("worse", "")
    off = _of([0.4, 0.41, 0.39], control=(0.1, 0.1, 0.1)), _of([0.6, 0.61, 0.59], control=(0.05, 0.05, 0.05))
    bounds = [bounded_ratio(one).bound for one in off]
    assert min(bounds) > 0
    assert relative_estimate(*off).bound == pytest.approx(sum(bounds))


def test_across_runs_the_interval_holds_the_change_with_and_without_the_baselines_own():
    relative = judge_relative(OLD, NEW, comparisons=2, margins=Margins())
    for factor, low, high in ((1.1, 1.0, 1.1), (0.9, 0.9, 1.0), (1.0, 1.0, 1.0)):
        found = judge_across(OLD, NEW, comparisons=2, margins=Margins(), baselines_ms=(8.0, 8.0 * factor))
        expected = relative.value * factor, relative.low * low, relative.high * high
        assert (found.value, found.low, found.high) == pytest.approx(expected)
        assert math.isnan(found.p)
        assert found.verdict == ("worse" if factor >= 1 else "unresolved")
        assert (found.hint == "") == (factor >= 1)
        # Without the tables' figures it is what the baseline took beside the variant.
        slower = _of([0.55, 0.61, 0.64], baseline=8.0 * factor)
        beside = judge_across(OLD, slower, comparisons=2, margins=Margins())
        assert (beside.value, beside.low, beside.high) == pytest.approx(expected)


def test_within_the_margin_of_time_two_runs_are_the_same():
    for judge in (judge_relative, judge_across):
        assert judge(OLD, NEW, comparisons=1, margins=Margins(time=0.9)).verdict == "same"


def test_a_claim_that_the_baselines_own_change_takes_away_is_told():
    found = judge_across(OLD, NEW, comparisons=1, margins=Margins(), baselines_ms=(8.0, 4.0))
    assert found.verdict == "unresolved"
    assert found.hint.startswith("the baseline itself took 0.5 times as long: time both in a quiet hour")
    # Nor does it where nothing was claimed anyhow.
    unclear = judge_across(_of([0.3, 0.4, 0.5]), NEW, comparisons=1, margins=Margins(), baselines_ms=(8.0, 4.0))
    assert unclear.verdict == "unresolved"
    assert unclear.hint.startswith("use --budget full with the same --epochs and --seeds in both runs")


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("full", "full", "only a quieter machine would settle it: --retime in both runs measures anew there"),
        ("quick", "full", "use --budget full with the same --epochs and --seeds in both runs: it trains nothing anew"),
        ("full", "quick", "use --budget full with the same --epochs and --seeds in both runs: it trains nothing anew"),
        ("smoke", "quick", "one build gives no interval: --budget quick times several, in both runs"),
    ],
)
def test_two_runs_that_tell_nothing_say_which_would(old, new, hint):
    logs = [0.4] if old == "smoke" else [0.3, 0.4, 0.5]
    for judge in (judge_relative, judge_across):
        found = judge(_of(logs, budget=old), _of([0.35, 0.4, 0.47], budget=new), comparisons=1, margins=Margins())
        assert found.verdict == "unresolved"
        both = ", in both runs" if "several" in hint else " in both runs"
        assert found.hint.startswith(hint if judge is judge_across else hint.replace(both, ""))


def test_a_hint_speaks_of_both_runs_only_where_there_are_two():
    wide = _of([-2.0, 0.4, 3.0])
    across, within = (judge(wide, wide, comparisons=5, margins=Margins()) for judge in (judge_across, judge_relative))
    assert "in both runs" in across.hint
    assert within.hint.endswith("with the same --epochs and --seeds: it trains nothing anew and times six builds")


def test_a_ratio_across_runs_that_bounds_nothing_says_so():
    wild = _of([-9.0, 9.0])
    for judge in (judge_across, judge_relative):
        assert judge(wild, wild, comparisons=5, margins=Margins()).hint.startswith(f"{LOOSE_HINT}: use --budget full")
