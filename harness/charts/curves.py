"""Learning curves: training and validation by epoch, a line for the mean of the seeds, a band for all of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from statistics import fmean

import altair as alt

from harness.charts.theme import BLUE, INK, ORANGE, RED, Rows, data, styled
from harness.results.records import EPOCH_METRICS, Record

WITHIN = 0.01
"""How close training and validation accuracy must come for the tutorial's red line."""

PARTS = ("training", "validation")
_PANEL_WIDTH, _PANEL_HEIGHT = 150, 105
# Up to here every epoch is also a dot: a line through one point would draw nothing.
_DOTTED_EPOCHS = 10


def curve_rows(records: Iterable[Record]) -> Rows:
    """Return a row per metric, part and epoch: mean, lowest and highest over the seeds that have a finite value."""
    found = [record for record in records if record.history]
    rows: Rows = []
    for metric in EPOCH_METRICS:
        for part, prefix in zip(PARTS, ("", "val_"), strict=True):
            for epoch in range(max((len(record.history) for record in found), default=0)):
                values = [
                    value
                    for record in found
                    if epoch < len(record.history)
                    and math.isfinite(value := getattr(record.history[epoch], prefix + metric))
                ]
                if values:
                    rows.append(
                        {
                            "metric": metric,
                            "part": part,
                            "epoch": epoch + 1,
                            "mean": fmean(values),
                            "low": min(values),
                            "high": max(values),
                            "seeds": len(values),
                        }
                    )
    return rows


def seed_curves(records: Iterable[Record]) -> dict[str, list[list[list[float]]]]:
    """Return each seed's curves as compact lists, for charts that show them on request.

    Returns:
        By metric, of training and of validation, of each seed in order: a value per epoch with three significant
        digits, up to the first that is not finite.
    """
    found = sorted((record for record in records if record.history), key=lambda record: record.trial.seed)
    return {
        metric: [
            [_finite(getattr(epoch, prefix + metric) for epoch in record.history) for record in found]
            for prefix in ("", "val_")
        ]
        for metric in EPOCH_METRICS
    }


def _finite(values: Iterable[float]) -> list[float]:
    return [float(f"{value:.3g}") for value in itertools.takewhile(math.isfinite, values)]


def meeting_epoch(rows: Rows, within: float = WITHIN) -> int | None:
    """Return the first epoch where mean training and validation accuracy differ by at most `within`, or None."""
    means = {(row["epoch"], row["part"]): row["mean"] for row in rows if row["metric"] == "accuracy"}
    epochs: list[int] = sorted({epoch for epoch, _ in means})
    for epoch in epochs:
        training, validation = (means.get((epoch, part)) for part in PARTS)
        # A hair more than `within`, so that 0.91 and 0.90 are within 0.01 in binary too.
        if training is not None and validation is not None and abs(training - validation) <= within + 1e-12:
            return epoch
    return None


def curves_chart(records_of_one_variant: Iterable[Record]) -> alt.TopLevelMixin:
    """Return four panels (accuracy, loss, precision, recall) of training and validation by epoch.

    The line is the mean of the seeds, the band spans all of them. A red line marks the first epoch where mean
    training and validation accuracy are within 0.01 of each other, with the validation accuracy there; there is none
    where they never are.
    """
    rows = curve_rows(records_of_one_variant)
    meeting = meeting_epoch(rows)
    mark: Rows = (
        [] if meeting is None else [{"epoch": meeting, "text": f"epoch {meeting}: {_met_at(rows, meeting):.1%}"}]
    )
    last = max((row["epoch"] for row in rows), default=1)
    panels = [_panel(metric, [row for row in rows if row["metric"] == metric], mark, last) for metric in EPOCH_METRICS]
    return styled(alt.concat(*panels, columns=2, spacing={"row": 8, "column": 16}))


