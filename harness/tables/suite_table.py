"""One suite as one table: what a person reads first."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.budgets import selected_on_test
from harness.tables import escape
from harness.tables.columns import Row, cell_text, shown_text
from harness.tables.fit import Field, best_of, fitted, verdict_paint
from harness.tables.grid import Piece, TextStyle, text_width
from harness.tables.screen import Screen

if TYPE_CHECKING:
    import pandas as pd

BEST_NOTE = "* the best value of its column, whatever the verdict"


def suite_table(
    frame: pd.DataFrame,
    *,
    style: TextStyle = "plain",
    wrap: bool = True,
    screen: Screen | None = None,
    diff_only: bool = False,
) -> str:
    """Return the rows of one suite and set of conditions as a text table, with notes below it.

    `vs baseline` is in percentage points, `ratio` the step time over the baseline's; both with their corrected
    intervals. The best accuracy and step time are marked.

    Args:
        frame: Rows of one suite, from `compare`.
        style: github, plain or latex.
        wrap: Whether a plain table must fit the screen: it then breaks names, puts intervals below their values, and
            on a narrow screen leaves columns out.
        screen: Default 100 columns without colour.
        diff_only: Leave out the columns whose cells are all the same, and say what they hold.
    """
    screen = screen or Screen()
    rows = frame.to_dict("records")
    fields = _fields(rows)
    same: list[str] = []
    if diff_only:
        fields, same = split_equal(fields)
    table = fitted(fields, style, screen, wrap=wrap)
    lines = [*_title(frame), *same]
    notes = _notes(frame)
    if any(piece.best for field in fields for piece in field.pieces):
        notes.append("bold: " + BEST_NOTE.removeprefix("* the ") if style != "plain" else BEST_NOTE)
    return assemble(lines, table, notes, style, screen)


def assemble(title: Sequence[str], table: str, notes: Sequence[str], style: TextStyle, screen: Screen) -> str:
    """Return title, table and notes as one text: lines that fit the screen, Markdown, or LaTeX with comments."""
    if style == "latex":
        above, below = ([f"% {escape.clean(line)}" for line in lines] for lines in (title, notes))
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
    above = [part for line in title for part in fold(escape.clean(line), width)]
    below = [part for note in notes for part in fold(note if note == BEST_NOTE else f"- {escape.clean(note)}", width)]
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
            same.append(f"{' '.join(field.head)}: {values.pop()}")
    return kept, ["the same in all rows: " + "; ".join(same)] if same else []


def _title(frame: pd.DataFrame) -> list[str]:
    row = frame.iloc[0]
    conditions = f"{row['dataset']}, {row['budget']}, {row['device']}, {_seeds(frame)}"
    machines = [machine for machine in frame["machine"] if machine]
    if machines:
        conditions += f"; step times from {machines[0]}"
    if selected_on_test(str(row["budget"])):
        conditions += "; selected on test: the tutorial's protocol watches the test images in every epoch"
    return [f"{row['suite']} (baseline: {row['baseline']})", conditions]


def _seeds(frame: pd.DataFrame) -> str:
    counts = sorted(set(frame["seeds"]))
    low, high = counts[0], counts[-1]
    return f"{high} seed{'s' * (high != 1)}" if low == high else f"{low} to {high} seeds"


def _fields(rows: Sequence[Row]) -> list[Field]:
    racing = [row["status"] in ("ok", "partial") for row in rows]
    accuracy = best_of([row["accuracy"] if ok else float("nan") for row, ok in zip(rows, racing, strict=True)], max)
    time = best_of([row["step_time_ms"] if ok else float("nan") for row, ok in zip(rows, racing, strict=True)], min)
    others = [row["variant"] != row["baseline"] for row in rows]
    verdicts = [verdict_paint(row["accuracy_verdict"]) for row in rows]
    time_verdicts = [verdict_paint(row["step_time_verdict"]) for row in rows]
    timed = [row["step_time_ms"] == row["step_time_ms"] for row in rows]
    return [
        Field(("variant",), [(Piece(row["variant"]), *_status(row)) for row in rows], name=True),
        Field(
            ("accuracy", "%"),
            [(Piece(_accuracy(row), best=place in accuracy),) for place, row in enumerate(rows)],
            align="right",
        ),
        Field(
            ("vs baseline", "points"),
            [
                _delta(row, "accuracy_delta", "accuracy_ci") if other else ()
                for row, other in zip(rows, others, strict=True)
            ],
        ),
        Field(
            ("verdict",),
            [(Piece(row["accuracy_verdict"], paint),) for row, paint in zip(rows, verdicts, strict=True)],
            joins_previous=True,
        ),
        Field(
            ("step", "ms"),
            [(Piece(cell_text(row, "step_time_ms"), best=place in time),) for place, row in enumerate(rows)],
            align="right",
        ),
        Field(
            ("step time", "x baseline"),
            [
                _delta(row, "step_time_ratio", "step_time_ci") if other else ()
                for row, other in zip(rows, others, strict=True)
            ],
        ),
        Field(
            ("verdict",),
            [
                (Piece(row["step_time_verdict"] if known else "", paint),)
                for row, paint, known in zip(rows, time_verdicts, timed, strict=True)
            ],
            joins_previous=True,
        ),
        Field(
            ("Pareto",), [(Piece(row["pareto"], "good" if row["pareto"] == "yes" else None),) for row in rows], drop=1
        ),
    ]


def _status(row: Row) -> tuple[Piece, ...]:
    return () if row["status"] == "ok" else (Piece(f"({row['status']})", "bad"),)


def _accuracy(row: Row) -> str:
    spread = shown_text(row, "accuracy_std")
    return shown_text(row, "accuracy") + (f" ±{spread}" if spread else "")


def _delta(row: Row, value: str, interval: str) -> tuple[Piece, ...]:
    low, high = shown_text(row, f"{interval}_low"), shown_text(row, f"{interval}_high")
    found = Piece(shown_text(row, value))
    return (found, Piece(f"[{low}, {high}]")) if low and high else (found,)


def _notes(frame: pd.DataFrame) -> list[str]:
    """Say what would settle what is unresolved, what disturbed the clock, what failed: each fact once."""
    facts: dict[str, list[str]] = {}
    for row in frame.to_dict("records"):
        for prefix, column in (
            ("accuracy: ", "accuracy_hint"),
            ("step time: ", "step_time_hint"),
            ("step time disturbed: ", "step_time_flags"),
            ("", "message"),
            ("", "search"),
        ):
            text = row.get(column)
            if not isinstance(text, str) or not text or (column == "step_time_hint" and text == "not measured"):
                continue
            if column == "accuracy_hint" and text == row["message"]:
                continue
            facts.setdefault(prefix + text, []).append(str(row["variant"]))
    return [
        f"{', '.join(names) if len(names) < len(frame) - 1 or len(names) < 3 else 'all variants'}: {text}"
        for text, names in facts.items()
    ]
