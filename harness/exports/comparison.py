"""The comparison as a file: CSV, JSON, Markdown or LaTeX, the same digits in each.

Every number is written as `harness.tables.cell_text` rounds it: as many digits as its interval supports.
`comparison.csv` in a results folder has the numbers in full.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from harness.comparison import COLUMNS
from harness.tables import cell_text, escape
from harness.tables.columns import kind_of
from harness.tables.grid import Align, booktabs

if TYPE_CHECKING:
    import pandas as pd

ComparisonFormat = Literal["csv", "json", "markdown", "latex"]
COMPARISON_FORMATS: tuple[ComparisonFormat, ...] = get_args(ComparisonFormat)
SCHEMA_VERSION = 1
SCHEMA_PATH = Path(__file__).with_name("comparison.schema.json")


def comparison_text(frame: pd.DataFrame, style: ComparisonFormat, columns: Sequence[str] = COLUMNS) -> str:
    """Return the comparison in one format.

    Args:
        frame: From `compare`.
        style: csv (text that could be a formula gets a leading quote), json (of `comparison.schema.json`), markdown,
            or latex (a tabular with booktabs).
        columns: Which, in this order.

    Unknown numbers are empty cells, and null in JSON.
    """
    rows = [{column: cell_text(row, column) for column in columns} for row in frame.to_dict("records")]
    writers = {"csv": _csv, "json": _json, "markdown": _markdown, "latex": _latex}
    return writers[style](rows, columns)


def _csv(rows: list[dict[str, str]], columns: Sequence[str]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(escape.spreadsheet(row[name]) if kind_of(name) == "text" else row[name] for name in columns)
    return buffer.getvalue()


def _json(rows: list[dict[str, str]], columns: Sequence[str]) -> str:
    # Written by hand where json would write 0.66 for 0.660: the digits are part of what a number says.
    lines = [
        "    {" + ", ".join(f"{json.dumps(name)}: {_json_value(row[name], name)}" for name in columns) + "}"
        for row in rows
    ]
    body = "[\n" + ",\n".join(lines) + "\n  ]" if lines else "[]"
    heads = json.dumps(list(columns))
    return f'{{\n  "schema": {SCHEMA_VERSION},\n  "columns": {heads},\n  "rows": {body}\n}}\n'


def _json_value(text: str, column: str) -> str:
    if kind_of(column) == "text":
        return json.dumps(text)
    return text or "null"


def _markdown(rows: list[dict[str, str]], columns: Sequence[str]) -> str:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    rules = [":--" if kind_of(name) == "text" else "--:" for name in columns]
    body = [line([escape.markdown(row[name]) for name in columns]) for row in rows]
    return "\n".join([line([escape.markdown(name) for name in columns]), line(rules), *body]) + "\n"


def _latex(rows: list[dict[str, str]], columns: Sequence[str]) -> str:
    aligns: list[Align] = ["left" if kind_of(name) == "text" else "right" for name in columns]
    body = [[escape.latex(row[name]) for name in columns] for row in rows]
    text = booktabs([escape.latex(name) for name in columns], body, aligns)
    return f"% Needs \\usepackage{{booktabs}}.\n{text}\n"


def comparison_schema() -> dict[str, Any]:
    """Return the JSON Schema of the JSON export, as published in `comparison.schema.json`."""
    return dict(json.loads(SCHEMA_PATH.read_text(encoding="utf-8")))
