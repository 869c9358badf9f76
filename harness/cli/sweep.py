"""`harness sweep`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from harness.cli.options import job_options, job_settings, paths_argument, say, suite_paths, warn
from harness.results.records import Record
from harness.results.store import Store
from harness.running.job import Job, as_stored, begin, prepare
from harness.running.models import kept_lines
from harness.running.progress import Progress, describe_plan, seconds_after_training, seconds_of_timing
from harness.running.stopwatch import Stopwatch
from harness.running.train import train
from harness.suite_files import load_suites


@click.command("sweep")
@paths_argument
@job_options
@click.option("--time", "with_times", is_flag=True, help="Also measure step times, after the training.")
def command(paths: tuple[Path, ...], with_times: bool, **options: Any) -> int:
    """Train what the suites in PATHS (default: suites) need and the store does not have, then write tables."""
    job = prepare(job_settings(options), load_suites(suite_paths(paths), slow=options["slow"], note=warn), ahead=True)
    for warning in job.warnings:
        warn(warning)
    return sweep(job, with_times=with_times)


def sweep(job: Job, *, with_times: bool) -> int:
    """Train, time and write tables; return the exit code."""
    # Imported here, and while trials run (`harness.running.ahead`): what draws charts would hold up the first trial.
    failures: list[str] = []
    with begin(job) as store:
        job = as_stored(job, store, warn=warn)
        say(describe_plan(job.plan, timings=job.untimed if with_times else ()), fold=True)
        try:
            stopwatch = Stopwatch(job, store) if with_times else None
            train_plan(job, store, failures, stopwatch=stopwatch)
            if stopwatch is not None:
                _time(job, stopwatch, failures)
        except KeyboardInterrupt:
            from harness.running.finish import finish

            finish(job, partial="interrupted")
            raise
    from harness.running.finish import finish

    ended = finish(job)
    from harness.tables import render_frame, screen_of

    text = render_frame(ended.frame, "plain", screen=screen_of(sys.stdout), outcomes=ended.outcomes)
    click.echo(f"\n{text}", color=True)
    say(f"wrote tables/ and report/index.html in {job.settings.results}")
    for line in kept_lines(job.settings.results) if job.settings.save_models else ():
        say(line)
    for failure in failures:
        say(f"failed: {failure}", err=True)
    return 1 if failures else 0


def train_plan(job: Job, store: Store, failures: list[str], *, stopwatch: Stopwatch | None = None) -> None:
    """Train what the plan has to do, with progress on standard output; add what failed to `failures`.

    `stopwatch` is what times the job's pairs afterwards, if they are timed.
    """
    plan, pairs = job.plan, job.untimed if stopwatch is not None else ()
    after_s = seconds_after_training(plan, pairs)
    progress = _progress(len(plan.todo), at_once=plan.workers, plan=plan, after_s=after_s)

    def note(record: Record) -> None:
        label = job.plan.label(record.trial)
        progress.trial_done(record, label)
        if record.status == "failed":
            failures.append(f"{label}: {record.message}")

    def last_begun() -> None:
        if stopwatch is not None:
            stopwatch.start(pairs)

    try:
        train(job, store, notify=note, announce=progress.next_round, last_begun=last_begun, warn=progress.warn)
    except BaseException:
        if stopwatch is not None:
            stopwatch.close()
        raise
    finally:
        progress.close()


def _time(job: Job, stopwatch: Stopwatch, failures: list[str]) -> None:
    pairs = job.untimed
    progress = _progress(
        len(pairs), expected_s=seconds_of_timing(job.plan, pairs), after_s=seconds_after_training(job.plan, ())
    )
    try:
        for pair in pairs:
            _, trouble = stopwatch.time(pair, progress)
            failures += [trouble] * bool(trouble)
    finally:
        progress.close()
        stopwatch.close()


def _progress(total: int, **options: Any) -> Progress:
    def write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    return Progress(total, write, live=sys.stdout.isatty(), **options)
