"""`harness list`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import paths_argument, suite_paths
from harness.search import load_searches
from harness.suites import load_suites


@click.command("list")
@paths_argument
def command(paths: tuple[Path, ...]) -> None:
    """Suites in PATHS (default: suites) and their variants, and the searches."""
    for suite in load_suites(suite_paths(paths), slow=True):
        click.echo(f"{suite.name}{' (slow: needs --slow, or its file named)' if suite.slow else ''}")
        for number, name in enumerate(suite.names):
            click.echo(f"  {name}{'  <- baseline' if number == 0 else ''}")
    for search in load_searches(suite_paths(paths)):
        click.echo(f"{search.suite_name} ({search.oracle}; run by `harness search`)")
        click.echo(f"  {', '.join(search.dimensions) or 'a function'}, from {search.baseline.name}")
