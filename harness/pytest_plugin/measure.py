"""An item with `--benchmark`: fails where a trial or a gate failed, and gives its times to pytest-benchmark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from harness.pytest_plugin.replay import ReplayTimer, replay
from harness.pytest_plugin.state import RUN, Run
from harness.search import Search
from harness.suites import Suite
from harness.variants import Variant

Fixture = Callable[[], Any]
FIGURES = (
    "status", "seeds",
    "accuracy", "accuracy_delta", "accuracy_ci_low", "accuracy_ci_high", "accuracy_verdict",
    "step_time_ms", "step_time_ratio", "step_time_ci_low", "step_time_ci_high", "step_time_verdict",
    "pareto",
)  # fmt: skip
"""Columns of its row that an item has as properties."""

Measure = Callable[[pytest.Config, Any, Variant, Fixture, ReplayTimer], None]


def benchmark_variant(
    config: pytest.Config, suite: Suite, variant: Variant, fixture: Fixture, timer: ReplayTimer
) -> None:
    """Fail where a trial of the variant or a gate failed; hand its step times to pytest-benchmark."""
    __tracebackhide__ = True
    run = config.stash[RUN]
    require_trained(run, variant)
    untimed = hand_over(run, suite.name, (suite.baseline, variant), fixture, timer)
    require_gates(run, suite.name, [variant])
    if untimed:
        pytest.skip(untimed)


def benchmark_search(
    config: pytest.Config, search: Search, baseline: Variant, fixture: Fixture, timer: ReplayTimer
) -> None:
    """Fail where the search, a trial of its winner or a gate failed; hand over the winner's step times."""
    __tracebackhide__ = True
    run, name = config.stash[RUN], search.suite_name
    if name not in run.searched:
        pytest.skip("not searched: stopped after the first failure")
    if name in run.search_failures:
        pytest.fail(run.search_failures[name], pytrace=False)
    suite = winners_of(run, search)
    if suite is None:
        pytest.skip("no try beat the baseline: nothing to compare")
    for variant in suite.members:
        require_trained(run, variant)
    untimed = hand_over(run, name, (baseline, suite.variants[0]), fixture, timer)
    require_gates(run, name, suite.members)
    if untimed:
        pytest.skip(untimed)


def winners_of(run: Run, search: Search) -> Suite | None:
    """Return the suite that compares a search's winner; None where nothing beat the baseline."""
    return next((suite for suite in run.job.plan.suites if suite.name == search.suite_name), None)


def pairs_of(run: Run, declared: Suite | Search, variant: Variant) -> list[tuple[Variant, Variant]]:
    """Return the pairs, baseline and variant, that an item speaks for."""
    if isinstance(declared, Suite):
        return [(declared.baseline, variant)]
    suite = winners_of(run, declared)
    return [(suite.baseline, member) for member in suite.members] if suite else []


def suite_name_of(declared: Suite | Search) -> str:
    """Return how the tables call a suite, or the suite of a search's winner."""
    return declared.name if isinstance(declared, Suite) else declared.suite_name


def figures_of(run: Run, declared: Suite | Search, variant: Variant) -> list[tuple[str, object]]:
    """Return names and values of what tables say of an item's last variant, for `--junit-xml`; what is known of it."""
    pairs = pairs_of(run, declared, variant)
    if not pairs:
        return []
    row = run.row_of(suite_name_of(declared), pairs[-1][1])
    return [(column, row[column]) for column in FIGURES if column in row and row[column] == row[column] != ""]


def require_gates(run: Run, suite: str, variants: Sequence[Variant]) -> None:
    """Fail the item where a row of its variants fails a gate."""
    __tracebackhide__ = True
    failures = [failure for variant in variants for failure in run.failures_of(suite, variant)]
    if failures:
        from harness.tables.failures import describe_failure

        pytest.fail("\n".join(f"failed gate: {describe_failure(one)}" for one in failures), pytrace=False)


def require_trained(run: Run, variant: Variant) -> None:
    """Fail the item where a trial of this run failed; skip it where the sweep stopped before one."""
    __tracebackhide__ = True
    trials = run.trials_of(variant)
    failed = [run.finished[one.key] for one in trials if one.key in run.finished]
    failed = [record for record in failed if record.status == "failed"]
    if failed:
        lines = [f"{run.job.plan.label(record.trial)}: {record.message}" for record in failed]
        pytest.fail(f"{len(failed)} of {len(trials)} trials failed\n" + "\n".join(dict.fromkeys(lines)), pytrace=False)
    if any(trial.key not in run.finished and trial.key not in run.job.plan.done for trial in trials):
        pytest.skip("not trained: stopped after the first failure")


def hand_over(run: Run, suite: str, pair: tuple[Variant, Variant], fixture: Fixture, timer: ReplayTimer) -> str:
    """Give a variant's step times, measured or stored by now, to pytest-benchmark's fixture; return why there are none.

    Fails the item where they could not be measured.
    """
    __tracebackhide__ = True
    assert run.stopwatch is not None
    baseline, variant = pair
    if run.untimed_because:
        return run.untimed_because
    if pair in run.timing_failures:
        pytest.fail(run.timing_failures[pair], pytrace=False)
    times = run.stopwatch.known(pair)
    if times is None:
        return "not timed: stopped after the first failure"
    benchmark = fixture()
    replay(benchmark, timer, [value / 1e3 for build in times.variant_ms for value in build])
    benchmark.extra_info.update(
        suite=suite,
        baseline=baseline.name,
        dataset=run.job.dataset.name,
        dataset_fingerprint=run.job.dataset.fingerprint,
        budget=run.job.settings.budget.label,
        device=run.job.environment.device,
        accuracy=[record.accuracy for record in run.records_of(variant) if record.status == "ok"],
    )
    return ""
