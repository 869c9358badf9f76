"""`harness list`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import paths_argument, suite_paths
from harness.suites import load_suites


@click.command("list")
@paths_argument
def command(paths: tuple[Path, ...]) -> None:
    """Suites in PATHS (default: suites) and their variants."""
    for suite in load_suites(suite_paths(paths), slow=True):
        click.echo(f"{suite.name}{' (slow: needs --slow, or its file named)' if suite.slow else ''}")
        for number, name in enumerate(suite.names):
            click.echo(f"  {name}{'  <- baseline' if number == 0 else ''}")
