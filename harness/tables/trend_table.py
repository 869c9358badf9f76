"""A trend as tables for people: one per variant and conditions, a row per folder."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from itertools import pairwise
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


def trend_tables(
    frame: pd.DataFrame,
    *,
    folders: Sequence[str] = (),
    style: TextStyle = "plain",
    screen: Screen | None = None,
) -> str:
    """Return the rows of `trend` as texts: what each folder gave, and how it differs from the folder before.

    `folders` are all that the trend is over, in their order: notes tell which lack a variant between others.
    """
    screen = screen or Screen()
    parts = [
        _table(rows.to_dict("records"), folders, style, screen) for _, rows in frame.groupby(list(TREND_OF), sort=False)
    ]
    return "\n\n\n".join(parts) + "\n"


def folder_names(folders: Sequence[str]) -> list[str]:
    """Return the folders without the path that all of them share.

    >>> folder_names(["runs/may", "runs/june"]), folder_names(["results", "/copies/results"])
    (['may', 'june'], ['results', '/copies/results'])
    """
    if len({os.path.isabs(folder) for folder in folders}) > 1:  # noqa: PTH117
        return list(folders)
    shared = os.path.commonpath(folders) if len(set(folders)) > 1 else os.path.dirname(folders[0])  # noqa: PTH120
    return [os.path.relpath(folder, shared) if shared else folder for folder in folders]


def run_dates(rows: Sequence[Row]) -> list[str]:
    """Return the day of each folder's newest run, with the time where two share a day."""
    started = [str(row["started_at"]).replace("T", " ") for row in rows]
    days = {text[:_DAY] for text in started}
    return [text[: _DAY if len(days) == len(rows) else _MINUTE] for text in started]


def trend_notes(rows: Sequence[Row], folders: Sequence[str] = ()) -> list[str]:
    """Return what the rows of one variant come to: where it changed, what was not compared and why, how to read it.

    `folders` are all that the trend is over, in their order.
    """
    names = folder_names([str(row["folder"]) for row in rows])
    return [*_changes(rows, names), *_not_compared(rows, names), *_places(rows, names, folders), *legend(rows)]


def _table(rows: Sequence[Row], folders: Sequence[str], style: TextStyle, screen: Screen) -> str:
    first = rows[0]
    title = [str(first["variant"]), ", ".join(str(first[name]) for name in TREND_OF[1:])]
    names = folder_names([str(row["folder"]) for row in rows])
    timed = any(not math.isnan(row["step_time_ms"]) for row in rows)
    heads = _FIELDS if timed else _FIELDS[:_ACCURACY_FIELDS]
    shown = zip(rows, names, run_dates(rows), strict=True)
    cells = [_cells(row, name, date)[: len(heads)] for row, name, date in shown]
    return assemble(title, fitted(filled(heads, cells), style, screen), trend_notes(rows, folders), style, screen)


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
_NOUNS = {"accuracy": "accuracy", "step_time": "step time"}
_DAY, _MINUTE = len("2026-01-02"), len("2026-01-02 03:04")


def _cells(row: Row, name: str, date: str) -> tuple[Lines, ...]:
    return (
        (Piece(name),),
        (Piece(row["commit"]),),
        (Piece(date),),
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
            for quantity, noun in _NOUNS.items()
            if row[f"{quantity}_verdict"] in ("better", "worse")
        ]
        if found:
            also = f" (also changed: {row['differences']})" if row["differences"] else ""
            lines.append(f"{name}: {', '.join(found)} than before{also}")
    judged_once = any(not math.isnan(row[f"{quantity}_ci_low"]) for row in rows for quantity in _NOUNS)
    return lines or ["no folder differs from the one before it by a verdict"] * judged_once


def _not_compared(rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    """Return a line per folder and measure that was compared with nothing, with the reason."""
    if len(rows) == 1:
        return ["one folder has it: nothing to compare"]
    return [
        f"{name}: {noun} not compared: {row[f'{quantity}_hint']}"
        for row, name in zip(rows, names, strict=True)
        for quantity, noun in _NOUNS.items()
        if row[f"{quantity}_hint"]
        and row[f"{quantity}_verdict"] == "unresolved"
        and math.isnan(row[f"{quantity}_ci_low"])
    ]


def _places(rows: Sequence[Row], names: Sequence[str], folders: Sequence[str]) -> list[str]:
    """Return lines of folders between the rows that lack the variant, and of an order that is not time's."""
    lines = []
    place = {folder: number for number, folder in enumerate(folders)}
    called = dict(zip(folders, folder_names(folders), strict=True)) if folders else {}
    for (first, _), (second, name) in pairwise(zip(rows, names, strict=True)):
        lacking = folders[place.get(str(first["folder"]), 0) + 1 : place.get(str(second["folder"]), 0)]
        if lacking:
            lines.append(
                f"{', '.join(called[one] for one in lacking)}: not there, so {name} is compared with the one before"
            )
    for (first, one), (second, other) in pairwise(zip(rows, names, strict=True)):
        if str(second["started_at"]) < str(first["started_at"]):
            lines.append(f"{other} was made before {one}: a trend takes the folders as given, the oldest first")
    return lines
