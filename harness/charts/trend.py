"""A variant over results folders: accuracy and step time, changes marked where a verdict says so."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt

from harness.charts.text import clean, label
from harness.charts.theme import BLUE, GRID, INK, ORANGE, WIDTH, Rows, data, styled
from harness.tables import full_text
from harness.tables.trend_table import folder_names

_HEIGHT = 120
_MARKS = {"better": "triangle-up", "worse": "triangle-down", "": "circle"}
_COLOURS = {"better": BLUE, "worse": ORANGE, "": INK}
_QUANTITIES = (
    ("accuracy", "accuracy", 100.0, "accuracy, %", "accuracy_delta"),
    ("step_time", "step_time_ms", 1.0, "step time, ms", "step_time_ratio"),
)


def trend_points(rows: Iterable[Mapping[Any, Any]], quantity: str, value: str, scale: float, change: str) -> Rows:
    """Return a point per folder that has the value, in order; `change` is the verdict where it is better or worse."""
    listed = list(rows)
    names = folder_names([str(row["folder"]) for row in listed])
    return [
        {
            "place": place,
            "folder": label(name),
            "commit": clean(str(row["commit"])),
            "value": row[value] * scale,
            "change": row[f"{quantity}_verdict"] if row[f"{quantity}_verdict"] in ("better", "worse") else "",
            "before": full_text(row, change) if row[f"{quantity}_verdict"] else "",
        }
        for place, (row, name) in enumerate(zip(listed, names, strict=True))
        if math.isfinite(row[value])
    ]


def trend_chart(rows: Iterable[Mapping[Any, Any]]) -> alt.TopLevelMixin:
    """Return both quantities of one variant over its folders, side by side.

    Args:
        rows: Of one variant and conditions, from `harness.comparison.trend`, the oldest first.
    """
    listed = list(rows)
    panels = []
    for quantity, value, scale, title, change in _QUANTITIES:
        points = trend_points(listed, quantity, value, scale, change)
        if points:
            panels.append(_panel(points, title))
    return styled(alt.hconcat(*panels, spacing=30))


def _panel(points: Rows, title: str) -> alt.LayerChart:
    names = [point["folder"] for point in points]
    base = alt.Chart(data(points)).encode(
        x=alt.X("folder:N", sort=names, title=None, axis={"labelAngle": -40, "labelLimit": 120}),
        y=alt.Y("value:Q", title=title, scale={"zero": False, "nice": True}),
    )
    kinds = list(_MARKS)
    marks = base.mark_point(size=70, filled=True, opacity=1).encode(
        shape=alt.Shape("change:N", scale={"domain": kinds, "range": list(_MARKS.values())}, legend=None),
        color=alt.Color("change:N", scale={"domain": kinds, "range": list(_COLOURS.values())}, legend=None),
        tooltip=[
            alt.Tooltip("folder:N"),
            alt.Tooltip("commit:N"),
            alt.Tooltip("value:Q", title=title, format=".4"),
            alt.Tooltip("before:N", title="against the folder before"),
            alt.Tooltip("change:N", title="verdict"),
        ],
    )
    return alt.layer(base.mark_line(color=GRID, strokeWidth=2), marks, width=WIDTH, height=_HEIGHT)