def _met_at(rows: Rows, epoch: int) -> float:
    accuracies = (row for row in rows if row["metric"] == "accuracy" and row["part"] == PARTS[1])
    return float(next(row["mean"] for row in accuracies if row["epoch"] == epoch))


def _panel(metric: str, rows: Rows, mark: Rows, last: int) -> alt.LayerChart:
    base = alt.Chart(data([{name: row[name] for name in row if name != "metric"} for row in rows]))
    ticks = _ticks(last)
    x = alt.X(
        "epoch:Q",
        title="epoch" if metric in EPOCH_METRICS[2:] else None,
        scale={"domain": [1, max(last, 2)], "nice": False, "zero": False},
        axis={"values": ticks, "format": "d", "grid": False},
    )
    colour = alt.Color(
        "part:N",
        scale={"domain": PARTS, "range": (ORANGE, BLUE)},
        legend={
            "orient": "top",
            "title": None,
            "direction": "horizontal",
            "symbolType": "stroke",
            "symbolOpacity": 1,
            "offset": 6,
        },
    )
    scale = {"zero": False, "nice": True}
    band = base.mark_area(opacity=0.2).encode(
        x=x,
        y=alt.Y("low:Q", title=None, scale=scale, axis={"tickCount": 4, "minExtent": 26, "maxExtent": 26}),
        y2=alt.Y2("high:Q"),
        color=colour,
    )
    line = base.mark_line(strokeWidth=1.6, point={"size": 18} if last <= _DOTTED_EPOCHS else False).encode(
        x=x,
        y=alt.Y("mean:Q"),
        color=colour,
        strokeDash=alt.StrokeDash("part:N", scale={"domain": PARTS, "range": ((4, 2), (1, 0))}),
    )
    layers = [band, _seeds(metric, x, colour), line, _hover(base, x)]
    rule = alt.Chart(data(mark)).mark_rule(color=RED, strokeWidth=1.4).encode(x=x)
    layers.append(rule)
    if metric == "accuracy":
        near_end = bool(mark) and mark[0]["epoch"] > (1 + last) / 2
        layers.append(
            alt.Chart(data(mark))
            .mark_text(color=RED, align="right" if near_end else "left", dx=-4 if near_end else 4, baseline="bottom")
            .encode(x=x, y=alt.value(_PANEL_HEIGHT - 3), text=alt.Text("text:N"))
        )
    return alt.layer(
        *layers,
        width=_PANEL_WIDTH,
        height=_PANEL_HEIGHT,
        title={"text": metric, "color": INK, "fontSize": 11, "frame": "group", "offset": 4},
    )


def _seeds(metric: str, x: alt.X, colour: alt.Color) -> alt.Chart:
    """Return a thin line per seed; its data are empty until a reader asks for them (`seed_curves`)."""
    return (
        alt.Chart(alt.NamedData(name=f"seeds-{metric}"))
        .mark_line(strokeWidth=0.8, opacity=0.55)
        .encode(x=x, y=alt.Y("value:Q"), color=colour, detail=alt.Detail("seed:N"))
    )


def _hover(base: alt.Chart, x: alt.X) -> alt.Chart:
    """Return dots that only a pointer finds; the page's and the files' pictures leave them out."""
    return base.mark_point(opacity=0, size=90, filled=True).encode(
        x=x,
        y=alt.Y("mean:Q"),
        tooltip=[
            alt.Tooltip("part:N", title=" "),
            alt.Tooltip("epoch:Q"),
            alt.Tooltip("mean:Q", title="mean of seeds", format=".4f"),
            alt.Tooltip("low:Q", title="lowest", format=".4f"),
            alt.Tooltip("high:Q", title="highest", format=".4f"),
            alt.Tooltip("seeds:Q"),
        ],
    )


def _ticks(last: int) -> Sequence[int]:
    step = max(1, math.ceil(last / 6))
    if step > 2:
        step = 5 * math.ceil(step / 5)
    return [1, *(epoch for epoch in range(step, last + 1, step) if epoch > 1)]
