"""The end of a job: its own table by the plan's keys, and the files of everything that the results folder holds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.comparison import Group, Judge, SuiteComparison, compare_groups, frame_of, group_records
from harness.comparison.groups import Looks, Planned, Timings, looks_before, make_group
from harness.comparison.outcome import SuiteOutcome, outcomes_of
from harness.comparison.wanted import ANY
from harness.report import write_report
from harness.results import Results, load_results
from harness.running.job import Job, planned_suite
from harness.suites import Suite
from harness.tables import write_tables
from harness.variants import Variant

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Finished:
    """What a run leaves for who started it.

    Attributes:
        frame: The table of this run's suites, exactly as planned; the files hold everything else of the folder too.
        outcomes: What each of these suites came to.
        written: Paths of the files.
    """

    frame: pd.DataFrame
    outcomes: Sequence[SuiteOutcome]
    written: Sequence[Path]


def finish(job: Job, *, partial: str = "") -> Finished:
    """Read what was added, group and judge once, and write tables, charts and the report of the results folder.

    `partial` says why the results are not complete; empty when they are. An interrupted run has to end within seconds:
    it writes its tables alone, and `harness report` draws the rest.
    """
    began = time.monotonic()
    results = load_results(job.settings.results, known=job.results)
    judge, timings = Judge(job.settings.margins), Timings(results)
    own = compare_groups(_own_groups(job, results, timings), results, judge)
    everything = compared(results, judge, timings)
    folder, outcomes = job.settings.results / "tables", outcomes_of(everything, results)
    written = write_tables(frame_of(everything), folder, partial=partial, outcomes=outcomes)
    if not partial:
        written += write_report(everything, results, job.settings.margins)
    if not partial and (job.results is None or job.results.last_rows != results.last_rows):
        rows = sum(len(one.rows) for one in everything)  # of other suites too: it is what took the time
        expected_s = job.plan.estimator.on_average().finish_s(rows)
        job.plan.estimator.speed.note("end", expected_s=expected_s, took_s=time.monotonic() - began)
    return Finished(frame_of(own), outcomes_of(own, results), written)


def compared(results: Results, judge: Judge, timings: Timings) -> list[SuiteComparison]:
    """Return the comparisons of a whole folder, as its files show them."""
    # Smoke shows that a suite runs: where there is more of it, its rows only stand in the way.
    shown, _ = ANY.choose(group_records(results, timings), lambda group: group.suite.name)
    return compare_groups(shown, results, judge)


def _own_groups(job: Job, results: Results, timings: Timings) -> list[Group]:
    """Return this run's groups: the plan's trials by their keys, the suites as declared."""
    declared = {suite.name: suite for suite in job.declared}
    groups = []
    for suite in job.plan.suites:
        found = {
            variant: {trial.seed: results.records[trial.key] for trial in trials if trial.key in results.records}
            for variant, trials in job.plan.of_suite(suite).items()
        }
        members = {variant: records for variant, records in found.items() if records}
        if members:
            whole = declared.get(suite.name, suite)
            planned = Planned(members, dict.fromkeys(found, job.plan.looks), _before(job, suite, results))
            groups.append(make_group(whole, job.plan.conditions, planned, timings, machine=job.provenance.machine))
    return groups


def _before(job: Job, suite: Suite, results: Results) -> dict[Variant, tuple[Looks, ...]]:
    plans = [plan for plan in results.plans if plan.conditions == job.plan.conditions and plan.suite.name == suite.name]
    own = planned_suite(job, suite)
    return {variant: looks_before(plans, variant, own) for variant in own.sources}
