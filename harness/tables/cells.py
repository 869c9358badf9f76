"""The text of a cell: one rule of rounding for every table, page and text file. CSV and JSON have numbers in full."""

from __future__ import annotations

import math

from harness.comparison.columns import Column, Row, column_of
from harness.comparison.verdicts import is_loose
from harness.tables.numbers import (
    EMPTY,
    FACTOR,
    grouped,
    interval_decimals,
    p_value,
    percent,
    points,
    ratio,
    significant,
)

_POINTS_DECIMALS = (0, 2)
_RATIO_DECIMALS = (1, 4)


def cell_text(row: Row, column: str) -> str:
    """Return a cell as people read it, the same everywhere.

    Fractions are per cent with two decimals. A difference, in percentage points and with its sign, and a ratio have
    as many digits as their interval supports: two of its width, and never so few that an end reads as no difference
    which it excludes. The ends of a difference stay within what the other's figure leaves to lose and to gain; those of
    a ratio are never 0, and only bounds where they say next to nothing. Measures have three significant digits. Unknown
    numbers are empty, infinite ones too unless the column has a word for them.

    Args:
        row: From a comparison's frame, with the interval's columns beside the column itself.
        column: Its name.

    >>> row = {"accuracy": 0.95734, "accuracy_ci_low": -0.0113, "accuracy_ci_high": 0.0213}
    >>> cell_text(row, "accuracy"), cell_text(row, "accuracy_ci_low")
    ('95.73', '-1.1')
    """
    value, described = row[column], column_of(column)
    low, high = _ends(row, described)
    loose = described.kind == "ratio" and is_loose(low, high)
    if isinstance(value, str):
        return value
    if described.is_text or value is None or math.isnan(value):
        return EMPTY
    if math.isinf(value) and (described.infinite or not loose):
        return described.infinite
    match described.kind:
        case "count":
            return grouped(value)
        case "p":
            return p_value(value)
        case "fraction":
            return percent(value)
        case "difference":
            low, high = _possible(row, described, low, high)
            shown = low if column.endswith("_ci_low") else high if column.endswith("_ci_high") else value
            return points(shown, _decimals(described, low * 100, high * 100))
        case "ratio":
            return ratio(value, _decimals(described, low, high), loose=loose)
        case _:
            return significant(value)


def interval_text(row: Row, column: str) -> str:
    """Return the interval of a difference or ratio, `[-1.1, +2.1]`; nothing where there is none."""
    quantity = column_of(column).quantity
    low, high = (cell_text(row, f"{quantity}_ci_{end}") for end in ("low", "high"))
    return f"[{low}, {high}]" if low and high else EMPTY


def full_text(row: Row, column: str) -> str:
    """Return a whole cell: an accuracy with its spread, a difference or ratio with its interval."""
    text = cell_text(row, column)
    if column == "accuracy" and (spread := cell_text(row, "accuracy_std") if "accuracy_std" in row else EMPTY):
        return f"{text} ±{spread}"
    if column_of(column).quantity and (interval := interval_text(row, column)):
        return f"{text} {interval}"
    return text


def shown_figure(row: Row, column: str) -> tuple[float, float, float]:
    """Return a difference or ratio with the ends of its interval as far as `full_text` tells them, for a chart.

    The ends are nan where there is no interval.
    """
    described = column_of(column)
    low, high = _ends(row, described)
    if described.kind == "difference":
        return row[column], *_possible(row, described, low, high)
    if is_loose(low, high):
        value, low, high = (min(max(end, 1 / FACTOR), FACTOR) for end in (row[column], low, high))
        return value, low, high
    return row[column], low, high


def possible_ends(low: float, high: float, delta: float, other: float) -> tuple[float, float]:
    """Return an interval of a difference of fractions without what is beyond all and nothing of the other's own.

    >>> possible_ends(-0.2, 0.3, 0.05, 0.75)
    (-0.2, 0.25)
    """
    if math.isnan(other):
        return max(low, -1.0), min(high, 1.0)
    return max(low, min(-other, delta)), min(high, max(1 - other, delta))


def _ends(row: Row, column: Column) -> tuple[float, float]:
    """Return the interval of what a column is about; nan where there is none."""
    low, high = (row.get(f"{column.quantity}_ci_{end}", math.nan) for end in ("low", "high"))
    return low, high


def _possible(row: Row, column: Column, low: float, high: float) -> tuple[float, float]:
    delta, own = (row.get(name, math.nan) for name in (f"{column.quantity}_delta", column.quantity))
    return possible_ends(low, high, delta, row.get(f"{column.quantity}_old", own - delta))


def _decimals(column: Column, low: float, high: float) -> int:
    least, most = _RATIO_DECIMALS if column.kind == "ratio" else _POINTS_DECIMALS
    if math.isnan(low):
        return 2
    return interval_decimals(low, high, least=least, most=most, equal=1.0 if column.kind == "ratio" else 0.0)
