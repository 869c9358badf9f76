"""A table of chosen columns, for people: heads with units, digits that the intervals support."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.comparison.columns import METRICS, SUITE_TABLE
from harness.tables import escape
from harness.tables.cells import cell_text
from harness.tables.fit import fitted, verdict_paint
from harness.tables.grid import Piece, TextStyle
from harness.tables.notes import chance_note, flag_legend, pareto_legend, row_notes
from harness.tables.screen import Screen
from harness.tables.suite_rows import SuiteRows
from harness.tables.suite_table import assemble, field_of, filled, split_equal

if TYPE_CHECKING:
    import pandas as pd


def column_table(
    table: SuiteRows | pd.DataFrame,
    columns: Sequence[str],
    *,
    style: TextStyle = "plain",
    screen: Screen | None = None,
    diff_only: bool = False,
) -> str:
    """Return chosen columns of a suite, the variant's name first; a paragraph per row where the screen is too narrow.

    Args:
        table: Rows of one suite and set of conditions.
        columns: Names of its columns.
        style: github, plain or latex.
        screen: Default 100 columns without colour.
        diff_only: Leave out the columns whose cells are all the same, and say what they hold.
    """
    screen = screen or Screen()
    part = SuiteRows.of(table)
    rows = part.rows
    chosen = [SUITE_TABLE[name] for name in dict.fromkeys(("variant", *columns))]
    heads = [field_of(one, align="left" if one.is_text else "right") for one in chosen]
    cells = [
        [(Piece(escape.one_line(cell_text(row, one.name)), verdict_paint(row[one.name])),) for one in chosen]
        for row in rows
    ]
    fields = filled(heads, cells)
    same: list[str] = []
    if diff_only:
        fields, same = split_equal(fields)
    shown = [
        name
        for name in (*METRICS, "step_time", "time_to_baseline", "training_cost")
        if any(column.startswith(name) for column in columns)
    ]
    notes = chance_note(rows) + row_notes(rows, shown)
    notes += pareto_legend(rows) if "pareto" in columns else []
    notes += flag_legend(rows) if "step_time" in shown or "step_time_flags" in columns else []
    return assemble([*part.title, *same], fitted(fields, style, screen), notes, style, screen)
