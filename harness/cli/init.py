"""`harness init`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import PathValue
from harness.errors import InputError
from harness.starter import starter_files, write_starter


@click.command("init")
@click.argument("folder", default=".", type=PathValue())
@click.option("--example", metavar="NAME", help="Write this example's suite instead, as small_resnet or l2.")
def command(folder: Path, example: str | None) -> None:
    """Make FOLDER (default: here) ready: a first suite, [tool.harness] in pyproject.toml, a CI workflow.

    What is there already is kept. Next: `pytest suites --benchmark --budget smoke`.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: name a folder, there or not")
    files = starter_files(folder, example)
    write_starter(folder, files)
    for file in files:
        what = "kept " if file.text is None else "wrote"
        click.echo(f"{what} {folder / file.path}{f': {file.note}' if file.note else ''}")
    first = next(file.path for file in files if file.path.parent == Path("suites"))
    there = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    click.echo(f"next: {there}pytest {first} --benchmark --budget smoke   (does it all run: one epoch, one seed)")
    click.echo(f"then: {there}pytest {first} --benchmark                  (the tables)")
