"""One suite as one table: what a person reads first."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from harness.comparison.columns import SUITE_TABLE, Column, Row
from harness.comparison.outcome import hopeless_rows
from harness.tables import escape
from harness.tables.cells import cell_text, full_text, interval_text
from harness.tables.fit import Field, fitted, verdict_paint
from harness.tables.grid import Align, Lines, Piece, TextStyle, text_width
from harness.tables.notes import (
    chance_note,
    flag_legend,
    label_legend,
    legend,
    pareto_legend,
    partial_legend,
    row_notes,
    training_note,
)
from harness.tables.screen import Screen
from harness.tables.suite_rows import SuiteRows

if TYPE_CHECKING:
    import pandas as pd

PARETO = SUITE_TABLE["pareto"].head
BEST_NOTE = "* the best value of its column, whatever the verdict"


def render_suite(
    table: SuiteRows | pd.DataFrame,
    *,
    style: TextStyle = "plain",
    wrap: bool = True,
    screen: Screen | None = None,
    diff_only: bool = False,
) -> str:
    """Return the rows of one suite and set of conditions as a text table, with notes below it.

    The difference of accuracy is in percentage points, the ratio the step time over the baseline's; both with their
    corrected intervals. The best accuracy and step time are marked.

    Args:
        table: Rows of one suite and set of conditions.
        style: github, plain or latex.
        wrap: Whether a plain table must fit the screen: it then breaks names, puts intervals below their values, and
            on a narrow screen leaves columns out.
        screen: Default 100 columns without colour.
        diff_only: Leave out the columns whose cells are all the same, and say what they hold.
    """
    screen = screen or Screen()
    part = SuiteRows.of(table)
    rows = part.rows
    best = _best(rows, "accuracy", max), _best(rows, "step_time_ms", min)
    fields = filled(_FIELDS, [_cells(row, *best) for row in rows])
    same: list[str] = []
    if diff_only:
        fields, same = split_equal(fields)
    drawn = fitted(fields, style, screen, wrap=wrap)
    notes = [
        *chance_note(rows),
        *row_notes(rows, ("accuracy", "step_time"), hopeless=hopeless_rows(rows)),
        *training_note(rows),
        *label_legend(rows),
        *legend(rows),
    ]
    notes += partial_legend(rows) + flag_legend(rows)
    if PARETO in drawn:  # a narrow screen has no room for it
        notes += pareto_legend(rows)
    if any(piece.best for field in fields for piece in field.pieces):
        notes.append("bold: " + BEST_NOTE.removeprefix("* the ") if style != "plain" else BEST_NOTE)
    return assemble([*part.title, *same], drawn, notes, style, screen)


def assemble(title: Sequence[str], table: str, notes: Sequence[str], style: TextStyle, screen: Screen) -> str:
    """Return title, table and notes as one text: lines that fit the screen, Markdown, or LaTeX with comments."""
    if style == "latex":
        above, below = ([f"% {escape.one_line(line)}" for line in lines] for lines in (title, notes))
        return "\n".join([*above, table, *below])
    if style == "github":
        # A line that begins with "- " is an item of a list.
        above = [f"**{escape.markdown(title[0])}**", ""]
        for line in title[1:]:
            item = line.startswith("- ")
            above += [f"- {escape.markdown(line[2:])}"] if item else [escape.markdown(line), ""]
        gap = [""] if above[-1] else []
        below = ["", *(f"- {escape.markdown(note)}" for note in notes)] if notes else []
        return "\n".join([*above, *gap, table, *below])
    width = min(screen.width, 120)
    above = [part for line in title for part in fold(escape.one_line(line), width)]
    below = [
        part for note in notes for part in fold(note if note == BEST_NOTE else f"- {escape.one_line(note)}", width)
    ]
    return "\n".join([*above, "", table, *([""] if below else []), *below])


def fold(text: str, width: int) -> list[str]:
    """Break a text into lines of at most `width` columns of a terminal, all but the first indented."""
    wide = text_width(text) - len(text)
    return textwrap.wrap(text, max(width // 2, width - wide), subsequent_indent="  ", break_on_hyphens=False)


def split_equal(fields: Sequence[Field]) -> tuple[list[Field], list[str]]:
    """Return the fields that differ between rows, and a line that says what the others hold.

    A row without a value, as the baseline's of a difference, does not count.
    """
    kept, same = [], []
    for number, field in enumerate(fields):
        values = {" ".join(piece.text for piece in cell) for cell in field.cells} - {""}
        if number == 0 or len(values) > 1:
            kept.append(field)
        elif values:
            same.append(f"{field.title}: {values.pop()}")
    return kept, ["the same in all rows: " + "; ".join(same)] if same else []


def head_lines(column: Column) -> tuple[str, ...]:
    """Return a column's head so that it is not wider than its cells usually are: words above, the unit below."""
    words = column.head.split()
    middle = -(-len(words) // 2) if len(column.head) > 12 else len(words)
    return tuple(line for line in (" ".join(words[:middle]), " ".join(words[middle:]), column.unit) if line)


def field_of(column: Column, *, align: Align = "left", joins_previous: bool = False, drop: int = 0) -> Field:
    """Return a column's field, before its cells are known."""
    name = column.name in ("variant", "folder")
    return Field(head_lines(column), column.title, align=align, name=name, joins_previous=joins_previous, drop=drop)


def filled(heads: Sequence[Field], rows: Sequence[Sequence[Lines]]) -> list[Field]:
    """Return fields with the cells of some rows."""
    columns = zip(*rows, strict=True) if rows else [()] * len(heads)
    return [head.with_cells(cells) for head, cells in zip(heads, columns, strict=True)]


def compared(row: Row, column: str) -> Lines:
    """Return the cell of a difference or ratio: the value, and its interval below."""
    text, interval = cell_text(row, column), interval_text(row, column)
    return (Piece(text), Piece(interval)) if interval else (Piece(text),) if text else ()


def judged(row: Row, column: str) -> Lines:
    """Return the cell of a verdict."""
    return (Piece(cell_text(row, column), verdict_paint(row[column])),)


_FIELDS = (
    field_of(SUITE_TABLE["variant"]),
    field_of(SUITE_TABLE["accuracy"], align="right"),
    field_of(SUITE_TABLE["accuracy_delta"]),
    field_of(SUITE_TABLE["accuracy_verdict"], joins_previous=True),
    field_of(SUITE_TABLE["step_time_ms"], align="right"),
    field_of(SUITE_TABLE["step_time_ratio"]),
    field_of(SUITE_TABLE["step_time_verdict"], joins_previous=True),
    field_of(SUITE_TABLE["pareto"], drop=1),
)


def _cells(row: Row, best_accuracy: float, best_time: float) -> tuple[Lines, ...]:
    status = [Piece(f"({row['status']})", "bad")] if row["status"] != "ok" else []
    status += [Piece("(head only)")] if row["head_only"] else []
    is_baseline = row["variant"] == row["baseline"]
    timed = not math.isnan(row["step_time_ms"])
    races = row["status"] in ("ok", "partial")
    return (
        (Piece(row["variant"]), *status),
        (Piece(full_text(row, "accuracy"), best=races and row["accuracy"] == best_accuracy),),
        () if is_baseline else compared(row, "accuracy_delta"),
        judged(row, "accuracy_verdict"),
        (Piece(cell_text(row, "step_time_ms"), best=races and row["step_time_ms"] == best_time),),
        () if is_baseline else compared(row, "step_time_ratio"),
        judged(row, "step_time_verdict") if timed else (),
        (Piece(row["pareto"], "good" if row["pareto"] == "yes" else None),),
    )


def _best(rows: Sequence[Row], column: str, choose: Callable[[set[float]], float]) -> float:
    """Return the best value of a column among the rows in the race; nan where it stands alone or all are equal."""
    values = {row[column] for row in rows if row["status"] in ("ok", "partial") and not math.isnan(row[column])}
    return choose(values) if len(values) > 1 else math.nan
