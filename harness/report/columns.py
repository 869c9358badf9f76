"""The page's comparison table: its columns from the registry and the variants' fields, and what their cells say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.comparison.columns import SUITE_TABLE, Column
from harness.tables import cell_text, full_text
from harness.tables.cells import interval_text

FIRST = (
    *("variant", "accuracy", "accuracy_delta", "step_time_ms", "step_time_ratio"),
    *("time_to_baseline_ratio", "pareto"),
)
"""The columns that are seen at first, in order; a verdict stands in the cell of what it judges."""


@dataclass(frozen=True)
class PageColumn:
    """One column.

    Attributes:
        key: The column of `comparison.csv` that it shows, or `field.NAME` for a field of the variants.
        title: What people read, with its unit.
        meaning: What it holds, in a sentence.
        kind: How it is set and sorted; `judged` is a number with its verdict and interval.
        always: Whether it is shown at first; the others on demand.
    """

    key: str
    title: str
    meaning: str
    kind: Literal["text", "number", "judged"]
    always: bool = False


@dataclass(frozen=True)
class PageCell:
    """One cell: `value` is exact and sorts it, the rest is what people read."""

    column: PageColumn
    text: str
    value: str
    verdict: str = ""
    interval: str = ""


def page_columns(fields: Sequence[str]) -> tuple[PageColumn, ...]:
    """Return the columns: those that are seen at first, then all others with these fields of the variants."""
    shown = [
        PageColumn(
            one.name,
            one.title,
            one.meaning,
            "judged" if _verdict_of(one) else "text" if one.is_text else "number",
            one.name in FIRST,
        )
        for one in SUITE_TABLE.values()
        if one.place in ("table", "page") and not one.name.endswith("_verdict")
    ]
    varied = [PageColumn(f"field.{name}", name, f"The variant's {name}.", "text") for name in fields]
    first = sorted((one for one in shown if one.always), key=lambda one: FIRST.index(one.key))
    return (*first, *(one for one in shown if not one.always), *varied)


def page_cell(row: Mapping[Any, Any], column: PageColumn) -> PageCell:
    """Return the cell of a row. What compares a baseline with itself, or was not measured, is empty."""
    value = row[column.key]
    if column.key.startswith("field."):
        return PageCell(column, str(value), str(value))
    described = SUITE_TABLE[column.key]
    itself = described.kind in ("difference", "ratio") and row["variant"] == row["baseline"]
    number = isinstance(value, int | float)
    if itself or (number and math.isnan(value)):
        return PageCell(column, "", "")
    # The page's script reads this word as a number, and so does Python.
    infinite = number and math.isinf(value)
    exact = "Infinity" if infinite else repr(float(value)) if number else str(value)
    if verdict := _verdict_of(described):
        return PageCell(column, cell_text(row, column.key), exact, row[verdict], interval_text(row, column.key))
    return PageCell(column, full_text(row, column.key) if number else cell_text(row, column.key), exact)


def _verdict_of(column: Column) -> str:
    """Return the name of the column that judges this one; empty where none does."""
    name = f"{column.quantity}_verdict"
    return name if column.quantity and name in SUITE_TABLE else ""
