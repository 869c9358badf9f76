"""The options of the pytest plugin, each as `--harness-NAME` and, where no other plugin took it, `--NAME`."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path
from typing import Any

import pytest

from harness.budgets import BUDGETS, choose_budget
from harness.errors import InputError

_OPTIONS: dict[str, dict[str, Any]] = {
    "dataset": {"default": "digits", "help": "digits, cifar10, or a folder with train/ and test/ (default: digits)"},
    "budget": {"help": f"{', '.join(BUDGETS)} (default: quick; full with --protocol tutorial)"},
    "seeds": {"type": int, "help": "trials a variant, instead of the budget's"},
    "epochs": {"type": int, "help": "epochs of a trial, instead of the budget's"},
    "device": {"default": "auto", "help": "auto, cpu or gpu (default: auto)"},
    "results": {"default": "results", "help": "folder of the store, tables and report (default: results)"},
    "workers": {"type": int, "help": "trials at once (default: as many as cores and memory allow)"},
    "trial-timeout": {"type": float, "default": 3600.0, "help": "longest time of a trial in seconds (default: 3600)"},
    "image-size": {"type": int, "help": "resize the images of a folder to N x N pixels"},
    "skip-unreadable": {"action": "store_true", "help": "leave out images that cannot be read, with a warning"},
    "protocol": {"default": "validation", "help": "validation, or tutorial: the epoch chosen on the test images"},
    "slow": {"action": "store_true", "help": "also run the suites marked slow"},
    "retime": {"action": "store_true", "help": "measure step times anew, though the store has them"},
    "alpha": {"type": float, "default": 0.05, "help": "chance of one false claim in a suite (default: 0.05)"},
    "margin-accuracy": {"type": float, "help": "accuracies closer than this are the same (default: 0.005)"},
    "fail-if": {
        "action": "append",
        "help": "exit with 1 where a row of the tables meets this, as in \"accuracy_verdict == 'worse'\"; repeatable",
    },
    "margin-time": {"type": float, "help": "step times closer than this share are the same (default: 0.02)"},
}


_GROUP = ("harness", "cnn-harness: sweep, time and compare CNN variants")


def add_options(parser: pytest.Parser) -> None:
    """Register `--benchmark` and `--harness-NAME` of the options above."""
    group = parser.getgroup(*_GROUP)
    group.addoption(
        "--benchmark",
        action="store_true",
        dest="harness_benchmark",
        help="train every variant of the collected suites, time its steps, and print comparison tables",
    )
    for name, settings in _OPTIONS.items():
        long = settings | {"help": f"the same as --{name}, for where another plugin has taken that name"}
        group.addoption(f"--harness-{name}", dest=_dest(name), **_with_metavar(name, long))


def add_short_options(parser: pytest.Parser) -> None:
    """Register `--NAME` of the options above, where no plugin or conftest has taken it."""
    group = parser.getgroup(*_GROUP)
    for name, settings in _OPTIONS.items():
        with contextlib.suppress(ValueError, argparse.ArgumentError):
            group.addoption(f"--{name}", dest=_dest(name), **_with_metavar(name, settings))


def option(config: pytest.Config, name: str) -> Any:
    """Return the value of an option by its short name."""
    return config.getoption(_dest(name))


def job_settings(config: pytest.Config) -> Any:
    """Return the JobSettings that the options ask for; InputError for a value that is not allowed."""
    from harness.comparison.judge import Margins
    from harness.running.job import JobSettings

    device = option(config, "device")
    if device not in ("auto", "cpu", "gpu"):
        raise InputError(f'device is "{device}": use auto, cpu or gpu')
    workers = option(config, "workers")
    if workers is not None and workers < 1:
        raise InputError(f"workers is {workers}: use a whole number from 1")
    budget = choose_budget(
        option(config, "budget"),
        epochs=option(config, "epochs"),
        seeds=option(config, "seeds"),
        protocol=option(config, "protocol"),
    )
    defaults = Margins()
    return JobSettings(
        dataset=option(config, "dataset"),
        budget=budget,
        device=device,
        results=Path(option(config, "results")),
        workers=workers,
        trial_timeout_s=_at_least(config, "trial-timeout", 1),
        image_size=option(config, "image-size"),
        skip_unreadable=option(config, "skip-unreadable"),
        retime=option(config, "retime"),
        margins=Margins(
            _between(config, "alpha", 0.05),
            _between(config, "margin-accuracy", defaults.accuracy),
            _between(config, "margin-time", defaults.time),
        ),
    )


def _dest(name: str) -> str:
    return f"harness_{name.replace('-', '_')}"


def _with_metavar(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    return (
        settings if settings.get("action") == "store_true" else settings | {"metavar": name.rpartition("-")[2].upper()}
    )


def _at_least(config: pytest.Config, name: str, lowest: float) -> float:
    value = float(option(config, name))
    if not value >= lowest:
        raise InputError(f"{name} is {value:g}: use a number from {lowest:g}")
    return value


def _between(config: pytest.Config, name: str, default: float) -> float:
    value = option(config, name)
    if value is None:
        return default
    if not 0 < value < 1:
        raise InputError(f"{name} is {value:g}: use a number between 0 and 1")
    return float(value)
