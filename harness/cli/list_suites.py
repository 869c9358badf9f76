"""`harness list`."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from harness.cli.options import paths_argument, say, suite_paths, warn
from harness.errors import NothingSelectedError
from harness.search import searches_of
from harness.suite_files import load_suite_files, suites_of


@click.command("list")
@paths_argument
def command(paths: tuple[Path, ...]) -> None:
    """Suites in PATHS (default: suites) and their variants, and the searches."""
    files = load_suite_files(suite_paths(paths))
    with contextlib.suppress(NothingSelectedError):  # searches alone
        for suite in suites_of(files, slow=True, note=warn):
            say(f"{suite.name}{' (slow: needs --slow, or its file named)' if suite.slow else ''}", fold=True)
            say(f"  {suite.baseline.name}  <- baseline", fold=True)
            for variant in suite.variants:
                label, changed = suite.label(variant), variant.name_beside(suite.baseline)
                say(f"  {label}{f'  ({changed})' if changed != label else ''}", fold=True)
    for search in searches_of(files):
        say(f"{search.suite_name} ({search.oracle}; run by `harness search`)", fold=True)
        say(f"  {', '.join(search.dimensions) or 'a function'}, from {search.baseline.name}", fold=True)
