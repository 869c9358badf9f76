"""`harness merge`: the stores of several shares, or of several machines, as one."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from harness.cli.options import PathValue, results_option, say
from harness.errors import InputError


@click.command("merge")
@click.argument("stores", nargs=-1, type=PathValue())
@results_option
def command(stores: tuple[Path, ...], results: Path) -> int:
    """Join the results folders STORES (default: those of the shares below --results) into --results.

    What --results holds stays. A trial that several hold is taken once; where two results of one trial differ,
    nothing is written and the trial is named. Exit code 0 when they were joined, 4 when they cannot be.
    """
    from harness.results.merging import merge, missing_trials
    from harness.results.snapshot import load_results
    from harness.running.share import SHARES, stores_of_shares
    from harness.wording import counted

    chosen = list(stores) or stores_of_shares(results)
    if not chosen:
        raise InputError(f"{results / SHARES} holds no store of a share: name the results folders to merge")
    merge(chosen, results)
    found = load_results(results, history=False)
    failed = sum(record.status == "failed" for record in found.records.values())
    parts = [counted(len(found.records), "trial"), *[f"{failed:,} of them failed"] * bool(failed)]
    say(f"merged {counted(len(chosen), 'store')} into {results}: {', '.join(parts)}")
    missing = missing_trials(found)
    for line in missing:
        say(f"missing: {line}")
    at = shlex.quote(str(results))
    if stores:
        say(f"step times came along; `harness tables --results {at}` shows what there is, `harness report` draws it")
        return 0
    more = "trains what is missing, " if missing else ""
    say(f"`harness sweep --time --results {at}` with the shares' options {more}times steps and")
    say("writes the tables")
    return 0
