"""Accuracy against step time: which variants no other beats in both."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt

from harness.charts.text import clean, label
from harness.charts.theme import BLUE, GREY, INK, MUTED, ORANGE, PAPER, WIDTH, Rows, data, styled
from harness.comparison.columns import SUITE_TABLE
from harness.tables import full_text

_HEIGHT = 250
_KINDS = ("baseline", "on the front", "perhaps on it", "beaten")
# More names than this would hide each other: the rest is told by the pointer and the table.
_MOST_NAMES = 8


def pareto_rows(rows: Iterable[Mapping[Any, Any]]) -> Rows:
    """Return a point a row of the comparison table that has accuracy and step time and did not diverge or fail.

    Gains are percentage points over the baseline, costs ratios to its step time; an end of an interval that is not
    known is the value itself.
    """
    points: Rows = []
    for row in rows:
        values = (row["accuracy_delta"], row["step_time_ratio"])
        if row["status"] not in ("ok", "partial") or not all(map(math.isfinite, values)):
            continue
        gain, cost = values
        is_baseline = row["variant"] == row["baseline"]
        kind = {"yes": "on the front", "no": "beaten"}.get(row["pareto"], "perhaps on it")
        points.append(
            {
                "variant": clean(row["variant"]),
                "kind": "baseline" if is_baseline else kind,
                "gain": gain * 100,
                "low": _or(row["accuracy_ci_low"], gain) * 100,
                "high": _or(row["accuracy_ci_high"], gain) * 100,
                "cost": cost,
                "fast": _or(row["step_time_ci_low"], cost),
                "slow": _or(row["step_time_ci_high"], cost),
                # As the tables say it.
                "points": full_text(row, "accuracy_delta"),
                "times": full_text(row, "step_time_ratio"),
            }
        )
    return points


def front_rows(points: Rows) -> Rows:
    """Return the points that no other beats in both estimates, from the fastest to the most accurate."""
    front: Rows = []
    for point in sorted(points, key=lambda point: (point["cost"], -point["gain"])):
        if not front or point["gain"] > front[-1]["gain"]:
            front.append(point)
    return front


def pareto_chart(rows: Iterable[Mapping[Any, Any]]) -> alt.TopLevelMixin:
    """Return accuracy against step time with both intervals, the baseline marked and the front drawn.

    Args:
        rows: Of one suite and set of conditions, with the columns of `harness.comparison.COLUMNS`.
    """
    points = pareto_rows(rows)
    front = front_rows(points)
    x = alt.X("cost:Q", title="step time, baseline = 1  (left is faster)", scale=alt.Scale(zero=False, nice=True))
    y = alt.Y("gain:Q", title="accuracy, points over the baseline", scale=alt.Scale(zero=False, nice=True))
    base = alt.Chart(data(points))
    colour = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=list(_KINDS), range=[INK, BLUE, ORANGE, GREY]),
        legend=alt.Legend(
            title=None, orient="top", direction="horizontal", columns=4, symbolOpacity=1, symbolStrokeWidth=1.5
        ),
    )
    layers: list[alt.Chart] = [
        alt.Chart(data([{"cost": 1.0, "gain": 0.0}])).mark_rule(color=MUTED, strokeDash=[2, 3]).encode(x=x),
        alt.Chart(data([{"cost": 1.0, "gain": 0.0}])).mark_rule(color=MUTED, strokeDash=[2, 3]).encode(y=y),
        alt.Chart(data(front))
        .mark_line(interpolate="step-after", color=BLUE, strokeWidth=1.2, strokeDash=[5, 3])
        .encode(x=x, y=y),
        base.mark_rule(opacity=0.55).encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour),
        base.mark_rule(opacity=0.55).encode(x=alt.X("fast:Q"), x2="slow:Q", y=y, color=colour),
        base.mark_point(size=60, filled=True, opacity=1, stroke=PAPER, strokeWidth=0.8).encode(
            x=x,
            y=y,
            color=colour,
            shape=alt.Shape(
                "kind:N", scale=alt.Scale(domain=list(_KINDS), range=["diamond", "circle", "triangle-up", "cross"])
            ),
            tooltip=[
                alt.Tooltip("variant:N"),
                alt.Tooltip("kind:N", title="Pareto"),
                alt.Tooltip("points:N", title=SUITE_TABLE["accuracy_delta"].title),
                alt.Tooltip("times:N", title=SUITE_TABLE["step_time_ratio"].title),
            ],
        ),
        *_names(points, front, x, y),
    ]
    return styled(alt.layer(*layers).properties(width=WIDTH, height=_HEIGHT))


def _names(points: Rows, front: Rows, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Return the names of the front, or of all points where there are few; on the side where there is room."""
    chosen = [point for point in (points if len(points) <= _MOST_NAMES else front) if point["kind"] != "baseline"]
    chosen = chosen[-_MOST_NAMES:]
    if not chosen:
        return []
    costs = [point["cost"] for point in points]
    middle = (min(costs) + max(costs)) / 2
    charts = []
    for align, dx, side in (
        ("left", 7, [point for point in chosen if point["cost"] <= middle]),
        ("right", -7, [point for point in chosen if point["cost"] > middle]),
    ):
        rows = [{"cost": p["cost"], "gain": p["gain"], "name": label(p["variant"], 26)} for p in side]
        if not rows:
            continue
        charts.append(
            alt.Chart(data(rows)).mark_text(align=align, dx=dx, dy=-7, fontSize=10).encode(x=x, y=y, text="name:N")
        )
    return charts


def _or(value: float, other: float) -> float:
    return value if math.isfinite(value) else other
