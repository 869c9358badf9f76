"""The options of the pytest plugin, each as `--harness-NAME` and, where no other plugin took it, `--NAME`."""

from __future__ import annotations

import argparse
import contextlib
from typing import Any

import pytest

from harness.options import PYTEST, Option, check_together

_GROUP = (
    "harness",
    "cnn-harness: sweep, time and compare CNN variants (each --NAME is --harness-NAME too, for where another plugin "
    "has taken --NAME)",
)


def add_options(parser: pytest.Parser) -> None:
    """Register `--benchmark` and `--harness-NAME` of the options."""
    group = parser.getgroup(*_GROUP)
    group.addoption(
        "--benchmark",
        action="store_true",
        dest="harness_benchmark",
        help="Train every variant of the collected suites, time its steps, and print comparison tables.",
    )
    for one in PYTEST:
        group.addoption(f"--harness-{one.name}", **_settings(one) | {"help": argparse.SUPPRESS})


def add_short_options(parser: pytest.Parser) -> None:
    """Register `--NAME` of the options, where no plugin or conftest has taken it."""
    group = parser.getgroup(*_GROUP)
    for one in PYTEST:
        with contextlib.suppress(ValueError, argparse.ArgumentError):
            group.addoption(f"--{one.name}", **_settings(one))


def give_back_short_options(config: pytest.Config) -> None:
    """Free `--NAME` once the command line is read: a conftest that is loaded later may want the name.

    argparse knows no public way to take an option back; without this dictionary nothing is done.
    """
    parser = getattr(config, "_parser", None)
    known = getattr(getattr(parser, "optparser", None), "_option_string_actions", {})
    for one in PYTEST:
        if getattr(known.get(f"--{one.name}"), "dest", "") == f"harness_{one.variable}":
            del known[f"--{one.name}"]


def option(config: pytest.Config, name: str) -> Any:
    """Return the value of an option by its short name; InputError for one that is not allowed."""
    (found,) = (one for one in PYTEST if one.name == name)
    return found.value(config.getoption(f"harness_{found.variable}"))


def option_values(config: pytest.Config) -> dict[str, Any]:
    """Return the values of all options by their Python names; InputError for one that is not allowed."""
    values = {one.variable: option(config, one.name) for one in PYTEST}
    check_together(values)
    return values


def _settings(one: Option) -> dict[str, Any]:
    settings: dict[str, Any] = {"dest": f"harness_{one.variable}", "help": one.explained.replace("%", "%%")}
    if one.kind is None:
        return settings | {"action": "store_true"}
    return settings | {"action": "append" if one.repeatable else "store", "metavar": one.kind.metavar}
