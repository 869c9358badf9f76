"""What the page's script needs to set any two variants side by side."""

from __future__ import annotations

from typing import Any

import altair as alt

from harness.charts import confusion_chart
from harness.charts.text import unique_labels
from harness.charts.theme import BLUE, ORANGE, WIDTH, data, styled
from harness.report.pictures import Pictures
from harness.report.variant_view import MOST_CLASSES
from harness.report.view import ReportView

ARMS = ("first", "second")


def pair_data(view: ReportView, pictures: Pictures) -> dict[str, Any]:
    """Return the variants with their charts, matrices and classes, and the specifications that the pair view fills."""
    classes: list[list[str]] = []
    variants: dict[str, Any] = {}
    for suite in view.suites:
        for variant in suite.variants:
            names = list(unique_labels(tuple(one.name for one in variant.class_table), 14))
            if names not in classes:
                classes.append(names)
            variants[variant.id] = {
                "curves": variant.curves.id if variant.curves else None,
                "classes": classes.index(names),
                "matrix": variant.matrix if len(variant.matrix) == len(names) else [],
            }
    templates = {
        "curves": pictures.reference(_curves_chart().to_dict(validate=False)),
        "confusion": [_confusion(names, pictures) if 0 < len(names) <= MOST_CLASSES else None for names in classes],
    }
    return pictures.to_data() | {"variants": variants, "classes": classes, "pair": templates}


def _confusion(names: list[str], pictures: Pictures) -> list[Any]:
    chart = confusion_chart([[0.5] * len(names)] * len(names), names, difference=True)
    return pictures.reference(chart.to_dict(validate=False))


def _curves_chart() -> alt.TopLevelMixin:
    rows = [{"arm": arm, "epoch": 1, "mean": 0.0, "low": 0.0, "high": 0.0} for arm in ARMS]
    base = alt.Chart(data(rows))
    x = alt.X("epoch:Q", scale=alt.Scale(nice=False, zero=False), axis=alt.Axis(format="d", tickMinStep=1, grid=False))
    y = alt.Y("mean:Q", title="validation accuracy", scale=alt.Scale(zero=False))
    colour = alt.Color(
        "arm:N",
        scale=alt.Scale(domain=list(ARMS), range=[ORANGE, BLUE]),
        legend=alt.Legend(title=None, orient="top", symbolType="stroke", symbolOpacity=1, labelLimit=300),
    )
    dash = alt.StrokeDash("arm:N", scale=alt.Scale(domain=list(ARMS), range=[[4, 2], [1, 0]]))
    tips = [alt.Tooltip("arm:N", title=" "), alt.Tooltip("epoch:Q"), alt.Tooltip("mean:Q", format=".4f")]
    return styled(
        alt.layer(
            base.mark_area(opacity=0.2).encode(x=x, y=alt.Y("low:Q", title=None), y2="high:Q", color=colour),
            base.mark_line(strokeWidth=1.6, point={"size": 18}).encode(
                x=x, y=y, color=colour, strokeDash=dash, tooltip=tips
            ),
        ).properties(width=WIDTH, height=200)
    )
