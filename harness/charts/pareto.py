"""Accuracy against step time: which variants no other beats in both."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt

from harness.charts.labels import FONT_SIZE, place_names
from harness.charts.text import clean, label
from harness.charts.theme import BLUE, GREY, INK, MUTED, ORANGE, PAPER, WIDTH, Rows, data, styled
from harness.comparison.columns import SUITE_TABLE
from harness.tables import full_text
from harness.tables.cells import shown_figure

_HEIGHT = 220
_KINDS = ("baseline", "on the front", "perhaps on it", "beaten")
# Names of more points than this would fill the plot: the rest is told by the pointer and the table.
_MOST_NAMES = 14
_NAME_LENGTH = 26
# Room around what is drawn, as a share of what it spans.
_ROOM = 0.06
# An interval that reaches further beyond all estimates than twice what these span, or than this, is cut at the edge:
# one variant timed on a busy machine would else press all others into one line.
_REACH = 2.0
_ENDS = {"cost": ("fast", "slow", 0.25, 0.0), "gain": ("low", "high", 3.0, -100.0)}


def pareto_rows(rows: Iterable[Mapping[Any, Any]]) -> Rows:
    """Return a point a row of the comparison table that has accuracy and step time and did not diverge or fail.

    Gains are percentage points over the baseline, costs ratios to its step time, with intervals as the tables tell
    them; an end that is not known is the value itself.
    """
    points: Rows = []
    for row in rows:
        (gain, low, high), (cost, fast, slow) = (
            shown_figure(row, name) for name in ("accuracy_delta", "step_time_ratio")
        )
        if row["status"] not in ("ok", "partial") or not (math.isfinite(gain) and math.isfinite(cost)):
            continue
        is_baseline = row["variant"] == row["baseline"]
        kind = {"yes": "on the front", "no": "beaten"}.get(row["pareto"], "perhaps on it")
        points.append(
            {
                "variant": clean(row["variant"]),
                "kind": "baseline" if is_baseline else kind,
                "gain": gain * 100,
                "low": _or(low, gain) * 100,
                "high": _or(high, gain) * 100,
                "cost": cost,
                "fast": _or(fast, cost),
                "slow": _or(slow, cost),
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
    across, up = _span(points, "cost", 1.0), _span(points, "gain", 0.0)
    x, y = (
        alt.X(
            "cost:Q",
            title="step time, baseline = 1  (left is faster)",
            scale={"domain": across, "nice": False, "zero": False},
        ),
        alt.Y(
            "gain:Q",
            title="accuracy, points over the baseline",
            scale={"domain": up, "nice": False, "zero": False},
        ),
    )
    points = [_cut(point, across, up) for point in points]
    base = alt.Chart(data(points))
    colour = alt.Color(
        "kind:N",
        scale={"domain": list(_KINDS), "range": [INK, BLUE, ORANGE, GREY]},
        legend={
            "title": None,
            "orient": "top",
            "direction": "horizontal",
            "columns": 4,
            "symbolOpacity": 1,
            "symbolStrokeWidth": 1.5,
        },
    )
    layers: list[alt.Chart] = [
        alt.Chart(data([{"cost": 1.0, "gain": 0.0}])).mark_rule(color=MUTED, strokeDash=[2, 3]).encode(x=x),
        alt.Chart(data([{"cost": 1.0, "gain": 0.0}])).mark_rule(color=MUTED, strokeDash=[2, 3]).encode(y=y),
        alt.Chart(data(front))
        .mark_line(interpolate="step-after", color=BLUE, strokeWidth=1.2, strokeDash=[5, 3])
        .encode(x=x, y=y),
        base.mark_rule(opacity=0.55).encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"), color=colour),
        base.mark_rule(opacity=0.55).encode(x=alt.X("fast:Q"), x2=alt.X2("slow:Q"), y=y, color=colour),
        base.mark_point(size=60, filled=True, opacity=1, stroke=PAPER, strokeWidth=0.8).encode(
            x=x,
            y=y,
            color=colour,
            shape=alt.Shape(
                "kind:N", scale={"domain": list(_KINDS), "range": ["diamond", "circle", "triangle-up", "cross"]}
            ),
            tooltip=[
                alt.Tooltip("variant:N"),
                alt.Tooltip("kind:N", title="Pareto"),
                alt.Tooltip("points:N", title=SUITE_TABLE["accuracy_delta"].title),
                alt.Tooltip("times:N", title=SUITE_TABLE["step_time_ratio"].title),
            ],
        ),
        *_names(points, (across, up), x, y),
    ]
    return styled(alt.layer(*layers, width=WIDTH, height=_HEIGHT))


def _span(points: Rows, axis: str, baseline: float) -> list[float]:
    """Return what an axis spans: estimates, baseline, and the intervals as far as the rest stays legible."""
    low, high, least_reach, floor = _ENDS[axis]
    middles = [baseline, *(point[axis] for point in points)]
    reach = max(_REACH * (max(middles) - min(middles)), least_reach)
    least = max(min([baseline, *(point[low] for point in points)]), min(middles) - reach)
    most = min(max([baseline, *(point[high] for point in points)]), max(middles) + reach)
    room = _ROOM * (most - least) or 0.05
    return [max(least - room, floor), most + room]


def _cut(point: dict[str, Any], across: list[float], up: list[float]) -> dict[str, Any]:
    """Return a point with its intervals cut where the axes end; what the pointer tells stays whole."""
    ends = {"fast": across, "slow": across, "low": up, "high": up}
    return point | {name: min(max(point[name], low), high) for name, (low, high) in ends.items()}


def _names(points: Rows, spans: tuple[list[float], list[float]], x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Return the names of the points for which there is room, those of the front first, with lines to those far off."""
    (left, right), (low, high) = spans

    def pixels(cost: float, gain: float) -> tuple[float, float]:
        return (cost - left) / (right - left) * WIDTH, (high - gain) / (high - low) * _HEIGHT

    ranked = sorted(points, key=lambda point: (_KINDS.index(point["kind"]), -point["gain"]))
    named = [point for point in ranked if point["kind"] != "baseline"][:_MOST_NAMES]
    texts = [label(point["variant"], _NAME_LENGTH) if point in named else "" for point in ranked]
    intervals = []
    for point in ranked:
        (ax, ay), (bx, by) = pixels(point["fast"], point["high"]), pixels(point["slow"], point["low"])
        cx, cy = pixels(point["cost"], point["gain"])
        intervals += [(ax, cy - 1, bx, cy + 1), (cx - 1, ay, cx + 1, by)]
    dots = [pixels(point["cost"], point["gain"]) for point in ranked]
    rows: Rows = []
    for point, text, place in zip(
        ranked, texts, place_names(dots, texts, (WIDTH, _HEIGHT), lines=intervals), strict=True
    ):
        if place:
            rows.append(
                {
                    "cost": point["cost"],
                    "gain": point["gain"],
                    "name": text,
                    "dx": place.dx,
                    "dy": place.dy,
                    "align": place.align,
                    # Where the line to it ends, in the axes' units.
                    "to_cost": point["cost"] + place.dx * (right - left) / WIDTH,
                    "to_gain": point["gain"] - place.dy * (high - low) / _HEIGHT,
                    "led": place.led,
                }
            )
    base = alt.Chart(data(rows))
    offsets: dict[str, Any] = {name: alt.ExprRef(f"datum.{name}") for name in ("dx", "dy", "align")}
    texts_of = base.encode(x=x, y=y, text=alt.Text("name:N"))
    return [
        base.transform_filter("datum.led")
        .mark_rule(color=MUTED, strokeWidth=0.7)
        .encode(x=x, y=y, x2=alt.X2("to_cost:Q"), y2=alt.Y2("to_gain:Q")),
        # Intervals cross the names: a rim of paper keeps them legible.
        texts_of.mark_text(fontSize=FONT_SIZE, stroke=PAPER, strokeWidth=3, color=PAPER, **offsets),
        texts_of.mark_text(fontSize=FONT_SIZE, **offsets),
    ]


def _or(value: float, other: float) -> float:
    return value if math.isfinite(value) else other
