"""What a shell offers for a value that is begun: names in a results folder, and columns."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.suites import Suite


def suite_names(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """Return the names of the suites that the command's results folder holds."""
    return _beginning(begun, (suite.name for suite in _suites(context)))


def variant_names(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """Return what the suites of the command's results folder call their variants, of one suite where it is named."""
    chosen = context.params.get("suite")
    suites = (suite for suite in _suites(context) if chosen in (None, suite.name))
    return _beginning(begun, (name for suite in suites for name in suite.names))


def column_names(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """Return the columns that go on with what is begun, behind those that are given already."""
    from harness.comparison.columns import COLUMNS

    given, comma, last = begun.rpartition(",")
    return [f"{given}{comma}{name}" for name in _beginning(last, COLUMNS)]


def _beginning(begun: str, names: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name.startswith(begun)]


def _suites(context: click.Context) -> list[Suite]:
    from harness.results.opening import read_store

    folders = context.params.get("folders") or [context.params.get("results") or "results"]
    with contextlib.suppress(Exception), read_store(Path(folders[-1])) as store:  # a shell shows no errors
        return [*(plan.suite for plan in reversed(store.plans())), *store.suites()]
    return []
