"""`harness tables`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.options import format_option, margin_options, remark, results_option
from harness.cli.selection import selection_options, wanted
from harness.options import chosen_margins


@click.command("tables")
@results_option
@format_option()
@margin_options
@selection_options
@click.option("--diff-only", is_flag=True, help="Hide the columns that do not differ between rows.")
def command(
    results: Path,
    style: str,
    suites: tuple[str, ...],
    columns: tuple[str, ...],
    sort: str | None,
    diff_only: bool,
    **options: Any,
) -> None:
    """Comparison tables of a results folder, as wide as the terminal allows, and what each suite came to.

    The numbers have as many digits as their intervals support; csv and json have them in full. COLUMNS=N in the
    environment asks for another width than the terminal's. No colour where the output is no terminal or NO_COLOR is
    set.
    """
    import sys

    from harness.tables import render_frame, screen_of
    from harness.tables.selection import compare_selected

    found = compare_selected(results, chosen_margins(options), wanted(options), suites=suites, sort=sort, note=remark)
    text = render_frame(
        found.frame,
        style,
        columns=columns,
        diff_only=diff_only,
        screen=screen_of(sys.stdout),
        outcomes=found.outcomes,
    )
    # As it is: click would strip the colours by its own rule, and the screen has decided already.
    click.echo(text, nl=False, color=True)
