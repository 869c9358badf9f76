"""Searches under pytest: run before the sweep, their winners then swept and timed like any other variant."""

from __future__ import annotations

from collections.abc import Callable

from harness.errors import HarnessError
from harness.pytest_plugin.state import Run
from harness.results.store import Store
from harness.running.job import note_plan, prepare
from harness.search.job import run_search, winner_suite
from harness.search.printing import SearchPrinter, heading, result_line


def run_searches(run: Run, store: Store, write: Callable[[str], object], *, stop_after_failures: int = 0) -> None:
    """Run the searches, until so many have failed (0: all), and add their winners' suites to the run's plan."""
    winners = []
    for search_job in run.searches:
        if stop_after_failures and run.failures >= stop_after_failures:
            break
        search = search_job.search
        run.searched.add(search.suite_name)
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
            run.pairs.add((suite.baseline, suite.variants[0]))
    if winners:
        declared = [*run.job.declared, *winners]
        run.job = prepare(run.job.settings, [*run.job.plan.suites, *winners], declared=declared, earlier=run.job)
        note_plan(run.job, store)
