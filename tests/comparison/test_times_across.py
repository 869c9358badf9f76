from __future__ import annotations

import numpy as np
import pytest

from harness.budgets import BUDGETS
from harness.comparison import Margins
from harness.comparison.times_across_runs import judge_across, judge_relative
from harness.comparison.verdicts import Verdict
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
