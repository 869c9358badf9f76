"""The page of a trend: a chart and a table per variant, in one file without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.charts.save import chart_svg
from harness.charts.trend import trend_chart
from harness.comparison.columns import TREND_OF, TREND_TABLE
from harness.files import write_asked
from harness.report.inline_svg import inline_svg
from harness.report.page import VERDICT_SIGNS, made_by, page_environment, style_sheet
from harness.tables import full_text
from harness.tables.trend_table import folder_names, run_dates, trend_notes

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = (
    *("folder", "commit", "started_at", "seeds"),
    *("accuracy", "accuracy_delta", "accuracy_verdict"),
    *("step_time_ms", "step_time_ratio", "step_time_verdict"),
)


def write_trend_page(
    frame: pd.DataFrame, path: Path, *, folders: Sequence[str] = (), left_out: Sequence[str] = ()
) -> Path:
    """Write the rows of `trend` as an HTML page that opens offline, and return its path.

    `folders` are all that the trend is over, in their order; `left_out` are lines on what it could not show.
    """
    variants = frame.groupby(list(TREND_OF), sort=False)
    parts = [_part(number, rows.to_dict("records"), folders) for number, (_, rows) in enumerate(variants)]
    page = page_environment().get_template("trend.html")
    heads = [TREND_TABLE[name].title for name in _SHOWN]
    return write_asked(path, page.render(parts=parts, left_out=left_out, heads=heads, style=style_sheet(), **made_by()))


def _cell(row: dict[Any, Any], column: str) -> str:
    sign = VERDICT_SIGNS.get(row[column], "") if column.endswith("_verdict") else ""
    return f"{sign} {full_text(row, column)}".strip()


def _part(number: int, rows: list[dict[Any, Any]], folders: Sequence[str]) -> dict[str, Any]:
    names = folder_names([str(row["folder"]) for row in rows])
    title = str(rows[0]["variant"])
    return {
        "id": f"t{number}",
        "title": title,
        "conditions": ", ".join(str(rows[0][name]) for name in TREND_OF[1:]),
        "svg": inline_svg(chart_svg(trend_chart(rows)), f"t{number}", f"Accuracy and step time of {title} by folder"),
        "rows": [
            [name, *(date if column == "started_at" else _cell(row, column) for column in _SHOWN[1:])]
            for row, name, date in zip(rows, names, run_dates(rows), strict=True)
        ],
        "notes": trend_notes(rows, folders),
    }
