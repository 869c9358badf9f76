"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from harness.budgets import BUDGETS, PROTOCOLS, choose_budget
from harness.comparison.judge import Margins
from harness.running.job import JobSettings

Command = TypeVar("Command", bound=Callable[..., Any])

results_option = click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results"),
    show_default=True,
    help="Folder of the store, tables and report.",
)

paths_argument = click.argument("paths", nargs=-1, type=click.Path(path_type=Path))

slow_option = click.option("--slow", is_flag=True, help="Also the suites marked slow.")


def format_option(default: str = "plain") -> Callable[[Command], Command]:
    """Return the option that chooses how a table is printed."""
    from harness.tables.render import FORMATS

    return click.option(
        "--format", "style", type=click.Choice(FORMATS), default=default, show_default=True, help="How to print it."
    )


def margin_options(command: Command) -> Command:
    """Add the options of the statistics."""
    defaults = Margins()
    for option in (
        click.option(
            "--margin-time",
            type=click.FloatRange(0, 1, max_open=True),
            default=defaults.time,
            show_default=True,
            help="Step times closer than this share count as the same.",
        ),
        click.option(
            "--margin-accuracy",
            type=click.FloatRange(0, 1, max_open=True),
            default=defaults.accuracy,
            show_default=True,
            help="Accuracies closer than this fraction count as the same.",
        ),
        click.option(
            "--alpha",
            type=click.FloatRange(0, 1, min_open=True, max_open=True),
            default=defaults.alpha,
            show_default=True,
            help="Chance of one false claim in a suite without true differences.",
        ),
    ):
        command = option(command)
    return command


def job_options(command: Command) -> Command:
    """Add the options of a job: data, budget, device, results."""
    for option in (
        click.option(
            "--trial-timeout", type=click.FloatRange(min=1), default=3600.0, show_default=True, help="Seconds."
        ),
        click.option("--workers", type=click.IntRange(1), help="Trials at once [default: by cores and memory]"),
        results_option,
        click.option(
            "--device",
            type=click.Choice(["auto", "cpu", "gpu"]),
            default="auto",
            show_default=True,
            help="What trains.",
        ),
        click.option("--epochs", type=int, help="Instead of the budget's."),
        click.option("--seeds", type=int, help="Trials a variant, instead of the budget's."),
        click.option(
            "--protocol",
            type=click.Choice(PROTOCOLS),
            default="validation",
            show_default=True,
            help="validation: best epoch on images held out of train; tutorial: last epoch, watched on test.",
        ),
        click.option(
            "--budget", type=click.Choice(list(BUDGETS)), help="How much [default: quick; tutorial's protocol: full]"
        ),
        click.option(
            "--dataset", default="digits", show_default=True, help="digits, cifar10, or a folder with train/ and test/."
        ),
        click.option("--image-size", type=click.IntRange(1), help="Resize a folder's images to N x N pixels."),
        click.option("--skip-unreadable", is_flag=True, help="Leave out images that cannot be read, with a warning."),
        slow_option,
    ):
        command = option(command)
    return command


def job_settings(options: dict[str, Any]) -> JobSettings:
    """Return the job that a command's options ask for."""
    budget = choose_budget(
        options["budget"], epochs=options["epochs"], seeds=options["seeds"], protocol=options["protocol"]
    )
    return JobSettings(
        dataset=options["dataset"],
        budget=budget,
        device=options["device"],
        results=options["results"],
        workers=options["workers"],
        trial_timeout_s=options["trial_timeout"],
        image_size=options["image_size"],
        skip_unreadable=options["skip_unreadable"],
    )


def suite_paths(paths: tuple[Path, ...]) -> list[Path]:
    """Return the paths given, or `suites`."""
    return list(paths) or [Path("suites")]


def warn(text: str) -> None:
    """Print a warning to standard error."""
    click.echo(f"warning: {text}", err=True)
