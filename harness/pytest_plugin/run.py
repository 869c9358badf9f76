"""One run under pytest: prepares the job after collection, trains before the first item, times in each item."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from harness.comparison import compare_results, group_records
from harness.comparison.gate import Failure, Gate, failed_rows, parse_gate
from harness.exports.github import announce
from harness.pytest_plugin.items import VariantItem
from harness.pytest_plugin.options import option, option_values
from harness.results.records import Record
from harness.results.store import Store
from harness.results.trials import Trial
from harness.running.job import Job, JobSettings, Stopwatch, begin, job_results, prepare, train, write_files
from harness.running.progress import Progress, describe_plan
from harness.search import Search
from harness.search.job import SearchJob, prepare_searches
from harness.suites import Suite
from harness.variants import Variant

if TYPE_CHECKING:
    import pandas as pd

RUN = pytest.StashKey["Run"]()


@dataclass(eq=False)
class Run:
    """The state of one `pytest suites --benchmark`.

    Attributes:
        job: What is to do.
        gates: Conditions that no row of this run's tables may meet.
        searches: What is searched before the sweep; their winners join it.
        store: Open for writing once training began.
        stopwatch: Measures step times.
        finished: Records of this run by trial key.
        completed: Whether training ran to its end.
        search_failures: Why a search failed, by the name of its suite.
        frame: The comparison table of this run, once it has ended.
        failed: The rows that meet a gate, and which; once the run has ended.
    """

    job: Job
    gates: list[Gate]
    searches: list[SearchJob]
    store: Store | None = None
    stopwatch: Stopwatch | None = None
    finished: dict[str, Record] = field(default_factory=dict)
    completed: bool = False
    search_failures: dict[str, str] = field(default_factory=dict)
    frame: pd.DataFrame | None = None
    failed: list[Failure] = field(default_factory=list)

    def trials_of(self, variant: Variant) -> list[Trial]:
        """Return the plan's trials of a variant."""
        return [trial for trial in self.job.plan.trials if trial.variant == variant]


def prepare_run(config: pytest.Config, items: Sequence[VariantItem], searches: Sequence[Search]) -> Run:
    """Check everything and plan; InputError where something is refused."""
    settings = JobSettings.of(option_values(config))
    declared = list(dict.fromkeys(item.suite.name for item in items))
    suites = {item.suite.name: item.suite for item in items}
    chosen = {name: [i.variant for i in items if i.suite.name == name] for name in declared}
    selected = [_narrowed(suites[name], chosen[name]) for name in declared]
    gates = [parse_gate(text) for text in option(config, "fail-if")]
    job = prepare(settings, selected, declared=list(suites.values()))
    run = Run(job, gates, prepare_searches(searches, settings) if searches else [])
    config.stash[RUN] = run
    return run


def train_all(run: Run, config: pytest.Config) -> None:
    """Train what the plan holds, with progress on the terminal."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    live = reporter is not None and os.environ.get("TERM", "dumb") != "dumb" and reporter.isatty

    def write(text: str) -> None:
        if reporter:
            reporter.write(text, flush=True)

    write("\n")
    for warning in run.job.warnings:
        write(f"warning: {warning}\n")
    run.store = begin(run.job)
    if run.searches:
        from harness.pytest_plugin.searches import run_searches

        run_searches(run, run.store, lambda line: write(f"{line}\n"))
    plan = run.job.plan
    write(describe_plan(plan, timings=len(run.job.untimed)) + "\n")
    run.stopwatch = Stopwatch(run.job, run.store)
    progress = Progress(len(plan.todo), write, live=live, expected_s=plan.seconds)

    def note(record: Record) -> None:
        run.finished[record.trial.key] = record
        progress.trial_done(record)

    try:
        run.completed = train(run.job, run.store, notify=note, stop_after_failures=config.getoption("maxfail"))
    finally:
        progress.close()


def finish_run(run: Run, *, partial: str) -> None:
    """Close what is open, write tables and report, and ask the gates."""
    if run.stopwatch is not None:
        run.stopwatch.close()
    if run.store is not None:
        run.store.close()
        write_files(run.job, partial=partial)
        run.frame = _run_frame(run)
        run.failed = failed_rows(run.frame, run.gates)
        announce(run.frame, run.failed, os.environ)


def _run_frame(run: Run) -> pd.DataFrame:
    """Return the table of this run's suites under this run's conditions; the files hold all others too."""
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
    return compare_results(results, groups, job.settings.margins)


def _narrowed(suite: Suite, chosen: list[Variant]) -> Suite:
    """Return the suite with the chosen variants alone; its baseline runs along, chosen or not."""
    return Suite(suite.name, tuple(v for v in suite.variants if v in chosen), suite.baseline, suite.slow)
