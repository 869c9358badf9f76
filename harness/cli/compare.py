"""`harness compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from harness.cli.completing import suite_names, variant_names
from harness.cli.options import PathValue, format_option, margin_options, remark, results_option, say
from harness.cli.selection import condition_options, wanted
from harness.comparison.gate import Gate, parse_gate
from harness.comparison.wanted import Wanted
from harness.errors import InputError
from harness.options import chosen_margins
from harness.wording import counted

if TYPE_CHECKING:
    import pandas as pd

    from harness.comparison import Margins
    from harness.comparison.folder_rows import FolderComparison
    from harness.tables.grid import TextStyle

_FOLDER = PathValue(file_okay=False)


@click.command("compare")
@click.argument("folders", nargs=-1, type=_FOLDER, metavar="[OLD NEW]")
@results_option
@click.option(
    "--variants",
    nargs=2,
    type=str,
    metavar="A B",
    shell_complete=variant_names,
    help="Instead: two variants of --results, A the baseline.",
)
@click.option(
    "--suite", metavar="NAME", shell_complete=suite_names, help="With --variants: the suite that calls them so."
)
@click.option(
    "--fail-if", "conditions", multiple=True, metavar="EXPR", help="End with exit code 1 where a row meets this."
)
@format_option()
@margin_options
@condition_options()
def command(
    folders: tuple[Path, ...],
    results: Path,
    variants: tuple[str, str] | None,
    suite: str | None,
    conditions: tuple[str, ...],
    style: str,
    **options: Any,
) -> int:
    """Compare results folder NEW with OLD, variant by variant, and list what else differs; or any two variants.

    OLD and NEW are what two commits or two library versions gave. Variants are matched by their content, dataset and
    budget, and paired by seed. Step times are compared only on one machine.

    EXPR compares columns with numbers or quoted words: == != < <= > >=, joined with and, or, not, ( ). A comparison
    with an unknown value is false. For example:

    \b
      --fail-if "accuracy_verdict == 'worse'"
      --fail-if "accuracy_delta < -0.01 and seeds >= 5"
      --fail-if "step_time_ratio > 1.1 or present == 'old'"
    """
    from harness.comparison.columns import FOLDER_TABLE

    margins, chosen = chosen_margins(options), wanted(options)
    if variants:
        if folders:
            raise InputError(f"--variants compares within --results: leave {', '.join(map(str, folders))} out")
        gates = [parse_gate(text) for text in conditions]
        return _compare_variants(results, variants, suite, gates, margins, chosen, style)
    if len(folders) != 2:
        raise InputError(
            f"{counted(len(folders), 'folder')} given: name two, OLD and NEW, or use --variants A B with one --results "
            "folder"
        )
    gates = [parse_gate(text, FOLDER_TABLE) for text in conditions]
    return _compare_folders(folders[0], folders[1], gates, margins, chosen, style)


def _compare_folders(old: Path, new: Path, gates: list[Gate], margins: Margins, chosen: Wanted, style: str) -> int:
    from harness.comparison.folder_rows import compare_folders
    from harness.results import load_results

    found = compare_folders(load_results(old), load_results(new), margins, chosen, note=remark)
    if not found.titles:
        only = "; ".join(found.unmatched) or "both are empty"
        raise InputError(f"{old} and {new} have no dataset and budget in common ({only}): nothing can be compared")
    click.echo(_folder_text(found, old, new, style), nl=False)
    return _judge(found.frame, gates)


def _compare_variants(
    folder: Path,
    variants: tuple[str, str],
    suite: str | None,
    gates: list[Gate],
    margins: Margins,
    chosen: Wanted,
    style: str,
) -> int:
    import sys

    from harness.comparison.pair_rows import compare_variants
    from harness.results import load_results
    from harness.tables import render_frame, screen_of

    frame = compare_variants(load_results(folder), *variants, margins, chosen, suite=suite, note=remark)
    click.echo(render_frame(frame, style, screen=screen_of(sys.stdout)), nl=False)
    return _judge(frame, gates)


def _folder_text(found: FolderComparison, old: Path, new: Path, style: str) -> str:
    import sys

    from harness.tables import screen_of
    from harness.tables.folder_table import folder_table
    from harness.tables.render import program_text

    if style in ("csv", "json"):
        return program_text(found.frame, style)
    parts = []
    start = 0
    for title, differences, count in zip(found.titles, found.differences, found.sizes, strict=True):
        lines = [f"{new} against {old}", title, *_list_of(differences)]
        rows = found.frame.iloc[start : start + count]
        parts.append(folder_table(rows, lines, style=cast("TextStyle", style), screen=screen_of(sys.stdout)))
        start += count
    if found.unmatched:
        from harness.tables import escape

        shown = escape.markdown if style == "github" else escape.one_line
        parts.append("\n".join(f"{'% ' * (style == 'latex')}{shown(line)}" for line in found.unmatched))
    return "\n\n\n".join(parts) + "\n"


def _list_of(differences: tuple[object, ...]) -> list[str]:
    if not differences:
        return ["nothing else differs"]
    return ["what else differs:", *(f"- {difference}" for difference in differences)]


def _judge(frame: pd.DataFrame, gates: list[Gate]) -> int:
    """Print the rows that a gate fails and return the exit code."""
    import os

    from harness.comparison.gate import failed_rows
    from harness.exports.github import tell_github
    from harness.tables.failures import failure_lines

    failed = failed_rows(frame, gates)
    for line in failure_lines(failed):
        say(line, err=True)
    tell_github(frame, failed, os.environ)
    return 1 if failed else 0
