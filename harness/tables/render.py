"""A whole comparison in one format: a table per suite for people, all columns with numbers in full for programs."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from harness.comparison.columns import column_of
from harness.comparison.outcome import SuiteOutcome
from harness.tables.column_table import column_table
from harness.tables.escape import spreadsheet
from harness.tables.grid import TextStyle
from harness.tables.outcome import outcome_section
from harness.tables.screen import Screen
from harness.tables.suite_rows import split_tables
from harness.tables.suite_table import render_suite

if TYPE_CHECKING:
    import pandas as pd

Format = Literal["github", "plain", "csv", "json", "latex"]
FORMATS: tuple[str, ...] = get_args(Format)
SYNONYMS = {"markdown": "github"}

INFINITE = "inf"
"""An infinite number in CSV, and as a text in JSON, which has no such number."""


def render_frame(
    frame: pd.DataFrame,
    style: str,
    *,
    columns: Sequence[str] = (),
    diff_only: bool = False,
    screen: Screen | None = None,
    outcomes: Sequence[SuiteOutcome] = (),
) -> str:
    """Return the comparison as text.

    Args:
        frame: From `compare`.
        style: One of FORMATS. csv and json have the numbers in full.
        columns: Only these, in this order; default all for csv and json, the suite's table for people.
        diff_only: Leave out columns that do not differ between rows.
        screen: What a plain table has to fit.
        outcomes: What each suite came to: told below the tables on a terminal, where the eye is, and above them in
            Markdown. Not beside chosen columns, nor in what programs read.
    """
    if style in ("csv", "json"):
        chosen = frame[list(columns)] if columns else frame
        return program_text(_differing(chosen) if diff_only else chosen, style)
    text_style = cast(TextStyle, style)
    parts = ["% Needs \\usepackage{booktabs}."] if style == "latex" and len(frame) else []
    for part in split_tables(frame):
        if columns:
            parts.append(column_table(part, columns, style=text_style, screen=screen, diff_only=diff_only))
        else:
            parts.append(
                render_suite(part, style=text_style, wrap=style == "plain", screen=screen, diff_only=diff_only)
            )
    if outcomes and not columns:
        section = outcome_section(outcomes, style=text_style, screen=screen)
        parts.insert(0 if style == "github" else len(parts), section)
    return "\n\n\n".join(parts) + "\n" if parts else "no rows\n"


def program_text(frame: pd.DataFrame, style: str) -> str:
    """Return a frame as CSV or JSON, its numbers in full; unknown ones are empty, and null in JSON.

    In CSV a text that a spreadsheet would take for a formula has a quote before it. Infinite numbers, of a column
    that has a word for them, are INFINITE.
    """
    names = [str(name) for name in frame]
    rows = [{name: _value(row[name], name) for name in names} for row in frame.to_dict("records")]
    if style == "json":
        return json.dumps(rows, indent=2) + "\n"
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow(spreadsheet(value) if isinstance(value, str) else value for value in row.values())
    return buffer.getvalue()


def _value(value: Any, column: str) -> str | int | float | None:
    if isinstance(value, str):
        return value
    described = column_of(column)
    if value is None or math.isnan(value):
        return "" if described.is_text else None
    if math.isinf(value):
        return INFINITE if described.infinite else None
    return int(value) if described.kind == "count" and value == int(value) else value


def _differing(frame: pd.DataFrame) -> pd.DataFrame:
    named = [name for name in ("suite", "variant") if name in frame]
    return frame[[name for name in frame if name in named or frame[name].nunique(dropna=False) > 1]]
