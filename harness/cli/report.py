"""`harness report`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.options import PathValue, margin_options, remark, results_option, say
from harness.cli.selection import condition_options, suites_option, wanted
from harness.options import chosen_margins


@click.command("report")
@results_option
@click.option("--output", type=PathValue(), help="Folder for report/ and charts/. [default: RESULTS]")
@margin_options
@condition_options()
@suites_option
def command(results: Path, output: Path | None, suites: tuple[str, ...], **options: Any) -> None:
    """Write the report, one HTML file that opens offline, and its charts as SVG and PNG."""
    from harness.comparison import Judge, compare_groups
    from harness.comparison.wanted import ANY
    from harness.report import write_report
    from harness.results import load_results
    from harness.tables.selection import chosen_groups

    found, margins = load_results(results), chosen_margins(options)
    asked = wanted(options)
    groups = chosen_groups(found, asked, suites=suites, note=remark)
    comparisons = compare_groups(groups, found, Judge(margins))
    whole = asked == ANY and not suites
    page, *charts = write_report(comparisons, found, margins, folder=output, every_png=True, whole=whole)
    say(f"wrote {page} and {len(charts)} charts in {(output or results) / 'charts'}")
