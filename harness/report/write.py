"""Report and charts of a results folder, as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from altair.utils.schemapi import debug_mode

from harness.charts.drawn import Drawn
from harness.charts.save import save_svg, start_drawing
from harness.comparison import Margins, SuiteComparison
from harness.files import own_folder, replace_text
from harness.report.page import chart_library, render_page
from harness.report.pictures import Pictures
from harness.report.view import report_view
from harness.results import Results


def write_report(
    comparisons: Sequence[SuiteComparison],
    results: Results,
    margins: Margins,
    *,
    partial: str = "",
    folder: Path | None = None,
    every_png: bool = False,
    whole: bool = True,
) -> list[Path]:
    """Write `report/index.html` and `charts/*.svg` into a folder, `.png` too of those over all variants; return paths.

    Args:
        comparisons: From `compare_groups`.
        results: What they were made from.
        margins: Alpha and margins of practical equality.
        partial: Why the results are not complete, told at the top; empty when they are.
        folder: Where to; default the results' own.
        every_png: Whether to draw PNGs of each variant's charts too: 0.07 s each, for which a run's end would wait.
        whole: Whether this is all that the folder is to show: charts written before that are of no table any more go.
    """
    folder = folder or results.folder
    drawn = Drawn(folder / "charts")
    pictures = Pictures(drawn.svg)
    # Altair would check each part of each chart against its schema, which takes as long as making them. The tests do.
    with debug_mode(False):
        view = report_view(comparisons, results, margins, pictures)
    page = own_folder(folder / "report") / "index.html"
    replace_text(page, render_page(view, pictures, partial=partial))
    charts: list[Path] = []
    for picture in pictures.made:
        charts += save_svg(picture.source, folder / "charts", picture.name, png=picture.of_suite or every_png)
    drawn.keep(charts, whole=whole)
    return [page, *charts]


def warm_up() -> None:
    """Do what the first report of a process does once, so that it is done where there is time for it."""
    chart_library()
    start_drawing()
