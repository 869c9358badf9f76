"""`harness store`: whether a results folder's store is intact, and a new one of what is."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import PathValue, results_option, say

if TYPE_CHECKING:
    from harness.results.salvage import Examination


@click.group("store")
def command() -> None:
    """Check a results folder's store, or take what is intact of a damaged one into a new folder.

    Reading a damaged store stops with its name and that of the damaged trial: nothing of it is shown. Neither command
    changes the folder that it reads.
    """


@command.command("check")
@results_option
def check(results: Path) -> int:
    """Read everything in a store, and say what is damaged by name.

    Exit code 0 when all is intact, 1 when something is damaged, 4 where there is no store that this version knows.
    """
    from harness.results.salvage import examine
    from harness.results.schema import STORE_NAME

    found = examine(results)
    path = results / STORE_NAME
    if not found.fault:
        say(f"{path}: intact: {found.contents}")
        return 0
    say(f"{path} is damaged: {found.fault}")
    _describe(found)
    say(f"-> harness store salvage --results {shlex.quote(str(results))} --into NEW_FOLDER")
    return 1


@command.command("salvage")
@results_option
@click.option(
    "--into",
    type=PathValue(),
    required=True,
    metavar="DIR",
    help="For the new store: a folder without one.",
)
def salvage(results: Path, into: Path) -> int:
    """Write a new store of what is intact in another, and say what is lost by name.

    A row is taken where its checksum fits, whatever else is damaged; the next run trains what is lost. Exit code 0 when
    a store was written, 1 when nothing can be read, 4 where there is none or --into has one already.
    """
    from harness.results.salvage import salvage as write_salvaged
    from harness.results.schema import STORE_NAME

    found = write_salvaged(results, into)
    if found.fault:
        say(f"{results} is damaged: {found.fault}")
    _describe(found)
    rest = f"; `harness plan --results {shlex.quote(str(into))}` shows what is to train again" if found.lost else ""
    say(f"wrote {into / STORE_NAME}{rest}")
    return 0


def _describe(found: Examination) -> None:
    say(f"intact: {found.contents}")
    for name in found.lost:
        say(f"lost: {name}")
    if not found.lost:
        say("lost: nothing")
