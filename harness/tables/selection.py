"""Rows and columns of a comparison that a person asks for, checked before anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.comparison import COLUMNS, Margins
from harness.comparison.columns import unknown_column
from harness.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd


def checked_columns(names: Sequence[str]) -> tuple[str, ...]:
    """Return column names without blanks, each once.

    Raises:
        InputError: One is not a column of `comparison.csv`.
    """
    found = tuple(dict.fromkeys(name.strip() for name in names))
    for name in found:
        if name not in COLUMNS:
            raise InputError(unknown_column(name, COLUMNS))
    return found


def compare_selected(
    folder: Path, margins: Margins, *, suites: Sequence[str] = (), sort: str | None = None
) -> pd.DataFrame:
    """Return the comparison of a results folder: some suites, rows in an order.

    Args:
        folder: The results folder.
        margins: Alpha and margins of practical equality.
        suites: Their names; none for all.
        sort: A column; with - before it, highest first. Unknown values come last, suites stay together.

    Raises:
        InputError: No such results or suite.
    """
    from harness.comparison import Judge, compare_groups, frame_of, group_records
    from harness.results import load_results

    results = load_results(folder, history=False)
    groups = group_records(results)
    known = list(dict.fromkeys(group.suite.name for group in groups))
    for suite in suites:
        if suite not in known:
            raise InputError(f'suite "{suite}" is not in {folder}: use {", ".join(known)}{nearest(suite, known)}')
    chosen = [group for group in groups if not suites or group.suite.name in suites]
    frame = frame_of(compare_groups(chosen, results, Judge(margins)))
    if sort:
        frame = frame.sort_values(
            sort.removeprefix("-"), ascending=not sort.startswith("-"), kind="stable", na_position="last"
        )
        order = {name: place for place, name in enumerate(known)}
        frame = frame.sort_values("suite", key=lambda names: names.map(order), kind="stable").reset_index(drop=True)
    return frame
