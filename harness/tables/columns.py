"""What each column holds: how its numbers are rounded, in what unit people read them, and what its head says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from harness.comparison.columns import is_text
from harness.tables.numbers import EMPTY, interval_decimals, plain, shifted, significant

Kind = Literal["text", "count", "fraction", "difference", "ratio", "p", "measure"]
Row = Mapping[Any, Any]

METRICS = ("accuracy", "precision", "recall", "macro_f1")

_FRACTION_DECIMALS = (2, 4)
_RATIO_DECIMALS = (1, 4)
_UNKNOWN_RATIO_DECIMALS = 2
_COUNTS = frozenset({"seeds", "seeds_old", "seeds_new", "epoch", "params", "flops", "threads"})
_DIFFERENCES = ("delta", "ci_low", "ci_high")
_UNITS = {"_ms": "ms", "_s": "s", "_mib": "MiB"}
_HEADS = {
    "flops": "FLOPs an image",
    "params": "parameters",
    "images_per_s": "images a second",
    "gemm_share": "share of GEMM peak, %",
    "macro_f1": "macro F1, %",
    "epoch": "chosen epoch",
}


def kind_of(column: str) -> Kind:
    """Return what a column holds.

    >>> kind_of("accuracy"), kind_of("recall_ci_low"), kind_of("step_time_ci_low"), kind_of("build_s")
    ('fraction', 'difference', 'ratio', 'measure')
    """
    if is_text(column):
        return "text"
    if column in _COUNTS:
        return "count"
    if column.endswith("_p"):
        return "p"
    metric = _metric(column)
    if metric:
        return "difference" if column.removeprefix(f"{metric}_") in _DIFFERENCES else "fraction"
    if column == "gemm_share":
        return "fraction"
    return "ratio" if column.startswith("step_time_") and column.endswith(("ratio", "ci_low", "ci_high")) else "measure"


def cell_text(row: Row, column: str) -> str:
    """Return the canonical text of a cell: its digits are the same in every table, file and page.

    Fractions stay fractions of 1 (`shown_text` gives per cent). A number has as many digits as its interval supports:
    two digits of the interval's width, and never so few that an end reads as no difference which it excludes. Unknown
    and infinite numbers are empty.

    Args:
        row: From a comparison's frame, with the interval's columns beside the column itself.
        column: Its name.

    >>> row = {"accuracy": 0.95734, "accuracy_ci_low": -0.0113, "accuracy_ci_high": 0.0213}
    >>> cell_text(row, "accuracy"), shown_text(row, "accuracy"), shown_text(row, "accuracy_ci_low")
    ('0.957', '95.7', '-1.1')
    """
    value = row[column]
    kind = kind_of(column)
    if kind == "text" or isinstance(value, str):
        return value if isinstance(value, str) else EMPTY
    if value is None or not math.isfinite(value):
        return EMPTY
    if kind == "count":
        return f"{value:.0f}" if value == int(value) else f"{value:.1f}"
    if kind == "p":
        return f"{value:.2g}"
    if kind == "ratio":
        return plain(value, _ratio_decimals(row))
    if kind in ("fraction", "difference"):
        return plain(value, _fraction_decimals(row, _metric(column)))
    return significant(value)


def shown_text(row: Row, column: str) -> str:
    """Return a cell as people read it: the same digits, per cent and points for fractions, a sign for differences."""
    text = cell_text(row, column)
    kind = kind_of(column)
    if kind == "difference" and text:
        moved = shifted(text, 2)
        return moved if moved.startswith("-") or float(moved) == 0 else f"+{moved}"
    return shifted(text, 2) if kind == "fraction" else text


def head_text(column: str) -> str:
    """Return a column's head for people, with its unit.

    >>> head_text("step_time_ms"), head_text("accuracy_delta"), head_text("accuracy")
    ('step time, ms', 'accuracy delta, points', 'accuracy, %')
    """
    if column in _HEADS:
        return _HEADS[column]
    kind = kind_of(column)
    for ending, unit in _UNITS.items():
        if kind == "measure" and column.endswith(ending):
            return f"{column.removesuffix(ending).replace('_', ' ')}, {unit}"
    unit = {"fraction": ", %", "difference": ", points", "ratio": ", times the baseline's"}.get(kind, "")
    return column.replace("_", " ").replace("macro f1", "macro F1") + unit


def _metric(column: str) -> str:
    return next((metric for metric in METRICS if column == metric or column.startswith(f"{metric}_")), "")


def _fraction_decimals(row: Row, metric: str) -> int:
    least, most = _FRACTION_DECIMALS
    low, high = (row.get(f"{metric}_ci_{end}", math.nan) for end in ("low", "high"))
    return max(least, interval_decimals(low, high, most=most))


def _ratio_decimals(row: Row) -> int:
    least, most = _RATIO_DECIMALS
    low, high = (row.get(f"step_time_ci_{end}", math.nan) for end in ("low", "high"))
    if math.isnan(low):
        return _UNKNOWN_RATIO_DECIMALS
    return max(least, interval_decimals(low, high, most=most, equal=1.0))
