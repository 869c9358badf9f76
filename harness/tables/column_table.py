"""A table of chosen columns, for people: heads with units, digits that the intervals support."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.tables import escape
from harness.tables.columns import head_text, kind_of, shown_text
from harness.tables.fit import Field, fitted, verdict_paint
from harness.tables.grid import Piece, TextStyle
from harness.tables.screen import Screen
from harness.tables.suite_table import assemble, split_equal

if TYPE_CHECKING:
    import pandas as pd


def column_table(
    frame: pd.DataFrame,
    columns: Sequence[str],
    *,
    style: TextStyle = "plain",
    screen: Screen | None = None,
    diff_only: bool = False,
    title: Sequence[str] | None = None,
) -> str:
    """Return chosen columns of a frame, the variant's name first; a paragraph a row where the screen is too narrow.

    Args:
        frame: Rows of one suite, or of a comparison of folders.
        columns: Names of its columns.
        style: github, plain or latex.
        screen: Default 100 columns without colour.
        diff_only: Leave out the columns whose cells are all the same, and say what they hold.
        title: Lines above; default the suite's name.
    """
    screen = screen or Screen()
    rows = frame.to_dict("records")
    names = list(dict.fromkeys(("variant", *columns)))
    fields = []
    for name in names:
        is_text = kind_of(name) == "text"
        cells = [
            (
                Piece(
                    escape.clean(shown_text(row, name)), verdict_paint(row[name]) if name.endswith("verdict") else None
                ),
            )
            for row in rows
        ]
        head = _head(head_text(name))
        fields.append(Field(head, cells, align="left" if is_text else "right", name=name == "variant"))
    same: list[str] = []
    if diff_only:
        fields, same = split_equal(fields)
    if title is None:
        title = [f"{rows[0]['suite']} (baseline: {rows[0]['baseline']})"]
    return assemble([*title, *same], fitted(fields, style, screen), [], style, screen)


def _head(text: str) -> tuple[str, ...]:
    """Break a head so that it is not wider than its cells usually are: words above, the unit below."""
    name, _, unit = text.partition(", ")
    words = name.split()
    middle = -(-len(words) // 2) if len(name) > 12 else len(words)
    lines = [" ".join(words[:middle]), " ".join(words[middle:]), unit]
    return tuple(line for line in lines if line)
