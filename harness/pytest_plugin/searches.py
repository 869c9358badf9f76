"""Searches under pytest: run before the sweep, their winners then swept and timed like any other variant."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.errors import HarnessError
from harness.pytest_plugin.items import SearchItem
from harness.pytest_plugin.measure import Fixture, hand_over, require_trained
from harness.pytest_plugin.replay import ReplayTimer
from harness.pytest_plugin.run import RUN, Run
from harness.results.store import Store
from harness.running.job import prepare
from harness.search.job import run_search, winner_suite
from harness.search.printing import SearchPrinter, heading, result_line


def run_searches(run: Run, store: Store, write: Callable[[str], object]) -> None:
    """Run the searches and add their winners' suites to the run's plan."""
    winners = []
    for search_job in run.searches:
        search = search_job.search
        write(heading(search_job))
        try:
            ending = run_search(search_job, store, notify=SearchPrinter(search, write))
        except HarnessError as error:
            run.search_failures[search.suite_name] = str(error)
            continue
        write(result_line(search, ending))
        if ending.failed:
            run.search_failures[search.suite_name] = "a try failed: the same command tries it again"
        suite = winner_suite(search, ending)
        if suite is not None:
            winners.append(suite)
    if winners:
        declared = [*run.job.declared, *winners]
        run.job = prepare(run.job.settings, [*run.job.plan.suites, *winners], declared=declared)


def benchmark_search_item(item: SearchItem, fixture: Fixture, timer: ReplayTimer) -> None:
    """Fail where the search or a trial of its winner failed, else time the winner."""
    __tracebackhide__ = True
    run = item.config.stash[RUN]
    name = item.search.suite_name
    if name in run.search_failures:
        pytest.fail(run.search_failures[name], pytrace=False)
    suite = next((suite for suite in run.job.plan.suites if suite.name == name), None)
    if suite is None:
        pytest.skip("no try beat the baseline: nothing to compare")
    for variant in suite.members:
        require_trained(run, variant)
    hand_over(run, name, (suite.baseline, suite.variants[0]), fixture, timer)
