"""What the fields of the variants have to do with the results: parallel coordinates and main effects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import altair as alt

from harness.charts.text import clean, label, unique_labels
from harness.charts.theme import BLUE, FONT_SIZE, INK, ORANGE, PAPER, WIDTH, Rows, data, styled
from harness.tables.numbers import percent, significant

_ROW_HEIGHT = 46
_MOST_TICKS = 6
_PANEL_WIDTH, _PANEL_HEIGHT = 150, 100


@dataclass(frozen=True)
class Point:
    """One variant's figures beside what it changes.

    Attributes:
        variant: Its name.
        fields: The value of each field that differs between the variants, as text; all points have the same fields.
        accuracy: On the test images, 0..1; nan where unknown.
        step_time_ms: Milliseconds a training step; nan where unknown.
        is_baseline: Whether it is the baseline.
    """

    variant: str
    fields: Mapping[str, str]
    accuracy: float
    step_time_ms: float
    is_baseline: bool = False


def parallel_chart(points: Sequence[Point]) -> alt.TopLevelMixin:
    """Return parallel coordinates, an axis a row: the fields that differ, then accuracy and step time.

    A line is a variant, the darker the more accurate; the baseline is drawn in black.
    """
    axes = list(points[0].fields) if points else []
    measures = [
        ("accuracy, %", [point.accuracy for point in points], percent),
        ("step, ms", [point.step_time_ms for point in points], significant),
    ]
    places, ticks = [], []
    for axis in axes:
        levels = _levels([point.fields[axis] for point in points])
        position = {level: (i + 0.5) / len(levels) for i, level in enumerate(levels)}
        places.append([position[point.fields[axis]] for point in points])
        ticks += [{"axis": axis, "at": position[level], "text": label(level, 12)} for level in _few(levels)]
    for name, values, shown in measures:
        finite = [value for value in values if math.isfinite(value)]
        if not finite:
            continue
        axes.append(name)
        low, high = min(finite), max(finite)
        places.append([(value - low) / (high - low) if high > low else 0.5 for value in values])
        ends = [(0.0, low), (1.0, high)] if high > low else [(0.5, low)]
        ticks += [{"axis": name, "at": at, "text": shown(value)} for at, value in ends]
    lines = _lines(points, axes, places)
    return styled(_parallel(axes, lines, ticks))


def _lines(points: Sequence[Point], axes: Sequence[str], places: Sequence[Sequence[float]]) -> Rows:
    ranked = sorted(point.accuracy for point in points if math.isfinite(point.accuracy))
    rows: Rows = []
    for i, point in enumerate(points):
        rank = ranked.index(point.accuracy) / max(len(ranked) - 1, 1) if math.isfinite(point.accuracy) else 0.0
        for axis, place in zip(axes, places, strict=True):
            if math.isfinite(place[i]):
                rows.append(
                    {
                        "axis": axis,
                        "at": place[i],
                        "line": i,
                        "variant": clean(point.variant),
                        "rank": rank,
                        "kind": "baseline" if point.is_baseline else "variant",
                        "accuracy": point.accuracy * 100 if math.isfinite(point.accuracy) else None,
                    }
                )
    return rows


def _parallel(axes: Sequence[str], lines: Rows, ticks: Rows) -> alt.LayerChart:
    x = alt.X("at:Q", axis=None, scale=alt.Scale(domain=[-0.04, 1.04], nice=False))
    y = alt.Y(
        "axis:N",
        sort=list(axes),
        scale=alt.Scale(domain=list(axes), type="point", padding=0.4),
        axis=alt.Axis(title=None, domain=False, ticks=False, grid=True, labelPadding=8),
    )
    base = alt.Chart(data(lines))
    strokes = base.mark_line(strokeWidth=1.8).encode(
        x=x,
        y=y,
        order=alt.Order("step:Q"),
        detail="line:N",
        color=alt.condition(
            "datum.kind == 'baseline'",
            alt.value(INK),
            alt.value(BLUE),
        ),
        opacity=alt.condition(
            "datum.kind == 'baseline'",
            alt.value(1),
            alt.Opacity("rank:Q", scale=alt.Scale(domain=[0, 1], range=[0.25, 1]), legend=None),
        ),
        strokeDash=alt.condition("datum.kind == 'baseline'", alt.value([5, 3]), alt.value([1, 0])),
    )
    dots = base.mark_point(filled=True, size=26, opacity=0.9).encode(
        x=x,
        y=y,
        color=alt.condition("datum.kind == 'baseline'", alt.value(INK), alt.value(BLUE)),
        tooltip=[alt.Tooltip("variant:N"), alt.Tooltip("accuracy:Q", title="accuracy %", format=".2f")],
    )
    texts = alt.Chart(data(ticks)).mark_text(dy=13, fontSize=FONT_SIZE - 1).encode(x=x, y=y, text="text:N")
    # Lines cross the values: a rim of paper keeps them legible.
    rim = texts.mark_text(dy=13, fontSize=FONT_SIZE - 1, stroke=PAPER, strokeWidth=4, color=PAPER)
    order = {axis: i for i, axis in enumerate(axes)}
    for row in lines:
        row["step"] = order[row["axis"]]
    return alt.layer(strokes, rim, texts, dots).properties(width=WIDTH - 20, height=_ROW_HEIGHT * max(len(axes), 1))


def effects_chart(points: Sequence[Point]) -> alt.TopLevelMixin:
    """Return the main effects: a panel a field, accuracy by its value; dots are variants, the line their mean.

    Where fields were not varied in all combinations, a field's effect holds others' too; the page says so.
    """
    good = [point for point in points if math.isfinite(point.accuracy)]
    panels: list[alt.LayerChart] = []
    for field in good[0].fields if good else ():
        levels = _levels([point.fields[field] for point in good])
        if len(levels) > 1:
            panels.append(_effect_panel(field, levels, good, first=not len(panels) % 2))
    return styled(alt.concat(*panels, columns=2, spacing={"row": 10, "column": 14}).resolve_scale(y="shared"))


def _effect_panel(field: str, levels: Sequence[str], points: Sequence[Point], *, first: bool) -> alt.LayerChart:
    short = dict(zip(levels, unique_labels(tuple(levels), 14), strict=True))
    rows: Rows = [
        {
            "value": short[point.fields[field]],
            "accuracy": point.accuracy * 100,
            "variant": clean(point.variant),
            "kind": "baseline" if point.is_baseline else "variant",
        }
        for point in points
    ]
    means: Rows = [
        {
            "value": short[level],
            "accuracy": fmean(point.accuracy for point in points if point.fields[field] == level) * 100,
        }
        for level in levels
    ]
    order = [short[level] for level in levels]
    x = alt.X(
        "value:N",
        sort=order,
        title=None,
        scale=alt.Scale(domain=order),
        axis=alt.Axis(labelAngle=-35 if max(map(len, order)) * len(order) > 22 else 0, labelLimit=90),
    )
    y = alt.Y(
        "accuracy:Q",
        title="accuracy %" if first else None,
        scale=alt.Scale(zero=False, nice=True),
        axis=alt.Axis(tickCount=4),
    )
    line = alt.Chart(data(means)).mark_line(color=ORANGE, strokeWidth=1.8).encode(x=x, y=y)
    dots = (
        alt.Chart(data(rows))
        .mark_point(filled=True, size=34, opacity=0.85)
        .encode(
            x=x,
            y=y,
            color=alt.condition("datum.kind == 'baseline'", alt.value(INK), alt.value(BLUE)),
            shape=alt.condition("datum.kind == 'baseline'", alt.value("diamond"), alt.value("circle")),
            tooltip=[alt.Tooltip("variant:N"), alt.Tooltip("accuracy:Q", title="accuracy %", format=".2f")],
        )
    )
    return alt.layer(line, dots).properties(
        width=_PANEL_WIDTH, height=_PANEL_HEIGHT, title=alt.TitleParams(field, fontSize=FONT_SIZE, frame="group")
    )


def _levels(values: Sequence[str]) -> list[str]:
    """Return the different values in their order: numbers by size, other text as it came."""
    found = list(dict.fromkeys(values))
    try:
        return sorted(found, key=_numbers)
    except ValueError:
        return found


def _numbers(value: str) -> tuple[int, list[float]]:
    """Return what sorts 2, 10 and 32-64, 16-32-64 as people would; ValueError for other text."""
    parts = [float(part) for part in value.split("-")]
    return len(parts), parts


def _few(levels: Sequence[str]) -> Sequence[str]:
    if len(levels) <= _MOST_TICKS:
        return levels
    step = (len(levels) - 1) / (_MOST_TICKS - 1)
    return [levels[round(i * step)] for i in range(_MOST_TICKS)]
