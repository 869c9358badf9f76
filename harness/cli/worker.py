"""`harness worker`: a share of a sweep, for a job array, a CI matrix or several machines without an engine."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from harness.cli.options import is_given, job_options, job_settings, paths_argument, project, say, suite_paths, warn
from harness.cli.sweep import train_plan
from harness.errors import InputError
from harness.running.job import Job, as_stored, begin, prepare
from harness.running.job_settings import JobSettings
from harness.running.progress import describe_plan
from harness.running.share import Share
from harness.suite_files import load_suites
from harness.wording import at_results


@click.command("worker")
@paths_argument
@click.option(
    "--share", "text", required=True, metavar="I/N", help="Every Nth trial of the plan, from the Ith: 1/4 to 4/4."
)
@job_options
@click.option("--time", is_flag=True, hidden=True)
def command(paths: tuple[Path, ...], text: str, time: bool, **options: Any) -> int:
    """Train one share of what the suites in PATHS (default: suites) need, into a store of its own.

    Give all shares the same options. Which trials are a share's depends on the plan and I/N alone; what its own store
    has, or that of --results, is not trained again, so that a share that was ended goes on with the same command. The
    store is RESULTS/shares/I-of-N; `harness merge` joins all of them into RESULTS.
    """
    at = at_results(options["results"])
    if time:
        raise InputError(
            "--time: step times are not taken in shares, since each machine has its own: leave it out, and run "
            f"`harness sweep --time{at}` after `harness merge{at}`"
        )
    share = Share.parse(text)
    if is_given("live"):
        raise InputError("--live: a share has no report of its own: leave it out, and merge the shares to see them")
    # A project's --live is meant for its sweeps.
    whole: JobSettings = job_settings(options, without=["live"])
    if whole.budget.auto:
        by = "--budget full" if options["seeds"] is None else "" if is_given("seeds") else str(project().file)
        preset = f" (as {by} has it)" if by else ""
        raise InputError(
            f"--share {share} goes with a fixed number of seeds, and this is --seeds auto{preset}: which trials come "
            f"next is decided by the results of all shares; give --seeds {whole.budget.looks[0]}, merge, and "
            f"`harness sweep --seeds auto{at}` goes on from there"
        )
    settings = replace(whole, results=share.store_in(whole.results), share=share, beside=whole.results)
    job = prepare(settings, load_suites(suite_paths(paths), slow=options["slow"], note=warn), ahead=True)
    for warning in job.warnings:
        warn(warning)
    failures = _train(job, share)
    for failure in failures:
        say(f"failed: {failure}", err=True)
    folder = shlex.quote(str(whole.results))
    say(f"this share is in {settings.results}; once all are there: harness merge --results {folder}")
    return 1 if failures else 0


def _train(job: Job, share: Share) -> list[str]:
    failures: list[str] = []
    with begin(job) as store:
        job = as_stored(job, store, warn=warn)
        say(f"share {share}: {describe_plan(job.plan)}", fold=True)
        train_plan(job, store, failures)
    return failures
