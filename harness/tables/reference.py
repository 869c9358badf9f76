"""What every column holds, as a list on a terminal and as docs/columns.md.

`python -m harness.tables.reference > docs/columns.md` makes the page anew; a test tells when it is old.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from harness.comparison.columns import FOLDER_TABLE, SUITE_TABLE, TREND_TABLE, Column, ColumnKind, Place
from harness.tables import escape

_PLACES: Mapping[Place, str] = {
    "table": "tables, report",
    "page": "report",
    "cell": "within a cell",
    "note": "notes",
    "file": "files only",
}
_KINDS: Mapping[ColumnKind, str] = {
    "text": "text",
    "words": "text",
    "count": "number",
    "fraction": "fraction 0 to 1",
    "difference": "difference -1 to 1",
    "ratio": "ratio",
    "p": "p-value 0 to 1",
    "measure": "number",
}
_TABLES = (
    ("Columns of suites", "`harness tables`, `harness export`, `tables/comparison.csv` and `.json`.", SUITE_TABLE),
    ("Columns of two results folders", "`harness compare OLD NEW`. Differences are new less old.", FOLDER_TABLE),
    ("Columns of a trend", "`harness trend DIR...`.", TREND_TABLE),
)
_PAGE = """# Columns

Made by `python -m harness.tables.reference > docs/columns.md`. On a terminal: `harness tables --columns help`.

- **CSV and JSON hold every number in full**, fractions as 0 to 1, for programs: `tables/comparison.csv`,
  `harness tables --format csv` and `harness export --format csv` are one file. An unknown number is an empty cell, and
  `null` in JSON; an infinite one, of what is never reached, is `inf`, and the text `"inf"` in JSON.
  `harness export --format schema --output -` prints the JSON Schema.
- **What people read is rounded by one rule**, on the terminal, in the report, in Markdown and LaTeX. Fractions are per
  cent with two decimals. Differences (percentage points) and ratios have as many digits as their interval supports: two
  of its width, and never so few that an end reads as no difference which it excludes. Other numbers have three
  significant digits, counts all of theirs.
- **±** is the standard deviation over seeds; **[ ]** is the interval of a difference or ratio, for new seeds and test
  images (of step times: for new builds), corrected for the number of variants ([statistics](statistics.md)).
- A **block** is a few training steps timed as one.
- `same`: the difference is surely within the margin (two one-sided tests: the interval at twice the level lies
  within). `better` and `worse`: else, the interval leaves out no difference. `unresolved`: neither.
- [Gates](gates.md) may ask for every column but the hints.
"""


def columns_page() -> str:
    """Return docs/columns.md."""
    parts = [_PAGE]
    for title, where, table in _TABLES:
        rows = [f"| `{one.name}` | {_holds(one)} | {_PLACES[one.place]} | {one.meaning} |" for one in table.values()]
        head = ["| column | in files | shown in | what it holds |", "| --- | --- | --- | --- |"]
        parts.append("\n".join([f"## {title}", "", where, "", *head, *rows, ""]))
    return "\n".join(parts)


def column_list(width: int) -> str:
    """Return what every column holds, a paragraph per column, for a terminal."""
    lines = []
    for title, where, table in _TABLES:
        lines += [*textwrap.wrap(f"{title}: {where.replace('`', '')}", max(width, 44)), ""]
        for one in table.values():
            head = f"{one.name:<22} {_holds(one)}"
            lines += [
                head,
                *textwrap.wrap(one.meaning, max(width - 4, 40), initial_indent="    ", subsequent_indent="    "),
            ]
        lines.append("")
    return "\n".join(lines)


def _holds(column: Column) -> str:
    if column.words:
        return escape.one_line(", ".join(word for word in column.words if word))
    unit = f", {'' if column.kind == 'measure' else 'read in '}{column.unit}" if column.unit else ""
    return _KINDS[column.kind] + unit


if __name__ == "__main__":
    print(columns_page(), end="")
