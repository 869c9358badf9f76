"""Table files of a results folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.comparison.outcome import SuiteOutcome
from harness.files import own_folder, replace_text
from harness.tables.file_names import file_names
from harness.tables.outcome import outcome_section
from harness.tables.render import render_frame
from harness.tables.suite_rows import split_tables
from harness.tables.suite_table import render_suite

if TYPE_CHECKING:
    import pandas as pd

_COMPARISON_FORMATS = {"md": "github", "csv": "csv", "json": "json"}


def write_tables(
    frame: pd.DataFrame, folder: Path, *, partial: str = "", outcomes: Sequence[SuiteOutcome] = ()
) -> list[Path]:
    """Write `comparison.md`, `.csv` and `.json` and a file per suite; return their paths.

    Args:
        frame: From `compare`.
        folder: Made where it is missing.
        partial: Why the results are not complete, told at the top of the texts; empty when they are.
        outcomes: What each suite came to, told above its tables.
    """
    own_folder(folder)
    note = f"> Partial results: {partial}\n\n" if partial else ""
    written = []
    for ending, style in _COMPARISON_FORMATS.items():
        text = render_frame(frame, style, outcomes=outcomes)
        written.append(replace_text(folder / f"comparison.{ending}", note + text if ending == "md" else text))
    tables: dict[str, list[str]] = {}
    for part in split_tables(frame):
        tables.setdefault(part.suite, []).append(render_suite(part, style="github", wrap=False))
    for (suite, texts), name in zip(tables.items(), file_names(tables), strict=True):
        if own := [one for one in outcomes if one.rows[0]["suite"] == suite]:
            texts.insert(0, outcome_section(own, style="github"))
        written.append(replace_text(folder / f"{name}.md", note + "\n\n\n".join(texts) + "\n"))
    return written
