"""Accuracy by class: which classes a variant gains and loses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.charts.text import unique_labels
from harness.charts.theme import BLUE, INK, WIDTH, Rows, data, styled
from harness.results.records import NAN, Record
from harness.tables.cells import possible_ends

_ROW_HEIGHT = 20


@dataclass(frozen=True)
class ClassAccuracy:
    """How well one class is told.

    Attributes:
        name: Of the class.
        images: Test images of it.
        accuracy: Share of them told right, mean of the seeds.
        low, high: Interval for new seeds and new images, at alpha; nan under three seeds.
        baseline: The baseline's accuracy; nan where there is none to compare with.
        delta, delta_low, delta_high: The paired difference, with an interval corrected for the number of classes.
    """

    name: str
    images: int
    accuracy: float
    low: float
    high: float
    baseline: float = NAN
    delta: float = NAN
    delta_low: float = NAN
    delta_high: float = NAN


def class_accuracies(
    records: Iterable[Record],
    labels: ArrayLike,
    classes: Sequence[str],
    *,
    baseline: Iterable[Record] = (),
    alpha: float = 0.05,
) -> list[ClassAccuracy]:
    """Return the accuracy of each class, in their order; differences only where the baseline has the same seeds."""
    from harness.statistics import two_way

    truth = np.asarray(labels, np.int64)
    own, theirs = _correct(records, truth), _correct(baseline, truth)
    if not own:
        return []
    seeds = [seed for seed in own if seed in theirs]
    table = np.stack(list(own.values()))
    difference = np.stack([own[seed] - theirs[seed] for seed in seeds]) if seeds else None
    base = np.stack(list(theirs.values())) if theirs else None
    found = []
    for label, name in enumerate(classes):
        mine = truth == label
        if not mine.any():
            continue
        effect = two_way(table[:, mine])
        low, high = effect.interval(alpha)
        figures = [NAN] * 4
        if base is not None and difference is not None:
            change = two_way(difference[:, mine])
            other = float(base[:, mine].mean())
            ends = possible_ends(*change.interval(alpha, len(classes)), change.mean, other)
            figures = [other, change.mean, *ends]
        found.append(ClassAccuracy(name, int(mine.sum()), effect.mean, max(low, 0.0), min(high, 1.0), *figures))
    return found


def classes_chart(found: Sequence[ClassAccuracy]) -> alt.TopLevelMixin:
    """Return a row per class: the variant's accuracy with its interval, the baseline's as a hollow diamond."""
    names = unique_labels(tuple(one.name for one in found), 16)
    rows: Rows = []
    bases: Rows = []
    for name, one in zip(names, found, strict=True):
        low, high = (end if math.isfinite(end) else one.accuracy for end in (one.low, one.high))
        values = {"accuracy": one.accuracy * 100, "low": low * 100, "high": high * 100}
        rows.append({"class": name, **values, "images": one.images})
        if math.isfinite(one.baseline):
            bases.append({"class": name, "accuracy": one.baseline * 100, "delta": one.delta * 100})
    y = alt.Y("class:N", sort=list(names), title=None, scale={"domain": list(names)}, axis={"grid": True})
    x = alt.X("accuracy:Q", title="accuracy of the class, %", scale={"zero": False, "nice": True})
    base = alt.Chart(data(rows))
    layers = [
        base.mark_rule(color=BLUE, strokeWidth=2, opacity=0.6).encode(y=y, x=alt.X("low:Q"), x2=alt.X2("high:Q")),
        base.mark_point(color=BLUE, filled=True, size=48, opacity=1).encode(
            y=y,
            x=x,
            tooltip=[
                alt.Tooltip("class:N"),
                alt.Tooltip("accuracy:Q", title="%", format=".2f"),
                alt.Tooltip("low:Q", title="from", format=".2f"),
                alt.Tooltip("high:Q", title="to", format=".2f"),
                alt.Tooltip("images:Q", title="test images"),
            ],
        ),
    ]
    if bases:
        layers.append(
            alt.Chart(data(bases))
            .mark_point(shape="diamond", color=INK, size=52, strokeWidth=1.3, filled=False)
            .encode(
                y=y,
                x=x,
                tooltip=[
                    alt.Tooltip("class:N"),
                    alt.Tooltip("accuracy:Q", title="baseline %", format=".2f"),
                    alt.Tooltip("delta:Q", title="difference, points", format="+.2f"),
                ],
            )
        )
    return styled(alt.layer(*layers, width=WIDTH - 40, height=_ROW_HEIGHT * max(len(found), 1)))


def _correct(records: Iterable[Record], truth: NDArray[np.int64]) -> dict[int, NDArray[np.float64]]:
    return {
        record.trial.seed: (record.predictions.predicted == truth).astype(np.float64)
        for record in records
        if record.predictions is not None
    }
