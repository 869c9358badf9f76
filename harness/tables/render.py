"""A whole comparison in one format: a table a suite for people, all columns for programs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from harness.tables.column_table import column_table
from harness.tables.escape import spreadsheet
from harness.tables.grid import TextStyle
from harness.tables.screen import Screen
from harness.tables.suite_table import suite_table

if TYPE_CHECKING:
    import pandas as pd

Format = Literal["github", "plain", "csv", "json", "latex"]
FORMATS: tuple[str, ...] = get_args(Format)


def render_frame(
    frame: pd.DataFrame,
    style: str,
    *,
    columns: Sequence[str] = (),
    diff_only: bool = False,
    screen: Screen | None = None,
) -> str:
    """Return the comparison as text.

    Args:
        frame: From `compare`.
        style: One of FORMATS. csv and json have the numbers in full.
        columns: Only these, in this order; default all for csv and json, the suite's table for people.
        diff_only: Leave out columns that do not differ between rows.
        screen: What a plain table has to fit.
    """
    if style in ("csv", "json"):
        chosen = frame[list(columns)] if columns else frame
        return program_text(_differing(chosen) if diff_only else chosen, style)
    text_style = cast(TextStyle, style)
    parts = []
    for part in split_tables(frame):
        if columns:
            parts.append(column_table(part, columns, style=text_style, screen=screen, diff_only=diff_only))
        else:
            parts.append(suite_table(part, style=text_style, wrap=style == "plain", screen=screen, diff_only=diff_only))
    return "\n\n\n".join(parts) + "\n" if parts else "no rows\n"


def program_text(frame: pd.DataFrame, style: str) -> str:
    """Return a frame as CSV or JSON, its numbers in full."""
    if style == "csv":
        buffer = io.StringIO()
        safe_cells(frame).to_csv(buffer, index=False, lineterminator="\n")
        return buffer.getvalue()
    return str(frame.to_json(orient="records", indent=2, double_precision=15)) + "\n"


def split_tables(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the rows of each suite and set of conditions, in their order."""
    keys = ["suite", "dataset", "fingerprint", "budget", "device", "backend", "versions", "threads"]
    return [part for _, part in frame.groupby(keys, sort=False)]


def safe_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with text that a spreadsheet would take for a formula made plain by a leading quote."""

    def safe(value: Any) -> Any:
        return spreadsheet(value) if isinstance(value, str) else value

    return frame.map(safe)


def _differing(frame: pd.DataFrame) -> pd.DataFrame:
    named = [name for name in ("suite", "variant") if name in frame]
    return frame[[name for name in frame if name in named or frame[name].nunique(dropna=False) > 1]]
