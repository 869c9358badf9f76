"""Options that choose rows and columns of a comparison."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def _columns(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    from harness.tables.selection import checked_columns

    if value == "help":
        _explain(context)
    return checked_columns(value.split(",")) if value else ()


def _sort(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    from harness.tables.selection import checked_columns

    if value == "help":
        _explain(context)
    if value:
        checked_columns([value.removeprefix("-")])
    return value


def _explain(context: click.Context) -> None:
    import sys

    from harness.tables.reference import column_list
    from harness.tables.screen import screen_of

    click.echo(column_list(screen_of(sys.stdout).width))
    context.exit()


def selection_options(command: Command) -> Command:
    """Add --suite, --columns and --sort."""
    for option in (
        click.option("--sort", callback=_sort, metavar="[-]COLUMN", help="Order of rows; - for the highest first."),
        click.option(
            "--columns", callback=_columns, metavar="A,B,...", help="Only these columns; help explains all of them."
        ),
        click.option("--suite", "suites", multiple=True, help="Only this suite; may be given several times."),
    ):
        command = option(command)
    return command
