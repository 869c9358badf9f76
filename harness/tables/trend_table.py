"""A trend as tables for people: one per variant and conditions, a row per folder."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.comparison.columns import TREND_OF, TREND_TABLE, Row
from harness.tables.cells import cell_text
from harness.tables.fit import fitted
from harness.tables.grid import Lines, Piece, TextStyle
from harness.tables.notes import legend
from harness.tables.screen import Screen
from harness.tables.suite_table import assemble, compared, field_of, filled, judged

if TYPE_CHECKING:
    import pandas as pd


def trend_tables(frame: pd.DataFrame, *, style: TextStyle = "plain", screen: Screen | None = None) -> str:
    """Return the rows of `trend` as texts: what each folder gave, and how it differs from the folder before."""
    screen = screen or Screen()
    parts = [_table(rows.to_dict("records"), style, screen) for _, rows in frame.groupby(list(TREND_OF), sort=False)]
    return "\n\n\n".join(parts) + "\n"


def folder_names(folders: Sequence[str]) -> list[str]:
    """Return the folders without the path that all of them share."""
    shared = os.path.commonpath(folders) if len(set(folders)) > 1 else os.path.dirname(folders[0])  # noqa: PTH120
    return [os.path.relpath(folder, shared) if shared else folder for folder in folders]


def _table(rows: Sequence[Row], style: TextStyle, screen: Screen) -> str:
    first = rows[0]
    title = [str(first["variant"]), ", ".join(str(first[name]) for name in TREND_OF[1:])]
    names = folder_names([str(row["folder"]) for row in rows])
    timed = any(not math.isnan(row["step_time_ms"]) for row in rows)
    heads = _FIELDS if timed else _FIELDS[:_ACCURACY_FIELDS]
    cells = [_cells(row, name)[: len(heads)] for row, name in zip(rows, names, strict=True)]
    return assemble(
        title, fitted(filled(heads, cells), style, screen), [*_changes(rows, names), *legend(rows)], style, screen
    )


_FIELDS = (
    field_of(TREND_TABLE["folder"]),
    field_of(TREND_TABLE["commit"], drop=2),
    field_of(TREND_TABLE["started_at"], drop=1),
    field_of(TREND_TABLE["accuracy"], align="right"),
    field_of(TREND_TABLE["accuracy_delta"]),
    field_of(TREND_TABLE["accuracy_verdict"], joins_previous=True),
    field_of(TREND_TABLE["step_time_ms"], align="right"),
    field_of(TREND_TABLE["step_time_ratio"]),
    field_of(TREND_TABLE["step_time_verdict"], joins_previous=True),
)
_ACCURACY_FIELDS = 6


def _cells(row: Row, name: str) -> tuple[Lines, ...]:
    return (
        (Piece(name),),
        (Piece(row["commit"]),),
        (Piece(str(row["started_at"])[:10]),),
        (Piece(cell_text(row, "accuracy")),),
        compared(row, "accuracy_delta"),
        judged(row, "accuracy_verdict"),
        (Piece(cell_text(row, "step_time_ms")),),
        compared(row, "step_time_ratio"),
        judged(row, "step_time_verdict"),
    )


def _changes(rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    """Return a line per folder where a verdict says that something changed, with what else changed there."""
    lines = []
    for row, name in zip(rows, names, strict=True):
        found = [
            f"{noun} {row[f'{quantity}_verdict']}"
            for quantity, noun in (("accuracy", "accuracy"), ("step_time", "step time"))
            if row[f"{quantity}_verdict"] in ("better", "worse")
        ]
        if found:
            also = f" (also changed: {row['differences']})" if row["differences"] else ""
            lines.append(f"{name}: {', '.join(found)} than before{also}")
    return lines or ["no folder differs from the one before it by a verdict"]
