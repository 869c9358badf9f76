"""Confusion matrices: what is taken for what, on its own or against the baseline's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import altair as alt
import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.charts.text import unique_labels
from harness.charts.theme import BLUE, FONT_SIZE, GRID, INK, ORANGE, PAPER, Rows, data, styled
from harness.results.records import Record

_SIZE = 300
_LABEL_HEIGHT = 10.0
_LABEL_LENGTH = 14
_LEAST_SHARE = 0.005
# With more classes the numbers no longer fit their cells.
_MOST_WITH_NUMBERS = 12


def confusion_matrix(records: Iterable[Record], labels: ArrayLike, classes: int) -> NDArray[np.float64]:
    """Return how often a true class (row) is predicted as each class (column), the mean of the seeds.

    Args:
        records: Of one variant; those without predictions are left out.
        labels: True class of each test image, [N].
        classes: Number of classes.

    Returns:
        float64 [classes, classes], fractions of the row's images; a row without images, or all without records, NaN.
    """
    truth = np.asarray(labels, np.int64)
    found = [record.predictions.predicted for record in records if record.predictions is not None]
    counts = np.zeros((classes, classes))
    for predicted in found:
        counts += np.bincount(truth * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    totals = np.bincount(truth, minlength=classes)[:, None] * float(len(found))
    shares: NDArray[np.float64] = np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)
    return shares


def confusion_chart(matrix: ArrayLike, classes: Sequence[str], *, difference: bool) -> alt.TopLevelMixin:
    """Return a confusion matrix as a heat map, true classes down, predicted ones across.

    Args:
        matrix: [classes, classes], fractions of a true class; with `difference`, variant less baseline.
        classes: Names, by label.
        difference: Draw blue where the variant is better (more on the diagonal, less off it), orange where worse.
    """
    values = np.asarray(matrix, np.float64)
    names = unique_labels(tuple(classes), _LABEL_LENGTH)
    rows = _rows(values, names, difference=difference)
    cell = _SIZE / max(len(names), 1)
    order = list(names)
    scale = {"domain": order}
    angle = -45 if max(map(len, names), default=0) > 2 else 0
    # Of many classes only so many names as fit beside one another; the tooltip has each.
    shown = order[:: max(1, math.ceil(_LABEL_HEIGHT / cell))]
    base = alt.Chart(data(rows)).encode(
        x=alt.X(
            "predicted:N", sort=order, scale=scale, axis=_axis("predicted as", orient="top", angle=angle, values=shown)
        ),
        y=alt.Y("true:N", sort=order, scale=scale, axis=_axis("true class", values=shown)),
        tooltip=[
            alt.Tooltip("true:N", title="true"),
            alt.Tooltip("predicted:N"),
            alt.Tooltip("text:N", title="points" if difference else "% of the true class"),
        ],
    )
    legend = _legend(difference)
    effects = ["better", "worse"]
    cells = base.mark_rect(strokeWidth=1).encode(
        fill=alt.Fill("effect:N", scale={"domain": effects, "range": [BLUE, ORANGE]}, legend=legend),
        # In grey both hues look alike: what is worse has a dark border too.
        stroke=alt.Stroke("effect:N", scale={"domain": effects, "range": [BLUE, INK]}, legend=legend),
        opacity=alt.Opacity("strength:Q", scale={"domain": [0, 1], "range": [0.05, 0.95]}, legend=None),
    )
    layers = [cells]
    if len(names) <= _MOST_WITH_NUMBERS:
        layers.append(
            base.mark_text(fontSize=min(FONT_SIZE, cell * 0.36), color=INK).encode(
                text=alt.Text("short:N"),
                color=alt.condition("datum.strength > 0.6", alt.value(PAPER), alt.value(INK)),
            )
        )
    layered = alt.layer(*layers, width=_SIZE, height=_SIZE, view={"stroke": GRID})
    return styled(layered)


def _rows(values: NDArray[np.float64], names: tuple[str, ...], *, difference: bool) -> Rows:
    finite = np.abs(values[np.isfinite(values)])
    largest = (float(finite.max()) if finite.size and difference else 1.0) or 1.0
    rows: Rows = []
    for i, true in enumerate(names):
        for j, predicted in enumerate(names):
            value = float(values[i, j])
            # An empty cell says as well that there is next to nothing, and costs nothing.
            if not np.isfinite(value) or abs(value) < _LEAST_SHARE * largest:
                continue
            good = (value > 0) == (i == j) if difference else i == j
            rows.append(
                {
                    "true": true,
                    "predicted": predicted,
                    "effect": "better" if good else "worse",
                    "strength": round(abs(value) / largest, 3),
                    "text": f"{value * 100:+.2f}" if difference else f"{value * 100:.2f}",
                    "short": _short(value * 100, difference=difference),
                }
            )
    return rows


def _short(percent: float, *, difference: bool) -> str:
    """Return what fits a cell; nothing for what rounds to zero, so that the eye finds what is there."""
    digits = 0 if abs(percent) >= 9.95 else 1
    text = f"{percent:+.{digits}f}" if difference else f"{percent:.{digits}f}"
    return "" if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def _axis(title: str, *, angle: int = 0, **more: object) -> dict[str, object]:
    return {"title": title, "labelAngle": angle, "ticks": False, "domain": False, "labelLimit": 110, **more}


def _legend(difference: bool) -> dict[str, object] | None:
    if not difference:
        return None
    return {"title": None, "orient": "bottom", "direction": "horizontal", "symbolType": "square", "symbolOpacity": 0.8}
