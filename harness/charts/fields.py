"""What the fields of the variants have to do with the results: main effects, where fields were crossed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import altair as alt

from harness.charts.text import clean, unique_labels
from harness.charts.theme import BLUE, FONT_SIZE, INK, ORANGE, Rows, data, styled

_PANEL_WIDTH, _PANEL_HEIGHT = 150, 100


@dataclass(frozen=True)
class Point:
    """One variant's figures beside what it changes.

    Attributes:
        variant: Its name.
        fields: The value of each field that differs between the variants, as text; all points have the same fields.
        accuracy: On the test images, 0..1; nan where unknown.
        is_baseline: Whether it is the baseline.
    """

    variant: str
    fields: Mapping[str, str]
    accuracy: float
    is_baseline: bool = False


def are_crossed(points: Sequence[Point]) -> bool:
    """Whether at least two fields differ and each combination of their values is there exactly once, with an accuracy.

    Only then is a mean over the variants with one value of a field free of what the other fields do.
    """
    if not points:
        return False
    levels = [{point.fields[field] for point in points} for field in points[0].fields]
    combinations = {tuple(point.fields.values()) for point in points}
    return (
        sum(len(found) > 1 for found in levels) > 1
        and len(points) == len(combinations) == math.prod(map(len, levels))
        and all(math.isfinite(point.accuracy) for point in points)
    )


def effects_chart(points: Sequence[Point]) -> alt.TopLevelMixin:
    """Return the main effects: a panel per field, accuracy by its value; dots are variants, the line their mean.

    They mean something where the fields are crossed (`are_crossed`): else a field's line holds others' effects too.
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
        scale={"domain": order},
        axis={"labelAngle": -35 if max(map(len, order)) * len(order) > 22 else 0, "labelLimit": 90},
    )
    y = alt.Y(
        "accuracy:Q",
        title="accuracy %" if first else None,
        scale={"zero": False, "nice": True},
        axis={"tickCount": 4},
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
    return alt.layer(
        line,
        dots,
        width=_PANEL_WIDTH,
        height=_PANEL_HEIGHT,
        title={"text": field, "fontSize": FONT_SIZE, "frame": "group"},
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
