"""`harness plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.options import job_options, job_settings, paths_argument, say, suite_paths, warn
from harness.running.job import prepare
from harness.running.plan_lines import variant_lines
from harness.running.progress import describe_plan
from harness.suite_files import load_suites


@click.command("plan")
@paths_argument
@job_options
@click.option("--time", "with_times", is_flag=True, help="Of a sweep with --time.")
def command(paths: tuple[Path, ...], with_times: bool, **options: Any) -> None:
    """What a sweep of the suites in PATHS would train; trains and writes nothing."""
    job = prepare(job_settings(options), load_suites(suite_paths(paths), slow=options["slow"], note=warn))
    for warning in job.warnings:
        warn(warning)
    say(describe_plan(job.plan, timings=job.untimed if with_times else ()), fold=True)
    for line in variant_lines(job.plan, job.results.records if job.results else {}):
        say(line, fold=True)
