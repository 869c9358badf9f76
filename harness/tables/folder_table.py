"""Two results folders side by side, as a table for people with the list of what else differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.tables.columns import Row, cell_text, shown_text
from harness.tables.fit import Field, fitted, verdict_paint
from harness.tables.grid import Piece, TextStyle
from harness.tables.screen import Screen
from harness.tables.suite_table import assemble

if TYPE_CHECKING:
    import pandas as pd

NOT_INTERLEAVED = (
    "step times of two runs were not interleaved: the interval of a ratio covers both explanations of a change of "
    "the baseline's own time, another mood of the machine and other software"
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
    return assemble(title, fitted(_fields(rows), style, screen), _notes(rows), style, screen)


def _fields(rows: Sequence[Row]) -> list[Field]:
    def one(column: str) -> list[tuple[Piece, ...]]:
        return [(Piece(shown_text(row, column)),) for row in rows]

    def verdicts(column: str) -> list[tuple[Piece, ...]]:
        return [(Piece(cell_text(row, column), verdict_paint(row[column])),) for row in rows]

    fields = [
        Field(("variant",), [(Piece(row["variant"]), *_status(row)) for row in rows], name=True),
        Field(("old", "accuracy %"), one("accuracy_old"), "right"),
        Field(("new", "accuracy %"), one("accuracy"), "right"),
        Field(("difference", "points"), [_with_interval(row, "accuracy_delta", "accuracy_ci") for row in rows]),
        Field(("verdict",), verdicts("accuracy_verdict"), joins_previous=True),
        Field(("old step", "ms"), one("step_time_old_ms"), "right", drop=1),
        Field(("new step", "ms"), one("step_time_ms"), "right", drop=1),
        Field(("step time", "new / old"), [_with_interval(row, "step_time_ratio", "step_time_ci") for row in rows]),
        Field(("verdict",), verdicts("step_time_verdict"), joins_previous=True),
    ]
    timed = any(row[column] == row[column] for row in rows for column in ("step_time_old_ms", "step_time_ms"))
    return fields if timed else fields[:5]


def _status(row: Row) -> tuple[Piece, ...]:
    if row["present"] != "both":
        return (Piece(f"(only in {row['present']})", "bad"),)
    found = {"old": row["status_old"], "new": row["status"]}
    states = [f"{name}: {status}" for name, status in found.items() if status != "ok"]
    return (Piece(f"({', '.join(states)})", "bad"),) if states else ()


def _with_interval(row: Row, value: str, interval: str) -> tuple[Piece, ...]:
    text = shown_text(row, value)
    low, high = shown_text(row, f"{interval}_low"), shown_text(row, f"{interval}_high")
    return (Piece(text), Piece(f"[{low}, {high}]")) if low and high else (Piece(text),) if text else ()


def _notes(rows: Sequence[Row]) -> list[str]:
    facts: dict[str, list[str]] = {}
    for row in rows:
        for prefix, column in (
            ("accuracy: ", "accuracy_hint"),
            ("step time: ", "step_time_hint"),
            ("step time disturbed: ", "step_time_flags"),
            ("", "message"),
        ):
            if isinstance(row[column], str) and row[column]:
                facts.setdefault(prefix + row[column], []).append(row["variant"])
    notes = [
        f"{', '.join(names) if len(names) < len(rows) or len(rows) < 3 else 'all variants'}: {text}"
        for text, names in facts.items()
    ]
    if any(row["present"] == "both" and not row["seeds_old"] == row["seeds_new"] == row["seeds"] for row in rows):
        notes.append("differences are over the seeds that both have, accuracies over each one's own")
    if any(row["step_time_ci_low"] == row["step_time_ci_low"] for row in rows):
        notes.append(NOT_INTERLEAVED)
    return notes
