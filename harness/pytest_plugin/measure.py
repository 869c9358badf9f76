"""An item with `--benchmark`: fails where a trial failed, else times its variant for pytest-benchmark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.pytest_plugin.replay import ReplayTimer, replay
from harness.pytest_plugin.state import RUN, Run
from harness.search import Search
from harness.suites import Suite
from harness.variants import Variant

Fixture = Callable[[], Any]
Measure = Callable[[pytest.Config, Any, Variant, Fixture, ReplayTimer], None]


def benchmark_variant(
    config: pytest.Config, suite: Suite, variant: Variant, fixture: Fixture, timer: ReplayTimer
) -> None:
    """Fail where a trial of the variant failed, else time its steps and hand them to pytest-benchmark."""
    __tracebackhide__ = True
    run = config.stash[RUN]
    require_trained(run, variant)
    hand_over(run, suite.name, (suite.baseline, variant), fixture, timer)


def benchmark_search(
    config: pytest.Config, search: Search, baseline: Variant, fixture: Fixture, timer: ReplayTimer
) -> None:
    """Fail where the search or a trial of its winner failed, else time the winner."""
    __tracebackhide__ = True
    run, name = config.stash[RUN], search.suite_name
    if name in run.search_failures:
        pytest.fail(run.search_failures[name], pytrace=False)
    suite = next((suite for suite in run.job.plan.suites if suite.name == name), None)
    if suite is None:
        pytest.skip("no try beat the baseline: nothing to compare")
    for variant in suite.members:
        require_trained(run, variant)
    hand_over(run, name, (baseline, suite.variants[0]), fixture, timer)


def require_trained(run: Run, variant: Variant) -> None:
    """Fail the item where a trial of this run failed; skip it where the sweep stopped before one."""
    __tracebackhide__ = True
    trials = run.trials_of(variant)
    failed = [run.finished[one.key] for one in trials if one.key in run.finished]
    failed = [record for record in failed if record.status == "failed"]
    if failed:
        lines = [f"{record.trial.label}: {record.message}" for record in failed]
        pytest.fail(f"{len(failed)} of {len(trials)} trials failed\n" + "\n".join(dict.fromkeys(lines)), pytrace=False)
    if any(trial.key not in run.finished and trial.key not in run.job.plan.done for trial in trials):
        pytest.skip("not trained: stopped after the first failure")


def hand_over(run: Run, suite: str, pair: tuple[Variant, Variant], fixture: Fixture, timer: ReplayTimer) -> None:
    """Time a pair, or take its stored times, and give the variant's to pytest-benchmark's fixture."""
    __tracebackhide__ = True
    assert run.stopwatch is not None
    baseline, variant = pair
    if run.untimed_because:
        pytest.skip(run.untimed_because)
    try:
        times = run.stopwatch.time(pair)
    except HarnessError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
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
