"""How many images each class has in train, validation and test."""

from __future__ import annotations

from dataclasses import dataclass

import altair as alt
import numpy as np

from harness.charts.text import clean, unique_labels
from harness.charts.theme import BLUE, GREY, INK, ORANGE, WIDTH, Rows, data, styled
from harness.datasets import Dataset, validation_split

SPLITS = ("train", "validation", "test")
_LABEL_LENGTH = 20
_BAR = 9


@dataclass(frozen=True)
class ClassCount:
    """Images of one class in each split, as seed 1 draws them."""

    name: str
    train: int
    validation: int
    test: int


def class_counts(dataset: Dataset) -> list[ClassCount]:
    """Return the number of images of each class, in their order; other seeds draw others, but as many."""
    train, validation = validation_split(dataset.train_labels, seed=1)
    labels = (dataset.train_labels[train], dataset.train_labels[validation], dataset.test_labels)
    counts = [np.bincount(part, minlength=len(dataset.classes)).tolist() for part in labels]
    return [ClassCount(name, *numbers) for name, *numbers in zip(dataset.classes, *counts, strict=True)]


def counts_chart(dataset: Dataset) -> alt.TopLevelMixin:
    """Return bars of the number of images, three a class."""
    counts = class_counts(dataset)
    names = unique_labels(tuple(count.name for count in counts), _LABEL_LENGTH)
    rows: Rows = [
        {"class": name, "split": split, "images": getattr(count, split)}
        for name, count in zip(names, counts, strict=True)
        for split in SPLITS
    ]
    base = alt.Chart(data(rows)).encode(
        y=alt.Y("class:N", sort=list(names), title=None),
        yOffset=alt.YOffset("split:N", sort=list(SPLITS)),
        x=alt.X("images:Q", title="images", axis=alt.Axis(tickMinStep=1)),
    )
    bars = base.mark_bar().encode(
        color=alt.Color(
            "split:N",
            scale=alt.Scale(domain=list(SPLITS), range=[BLUE, ORANGE, GREY]),
            legend=alt.Legend(orient="top", title=None, direction="horizontal"),
        ),
        tooltip=["class:N", "split:N", "images:Q"],
    )
    numbers = base.mark_text(align="left", dx=3, fontSize=9, color=INK).encode(text=alt.Text("images:Q"))
    height = len(names) * (len(SPLITS) * (_BAR + 2) + 4)
    title = f"{clean(dataset.name)}: images by class"
    return styled(alt.layer(bars, numbers).properties(width=WIDTH, height=height, title=title))
