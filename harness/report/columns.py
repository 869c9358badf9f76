"""Columns of the page's comparison table: what a cell says, and what it is sorted by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.report.sentences import gain, ratio
from harness.tables.numbers import percent, plain, points, significant

Row = Mapping[Any, Any]
Kind = Literal["text", "number", "verdict"]


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        key: The column of `comparison.csv` that it shows, or `field.NAME` for a field of the variants.
        title: What people read, with its unit.
        kind: Text, number or verdict.
        text: What a cell says of a row.
    """

    key: str
    title: str
    kind: Kind
    text: Callable[[Row], str]

    def cell(self, row: Row) -> Cell:
        """Return the cell of a row."""
        value = row.get(self.key, "")
        exact = isinstance(value, (int, float)) and not isinstance(value, bool)
        sort = (repr(float(value)) if math.isfinite(value) else "") if exact else str(value)
        return Cell(self.key, self.kind, self.text(row), sort)


@dataclass(frozen=True)
class Cell:
    """One cell: `value` is exact and sorts it, `text` is what people read."""

    key: str
    kind: Kind
    text: str
    value: str


def _number(key: str, show: Callable[[float], str]) -> Callable[[Row], str]:
    return lambda row: show(float(row[key]))


def _text(key: str) -> Callable[[Row], str]:
    return lambda row: str(row[key])


def _unless_baseline(show: Callable[[Row], str]) -> Callable[[Row], str]:
    return lambda row: "" if row["variant"] == row["baseline"] else show(row)


def _accuracy(row: Row) -> str:
    spread = f" ±{row['accuracy_std'] * 100:.2f}" if math.isfinite(row["accuracy_std"]) else ""
    return percent(row["accuracy"]) + spread


def _p(value: float) -> str:
    return "" if math.isnan(value) else "<0.001" if value < 0.001 else f"{value:.3f}"


def _whole(value: float) -> str:
    return "" if math.isnan(value) else f"{value:,.0f}"


def _epoch(value: float) -> str:
    return "" if math.isnan(value) else f"{value:g}"


def _verdict_of_time(row: Row) -> str:
    return str(row["step_time_verdict"]) if math.isfinite(row["step_time_ms"]) else ""


COLUMNS: tuple[Column, ...] = (
    Column("variant", "variant", "text", _text("variant")),
    Column("suite", "suite", "text", _text("suite")),
    Column("accuracy", "accuracy, % ± sd", "number", _accuracy),
    Column("accuracy_delta", "against baseline, points", "number", _unless_baseline(gain)),
    Column("accuracy_p", "p, accuracy", "number", _number("accuracy_p", _p)),
    Column("accuracy_verdict", "accuracy is", "verdict", _text("accuracy_verdict")),
    Column("step_time_ms", "step, ms", "number", _number("step_time_ms", significant)),
    Column("step_time_ratio", "step time, × baseline", "number", _unless_baseline(ratio)),
    Column("step_time_p", "p, step time", "number", _number("step_time_p", _p)),
    Column("step_time_verdict", "step time is", "verdict", _verdict_of_time),
    Column("pareto", "Pareto front", "text", _text("pareto")),
    Column("status", "status", "text", _text("status")),
    Column("seeds", "seeds", "number", _number("seeds", _whole)),
    Column("epoch", "best epoch", "number", _number("epoch", _epoch)),
    Column("precision", "precision, %", "number", _number("precision", percent)),
    Column("precision_delta", "precision, points", "number", _unless_baseline(_number("precision_delta", points))),
    Column("recall", "recall, %", "number", _number("recall", percent)),
    Column("recall_delta", "recall, points", "number", _unless_baseline(_number("recall_delta", points))),
    Column("macro_f1", "macro F1, %", "number", _number("macro_f1", percent)),
    Column("macro_f1_delta", "macro F1, points", "number", _unless_baseline(_number("macro_f1_delta", points))),
    Column("params", "parameters", "number", _number("params", _whole)),
    Column("flops", "FLOPs", "number", _number("flops", _whole)),
    Column("predict_time_ms", "predict one, ms", "number", _number("predict_time_ms", significant)),
    Column("images_per_s", "images/s", "number", _number("images_per_s", _whole)),
    Column("build_s", "build, s", "number", _number("build_s", significant)),
    Column("first_step_s", "first step, s", "number", _number("first_step_s", significant)),
    Column("train_time_s", "training, s", "number", _number("train_time_s", significant)),
    Column("peak_memory_mib", "memory, MiB", "number", _number("peak_memory_mib", lambda value: plain(value, 0))),
    Column("dataset", "dataset", "text", _text("dataset")),
    Column("budget", "budget", "text", _text("budget")),
    Column("device", "device", "text", _text("device")),
    Column("backend", "backend", "text", _text("backend")),
    Column("threads", "threads", "number", _number("threads", _whole)),
)


def field_columns(fields: Sequence[str]) -> tuple[Column, ...]:
    """Return a column for each of these fields of the variants."""
    return tuple(Column(f"field.{name}", name, "text", _text(f"field.{name}")) for name in fields)
