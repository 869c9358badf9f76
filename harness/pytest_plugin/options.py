"""The options of the pytest plugin, each as `--harness-NAME` and, where no other plugin took it, `--NAME`."""

from __future__ import annotations

import argparse
import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from harness.options import DECIDING, PYTEST, Option, check_together

if TYPE_CHECKING:
    from harness.project import Project

_PROJECT = pytest.StashKey["Project"]()

_FLAGS = [(one, flag) for one in PYTEST for flag in one.flags]
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
    for one, flag in _FLAGS:
        group.addoption(f"--harness-{flag}", **_settings(one, flag) | {"help": argparse.SUPPRESS})


def add_short_options(parser: pytest.Parser, config: pytest.Config, *, explained: bool) -> None:
    """Register `--NAME` of the options, where no plugin or conftest has taken it; `explained` with a project's values.

    The project is read for the help alone: a run of other tests is not told what is wrong with a table it doesn't use.
    """
    group = parser.getgroup(*_GROUP)
    for one, flag in _FLAGS:
        told = _project(config).told([one.variable]) if explained and flag == one.name else ""
        settings = _settings(one, flag)
        settings["help"] += f" [{told}]".replace("%", "%%") if told else ""
        with contextlib.suppress(ValueError, argparse.ArgumentError):
            group.addoption(f"--{flag}", **settings)


def give_back_short_options(config: pytest.Config) -> None:
    """Free `--NAME` once the command line is read: a conftest that is loaded later may want the name.

    argparse knows no public way to take an option back; without this dictionary nothing is done.
    """
    parser = getattr(config, "_parser", None)
    known = getattr(getattr(parser, "optparser", None), "_option_string_actions", {})
    for one, flag in _FLAGS:
        if getattr(known.get(f"--{flag}"), "dest", "") == f"harness_{one.variable}":
            del known[f"--{flag}"]


def option(config: pytest.Config, name: str) -> Any:
    """Return the value of an option by its short name; InputError for one that is not allowed."""
    (found,) = (one for one in PYTEST if one.name == name)
    return found.value(_given(config, found), _project_here(config).values)


def project_line(config: pytest.Config) -> str:
    """Return the line that says which values come from pyproject.toml; empty for none."""
    return _project_here(config).told(one.variable for one in PYTEST if _given(config, one) is None)


def option_values(config: pytest.Config) -> dict[str, Any]:
    """Return the values of all options by their Python names; InputError for one that is not allowed."""
    values = {one.variable: option(config, one.name) for one in PYTEST}
    check_together(values)
    return values


def _given(config: pytest.Config, one: Option) -> Any:
    return config.getoption(f"harness_{one.variable}")


def _project_here(config: pytest.Config) -> Project:
    """Return what the project says, as it counts beside this command line."""
    return _project(config).beside({name: config.getoption(f"harness_{name}") for name in DECIDING})


def _project(config: pytest.Config) -> Project:
    if _PROJECT not in config.stash:
        from harness.project import load_project

        here = load_project(config.invocation_params.dir)
        # From elsewhere, as `pytest ../repository/suites`: what the project of these suites says.
        config.stash[_PROJECT] = here if here.file else load_project(config.rootpath)
    return config.stash[_PROJECT]


def _settings(one: Option, flag: str) -> dict[str, Any]:
    settings: dict[str, Any] = {"dest": f"harness_{one.variable}", "help": one.explained.replace("%", "%%")}
    if flag != one.name:
        return settings | {
            "action": "store_const",
            "const": False,
            "help": f"Not --{one.name}, whatever a project says.",
        }
    if one.kind is None:
        return settings | {"action": "store_const", "const": True}
    return settings | {"action": "append" if one.repeatable else "store", "metavar": one.kind.metavar}
