"""The lines that end a run under pytest: a table a suite, then where the files are."""

from __future__ import annotations

from collections.abc import Iterator

from harness.comparison import compare_results, group_records
from harness.job import job_results, worker_log
from harness.pytest_plugin.run import Run
from harness.store import STORE_NAME
from harness.tables import suite_table


def summary_lines(run: Run) -> Iterator[str]:
    """Return the tables of this run's suites under this run's conditions; the files hold all others too."""
    job = run.job
    results = job_results(job)
    names = {suite.name for suite in job.plan.suites}
    groups = [
        group
        for group in group_records(results)
        if group.suite.name in names
        and group.fingerprint == job.dataset.fingerprint
        and group.budget.label == job.settings.budget.label
        and group.environment == job.environment
    ]
    for group in groups:
        yield from suite_table(compare_results(results, [group], job.settings.margins)).splitlines()
        yield ""
    if not groups:
        yield "no trial has finished yet: the same command goes on from here"
    folder = job.settings.results
    yield f"tables: {folder / 'tables'}   store: {folder / STORE_NAME}   worker output: {worker_log(job)}"
