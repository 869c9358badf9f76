"""`harness tables`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import format_option, margin_options, results_option


@click.command("tables")
@results_option
@format_option()
@margin_options
@click.option("--suite", "suites", multiple=True, help="Only this suite; may be given several times.")
def command(
    results: Path, style: str, alpha: float, margin_accuracy: float, margin_time: float, suites: tuple[str, ...]
) -> None:
    """Comparison tables of a results folder."""
    from harness.comparison import compare
    from harness.errors import InputError, nearest
    from harness.results import load_results
    from harness.tables import render_frame

    frame = compare(load_results(results), alpha=alpha, margin_accuracy=margin_accuracy, margin_time=margin_time)
    known = list(dict.fromkeys(frame["suite"]))
    for suite in suites:
        if suite not in known:
            raise InputError(f'suite "{suite}" is not in {results}: use {", ".join(known)}{nearest(suite, known)}')
    if suites:
        frame = frame[frame["suite"].isin(suites)]
    click.echo(render_frame(frame, style), nl=False)
