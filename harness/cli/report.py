"""`harness report`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import margin_options, results_option


@click.command("report")
@results_option
@margin_options
def command(results: Path, alpha: float, margin_accuracy: float, margin_time: float) -> None:
    """Write the report, one HTML file that opens offline, and its charts as SVG and PNG."""
    from harness.comparison import Margins, compare_all
    from harness.report import write_report
    from harness.results import load_results

    found, margins = load_results(results), Margins(alpha, margin_accuracy, margin_time)
    page, *charts = write_report(compare_all(found, margins), found, margins)
    click.echo(f"wrote {page} and {len(charts)} charts in {results / 'charts'}")
