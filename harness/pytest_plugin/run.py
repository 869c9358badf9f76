"""One run under pytest: prepares the job after collection, trains before the first item, times in each item."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import pytest

from harness.comparison.gate import failed_rows, parse_gate
from harness.exports.github import tell_github
from harness.pytest_plugin.options import option, option_values, project_line
from harness.pytest_plugin.state import RUN, Run
from harness.results.records import Record
from harness.running.job import as_stored, begin, prepare
from harness.running.job_settings import JobSettings
from harness.running.progress import Progress, describe_plan, seconds_after_training, seconds_of_timing
from harness.running.stopwatch import Stopwatch
from harness.running.train import train
from harness.search import Search
from harness.search.job import prepare_searches
from harness.suites import Suite
from harness.tables.screen import folded_to
from harness.variants import Variant
from harness.wording import harmless


def prepare_run(config: pytest.Config, chosen: Sequence[tuple[Suite, Variant]], searches: Sequence[Search]) -> Run:
    """Check everything and plan; InputError where something is refused."""
    settings = JobSettings.of(option_values(config))
    declared = {suite.name: suite for suite, _ in chosen}
    selected = [suite.only([one for of, one in chosen if of.name == suite.name]) for suite in declared.values()]
    gates = [parse_gate(text) for text in option(config, "fail-if")]
    job = prepare(settings, selected, declared=list(declared.values()), ahead=True)
    pairs = {(suite.baseline, one) for suite, one in chosen}
    found = prepare_searches(searches, settings, earlier=job) if searches else []
    run = Run(job, gates, pairs, {(suite.name, one.name) for suite, one in chosen}, found)
    if config.getoption("benchmark_skip", False) and not config.getoption("benchmark_only", False):
        run.untimed_because = "trained, but not timed: --benchmark-skip was given"
    config.stash[RUN] = run
    return run


def train_all(run: Run, config: pytest.Config) -> None:
    """Train what the plan holds, with progress on the terminal."""
    write, live = _terminal(config)

    def say(text: str) -> None:
        write(f"{folded_to(text, config.get_terminal_writer().fullwidth) if live else text}\n")

    def warn(text: str) -> None:
        say(harmless(f"warning: {text}"))

    say("")
    if line := project_line(config):
        say(line)
    for warning in run.job.warnings:
        warn(warning)
    run.store = begin(run.job)
    run.job = as_stored(run.job, run.store, warn=warn)
    maxfail = config.getoption("maxfail")
    if run.searches:
        from harness.pytest_plugin.searches import run_searches

        run_searches(run, run.store, lambda line: write(f"{line}\n"), stop_after_failures=maxfail)
        if maxfail and run.failures >= maxfail:
            return
    plan = run.job.plan
    say(describe_plan(plan, timings=run.untimed))
    run.stopwatch = stopwatch = Stopwatch(run.job, run.store)
    after_s = seconds_after_training(plan, run.untimed)
    progress = Progress(len(plan.todo), write, live=live, at_once=plan.workers, plan=plan, after_s=after_s)

    def note(record: Record) -> None:
        run.finished[record.trial.key] = record
        progress.trial_done(record, plan.label(record.trial))

    try:
        ended = train(
            run.job,
            run.store,
            notify=note,
            announce=progress.next_round,
            stop_after_failures=maxfail and maxfail - run.failures,
            last_begun=partial(stopwatch.start, run.untimed),
            warn=progress.warn,
        )
        run.job, run.completed = replace(run.job, plan=ended), not ended.todo
    finally:
        progress.close()


def time_all(run: Run, config: pytest.Config) -> None:
    """Time the steps that the store has no times of, with progress on the terminal.

    Before the first item, so that each item's row of the tables is there when it is asked of. It stops once as many
    trials and pairs have failed as pytest's --maxfail allows.
    """
    assert run.stopwatch is not None
    maxfail = config.getoption("maxfail")
    pairs = [pair for pair in run.untimed if run.is_trained(pair[1])]
    write, live = _terminal(config)
    plan = run.job.plan
    expected_s, after_s = seconds_of_timing(plan, pairs), seconds_after_training(plan, ())
    progress = Progress(len(pairs), write, live=live, expected_s=expected_s, after_s=after_s)
    try:
        for pair in pairs:
            if maxfail and run.failures >= maxfail:
                run.completed = False
                break
            run.timing_s[pair], trouble = run.stopwatch.time(pair, progress)
            if trouble:
                run.timing_failures[pair] = trouble
    finally:
        progress.close()


def finish_run(run: Run, *, partial: str) -> None:
    """Close what is open, write tables and report, and ask the gates; once."""
    if run.ended:
        return
    run.ended = True
    if run.stopwatch is not None:
        run.stopwatch.close()
    if run.job.server is not None:
        run.job.server.close()  # others' tests may follow in this process
    if run.store is not None:
        run.store.close()
        from harness.running.finish import finish

        ended = finish(run.job, partial=partial)
        run.frame, run.outcomes, run.written = ended.frame, ended.outcomes, ended.written
        run.failed = [one for one in failed_rows(run.frame, run.gates) if run.is_asked(one)]
        tell_github(run.frame, run.failed, os.environ, outcomes=run.outcomes)


def _terminal(config: pytest.Config) -> tuple[Callable[[str], None], bool]:
    """Return what writes to pytest's terminal, and whether a line there can be drawn again."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")

    def write(text: str) -> None:
        if reporter:
            reporter.write(text, flush=True)

    return write, reporter is not None and os.environ.get("TERM", "dumb") != "dumb" and reporter.isatty
