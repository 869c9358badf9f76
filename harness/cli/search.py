"""`harness search`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.options import job_options, job_settings, number, paths_argument, say, suite_paths, warn, word
from harness.cli.sweep import sweep
from harness.errors import InputError, NothingSelectedError, nearest
from harness.running.finish import finish
from harness.running.job import begin, prepare
from harness.search import ORACLES, Search, load_searches
from harness.search.job import prepare_searches, run_search, winner_suite
from harness.search.printing import SearchPrinter, heading, result_line


@click.command("search")
@paths_argument
@job_options
@click.option("--search", "names", multiple=True, help="Only this search; may be given several times.")
@click.option("--oracle", **word("--oracle", ORACLES), help="Who chooses, instead of the declared one.")
@click.option("--tries", **number("--tries", "N", 1), help="Variants to try, instead of the declared number.")
@click.option("--time", "with_times", is_flag=True, help="Also measure step times of the winners.")
def command(paths: tuple[Path, ...], with_times: bool, **options: Any) -> int:
    """Run the searches declared in PATHS (default: suites), then compare each winner with its baseline.

    Tries are judged on validation images alone; the winner is trained on fresh seeds. An interrupted search goes on
    with the same command.
    """
    searches = _chosen(load_searches(suite_paths(paths)), options)
    if not searches:
        places = ", ".join(map(str, suite_paths(paths)))
        raise NothingSelectedError(f"no Search(...) in {places}: declare one, as docs/search.md shows")
    settings = job_settings(options)
    jobs = prepare_searches(searches, settings)
    for warning in jobs[0].job.warnings:
        warn(warning)
    endings = []
    with begin(jobs[0].job) as store:
        for job in jobs:
            say(heading(job))
            endings.append(run_search(job, store, notify=SearchPrinter(job.search, click.echo)))
            say(result_line(job.search, endings[-1]))
    suites = [suite for job, ending in zip(jobs, endings, strict=True) if (suite := winner_suite(job.search, ending))]
    failed = any(ending.failed for ending in endings)
    after = prepare(settings, suites, earlier=jobs[0].job)
    if suites:
        code = sweep(after, with_times=with_times)
    else:
        code = 0
        if after.results and after.results.plans:
            finish(after)  # what an earlier search found may stand there no more
    return 1 if failed else code


def _chosen(searches: list[Search], options: dict[str, Any]) -> list[Search]:
    known = [search.name for search in searches]
    for name in options["names"]:
        if name not in known:
            raise InputError(f'search "{name}" is unknown: use {", ".join(known) or "none"}{nearest(name, known)}')
    chosen = [search for search in searches if not options["names"] or search.name in options["names"]]
    if options["oracle"] is not None:
        # The declared number of tries belongs to the declared oracle where the other one has a schedule of its own.
        kept = {} if options["oracle"] != "hyperband" else {"tries": None}
        chosen = [search.replace(oracle=options["oracle"], **kept) for search in chosen]
    if options["tries"] is not None:
        chosen = [search.replace(tries=options["tries"]) for search in chosen]
    return chosen
