"""The lines that end a run under pytest: tables, what they come to, the gates that failed, where the files are."""

from __future__ import annotations

from collections.abc import Iterator

from harness.pytest_plugin.state import Run
from harness.results.schema import STORE_NAME
from harness.running.job import worker_log
from harness.running.models import kept_lines
from harness.tables import Screen, render_suite
from harness.tables.failures import failure_lines
from harness.tables.outcome import outcome_section
from harness.tables.suite_rows import split_tables
from harness.wording import GOES_ON, at_results


def summary_lines(run: Run, screen: Screen, *, interrupted: bool = False) -> Iterator[str]:
    """Return the tables of this run and what they come to; the files hold those of other conditions too."""
    job = run.job
    tables = [] if run.frame is None else list(split_tables(run.frame))
    for table in tables:
        yield from render_suite(table, screen=screen).splitlines()
        yield ""
    if run.outcomes:
        yield from outcome_section(run.outcomes, screen=screen).splitlines()
        yield ""
    if run.unwritten:
        yield f"error: {run.unwritten}"
        at = at_results(job.settings.results)
        yield f"every finished trial is in the store: `harness tables{at}` and `harness report{at}` make the files"
    elif not tables:
        yield "no trial has finished yet: the same command goes on from here"
    elif interrupted:
        yield f"interrupted: {GOES_ON}"
    yield from failure_lines(run.failed)
    folder = job.settings.results
    page = folder / "report" / "index.html"
    report = f"report: {page}   " if page in run.written else ""
    yield f"{report}tables: {folder / 'tables'}"
    yield f"store: {folder / STORE_NAME}   output of the workers: {worker_log(job)}"
    if job.settings.save_models:
        yield from kept_lines(folder)
