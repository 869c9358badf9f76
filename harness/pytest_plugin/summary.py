"""The lines that end a run under pytest: a table a suite, the gates that failed, then where the files are."""

from __future__ import annotations

from collections.abc import Iterator

from harness.comparison import compare_results
from harness.job import job_results, worker_log
from harness.pytest_plugin.run import Run, run_groups
from harness.store import STORE_NAME
from harness.tables import suite_table
from harness.tables.failures import failure_lines


def summary_lines(run: Run) -> Iterator[str]:
    """Return the tables of this run; the files hold those of other conditions too."""
    job = run.job
    results = job_results(job)
    groups = run_groups(run, results)
    for group in groups:
        yield from suite_table(compare_results(results, [group], job.settings.margins)).splitlines()
        yield ""
    if not groups:
        yield "no trial has finished yet: the same command goes on from here"
    if run.failed is not None:
        yield from failure_lines(run.failed, run.gates)
    folder = job.settings.results
    report = f"report: {folder / 'report' / 'index.html'}   " if run.completed else ""
    yield f"{report}tables: {folder / 'tables'}"
    yield f"store: {folder / STORE_NAME}   output of the workers: {worker_log(job)}"
