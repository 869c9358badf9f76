"""Two results folders side by side, as a table for people with the list of what else differs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.comparison.columns import FOLDER_TABLE, Row
from harness.tables.cells import cell_text
from harness.tables.fit import fitted
from harness.tables.grid import Lines, Piece, TextStyle
from harness.tables.notes import legend, row_notes
from harness.tables.screen import Screen
from harness.tables.suite_table import assemble, compared, field_of, filled, judged

if TYPE_CHECKING:
    import pandas as pd

NOT_INTERLEAVED = (
    "step times of two runs were not interleaved: the interval of a ratio covers both explanations of a change of "
    "the baseline's own time, another state of the machine and other software"
)


def folder_table(
    frame: pd.DataFrame, title: Sequence[str], *, style: TextStyle = "plain", screen: Screen | None = None
) -> str:
    """Return rows of `compare_folders` that share dataset and budget as a text table.

    Differences are new less old in percentage points, ratios new over old, both with corrected intervals.

    Args:
        frame: The rows.
        title: Lines above: what is compared, what else differs.
        style: github, plain or latex.
        screen: Default 100 columns without colour.
    """
    screen = screen or Screen()
    rows = frame.to_dict("records")
    timed = any(not math.isnan(row[column]) for row in rows for column in ("step_time_old_ms", "step_time_ms"))
    fields = filled(_FIELDS, [_cells(row) for row in rows])[: len(_FIELDS) if timed else _ACCURACY_FIELDS]
    return assemble(title, fitted(fields, style, screen), _notes(rows), style, screen)


_FIELDS = (
    field_of(FOLDER_TABLE["variant"]),
    field_of(FOLDER_TABLE["accuracy_old"], align="right"),
    field_of(FOLDER_TABLE["accuracy"], align="right"),
    field_of(FOLDER_TABLE["accuracy_delta"]),
    field_of(FOLDER_TABLE["accuracy_verdict"], joins_previous=True),
    field_of(FOLDER_TABLE["step_time_old_ms"], align="right", drop=1),
    field_of(FOLDER_TABLE["step_time_ms"], align="right", drop=1),
    field_of(FOLDER_TABLE["step_time_ratio"]),
    field_of(FOLDER_TABLE["step_time_verdict"], joins_previous=True),
)
_ACCURACY_FIELDS = 5


def _cells(row: Row) -> tuple[Lines, ...]:
    return (
        (Piece(row["variant"]), *_status(row)),
        (Piece(cell_text(row, "accuracy_old")),),
        (Piece(cell_text(row, "accuracy")),),
        compared(row, "accuracy_delta"),
        judged(row, "accuracy_verdict"),
        (Piece(cell_text(row, "step_time_old_ms")),),
        (Piece(cell_text(row, "step_time_ms")),),
        compared(row, "step_time_ratio"),
        judged(row, "step_time_verdict"),
    )


def _status(row: Row) -> Lines:
    if row["present"] != "both":
        return (Piece(f"(only in {row['present']})", "bad"),)
    found = {"old": row["status_old"], "new": row["status"]}
    states = [f"{name}: {status}" for name, status in found.items() if status != "ok"]
    return (Piece(f"({', '.join(states)})", "bad"),) if states else ()


def _notes(rows: Sequence[Row]) -> list[str]:
    notes = [*row_notes(rows, ("accuracy", "step_time")), *legend(rows)]
    if any(row["present"] == "both" and not row["seeds_old"] == row["seeds_new"] == row["seeds"] for row in rows):
        notes.append("differences are over the seeds that both have, accuracies over each one's own")
    if any(not math.isnan(row["step_time_ci_low"]) for row in rows):
        notes.append(NOT_INTERLEAVED)
    return notes
