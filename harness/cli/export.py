"""`harness export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import PathValue, format_option, margin_options, remark, results_option, say
from harness.cli.selection import selection_options, wanted
from harness.comparison.wanted import Wanted
from harness.errors import InputError
from harness.options import chosen_margins

if TYPE_CHECKING:
    from harness.results import Results

_TOOLS = ("tensorboard", "mlflow", "optuna")


@click.command("export")
@results_option
@format_option(None, more=("schema", *_TOOLS))
@click.option(
    "--output",
    type=PathValue(),
    help="File; for tensorboard a folder [default: text is printed, as with -].",
)
@selection_options
@margin_options
def command(
    results: Path,
    style: str,
    output: Path | None,
    suites: tuple[str, ...],
    columns: tuple[str, ...],
    sort: str | None,
    **options: Any,
) -> None:
    """Write the comparison for other programs, or the trials for other tools.

    github, plain, csv, json and latex (booktabs) are what `harness tables` prints; schema is the JSON Schema of json.
    tensorboard writes a log folder, mlflow and optuna one SQLite file each; these have every trial and take no
    selection.
    """
    import json

    from harness.results import load_results
    from harness.tables import render_frame
    from harness.tables.schema import comparison_schema
    from harness.tables.selection import compare_selected

    if style in _TOOLS:
        if suites or columns or sort or wanted(options) != Wanted():
            raise InputError(f"--format {style} writes every trial: leave out what chooses rows and columns")
        if output is None or str(output) == "-":
            said = "is missing" if output is None else f"- cannot take {style}"
            raise InputError(f"--output {said}: name a {'folder' if style == 'tensorboard' else 'file'}")
        count = _export_trials(style, load_results(results), output)
        say(f"wrote {count} trials to {output}")
        return
    if style == "schema":
        text, what = json.dumps(comparison_schema(), indent=2) + "\n", "the schema"
    else:
        found = compare_selected(
            results, chosen_margins(options), wanted(options), suites=suites, sort=sort, note=remark
        )
        text = render_frame(found.frame, style, columns=columns, outcomes=found.outcomes)
        what = f"{len(found.frame)} rows"
    if output is None or str(output) == "-":
        click.echo(text, nl=False, color=True)  # as it is: click would strip letters from names
        return
    _write(output, text)
    say(f"wrote {what} to {output}")


def _export_trials(style: str, results: Results, output: Path) -> int:
    if style == "tensorboard":
        from harness.exports.tensorboard import export_tensorboard

        return export_tensorboard(results, output)
    if style == "mlflow":
        from harness.exports.mlflow import export_mlflow

        return export_mlflow(results, output)
    from harness.exports.optuna import export_optuna

    return export_optuna(results, output)


def _write(path: Path, text: str) -> None:
    from harness.files import unwritable, write_asked

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_asked(path, text)
    except IsADirectoryError:
        raise InputError(f"--output {path} is a folder: name a file in it") from None
    except OSError as error:
        raise unwritable(path, error, elsewhere="name another file with --output") from error
