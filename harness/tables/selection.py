"""Rows and columns of a comparison that a person asks for, checked before anything is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.comparison import COLUMNS, Margins
from harness.comparison.columns import unknown_column
from harness.comparison.groups import Group
from harness.comparison.outcome import SuiteOutcome
from harness.comparison.suite_rows import SuiteComparison
from harness.comparison.wanted import Wanted
from harness.errors import InputError, nearest
from harness.results import Results

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


def chosen_groups(
    results: Results, wanted: Wanted, *, suites: Sequence[str] = (), note: Callable[[str], object] = lambda text: None
) -> list[Group]:
    """Return the groups of a results folder that a person wants; `note` is told what was left out by itself.

    Raises:
        InputError: No such suite or conditions.
    """
    from harness.comparison import group_records

    groups = group_records(results)
    known = list(dict.fromkeys(group.suite.name for group in groups))
    for suite in suites:
        if suite not in known:
            place = results.folder
            raise InputError(f'suite "{suite}" is not in {place}: use {", ".join(known)}{nearest(suite, known)}')
    chosen, left_out = wanted.choose(
        [group for group in groups if not suites or group.suite.name in suites], lambda group: group.suite.name
    )
    if left_out:
        note(left_out)
    return chosen


@dataclass(frozen=True, eq=False)
class Selected:
    """What a person asked for of a results folder: the rows, and what each of their suites came to."""

    frame: pd.DataFrame
    outcomes: Sequence[SuiteOutcome]


def compare_selected(
    folder: Path,
    margins: Margins,
    wanted: Wanted,
    *,
    suites: Sequence[str] = (),
    sort: str | None = None,
    note: Callable[[str], object] = lambda text: None,
) -> Selected:
    """Return the comparison of a results folder: some suites and conditions, rows in an order.

    Args:
        folder: The results folder.
        margins: Alpha and margins of practical equality.
        wanted: Which conditions.
        suites: Their names; none for all.
        sort: A column; with - before it, highest first. Unknown values come last, suites stay together.
        note: Told what was left out by itself.

    Raises:
        InputError: No such results, suite or conditions.
    """
    from harness.comparison import Judge, each_comparison, frame_of
    from harness.comparison.outcome import suite_outcome
    from harness.results import load_results

    results = load_results(folder, history=False)
    chosen = chosen_groups(results, wanted, suites=suites, note=note)
    outcomes: list[SuiteOutcome] = []

    def noted() -> Iterator[SuiteComparison]:
        for one in each_comparison(chosen, results, Judge(margins)):
            outcomes.append(suite_outcome(one, results))
            yield one

    frame = frame_of(noted())
    if sort:
        frame = frame.sort_values(
            sort.removeprefix("-"), ascending=not sort.startswith("-"), kind="stable", na_position="last"
        )
        order = {group.suite.name: place for place, group in reversed(list(enumerate(chosen)))}
        frame = frame.sort_values("suite", key=lambda names: names.map(order), kind="stable").reset_index(drop=True)
    return Selected(frame, outcomes)
