"""Options that choose rows and columns of a comparison."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from harness.cli.completing import column_names, suite_names
from harness.comparison.wanted import Wanted

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


suites_option = click.option(
    "--suite", "suites", multiple=True, shell_complete=suite_names, help="Only this suite; repeatable."
)


_CONDITIONS = {
    "dataset": ("NAME", "Only of this dataset."),
    "budget": ("NAME", "Only of this budget, as quick or quick+epochs:4; smoke is left out where there is more."),
    "device": ("cpu|gpu", "Only of this device."),
    "backend": ("NAME", "Only of this backend: tensorflow, jax or torch."),
}


def condition_options(*names: str) -> Callable[[Command], Command]:
    """Return what adds the options that `wanted` reads: these, or all of them."""

    def add(command: Command) -> Command:
        for name in reversed(names or tuple(_CONDITIONS)):
            metavar, text = _CONDITIONS[name]
            command = click.option(f"--{name}", metavar=metavar, help=text)(command)
        return command

    return add


def wanted(options: dict[str, Any]) -> Wanted:
    """Return the conditions that a command's options ask for."""
    return Wanted(**{name: options.get(name) for name in ("dataset", "budget", "device", "backend")})


def selection_options(command: Command) -> Command:
    """Add --suite, --columns, --sort and what chooses conditions."""
    for option in (
        click.option(
            "--sort",
            callback=_sort,
            metavar="[-]COLUMN",
            shell_complete=column_names,
            help="Order of rows; - for the highest first.",
        ),
        click.option(
            "--columns",
            callback=_columns,
            metavar="A,B,...",
            shell_complete=column_names,
            help="Only these columns; help explains all of them.",
        ),
        condition_options(),
        suites_option,
    ):
        command = option(command)
    return command
