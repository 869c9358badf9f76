"""A variant over many results folders (commits, nights): what it gave in each, and where it changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from harness.comparison.columns import TREND_OF, TREND_TABLE, Row
from harness.comparison.folder_rows import compare_folders
from harness.comparison.judge import Margins
from harness.comparison.wanted import ANY, Wanted
from harness.errors import InputError
from harness.results import Results
from harness.suites import shown_names
from harness.wording import counted

if TYPE_CHECKING:
    import pandas as pd

_CHANGES = ("accuracy", "step_time")


def trend(folders: Sequence[Results], margins: Margins, wanted: Wanted = ANY) -> pd.DataFrame:
    """Return a row per folder and variant, the folders in the order given, with TREND_TABLE's columns.

    Each folder is compared with the one before it, as `compare_folders` does: by seed and test image, step times only
    on one machine. Over all K - 1 comparisons together a claim is false with a chance of alpha at most, since each
    takes alpha / (K - 1) (Bonferroni), whatever the folders share.

    Raises:
        InputError: There are fewer than two folders, or two neighbours have no dataset and budget in common.
    """
    import pandas as pd

    if len(folders) < 2:
        raise InputError(f"a trend over {counted(len(folders), 'folder')}: name two or more, the oldest first")
    strict = dataclasses.replace(margins, alpha=margins.alpha / (len(folders) - 1))
    names = shown_names(suite for results in reversed(folders) for suite in results.declared)
    rows: list[dict[str, Any]] = []
    for old, new in pairwise(folders):
        found = compare_folders(old, new, strict, wanted, names=names)
        if not found.titles:
            only = "; ".join(found.unmatched) or "both are empty"
            raise InputError(f"{old.folder} and {new.folder} have no dataset and budget in common: {only}")
        pairs = found.frame.to_dict("records")
        if old is folders[0]:
            rows += [_place(old) | _first(row) for row in pairs if row["present"] != "new"]
        rows += [_place(new) | _later(row) for row in pairs if row["present"] != "old"]
    frame = pd.DataFrame(rows, columns=list(TREND_TABLE))
    # The order of variants is the newest folder's, that of the folders the one given.
    kinds = dict.fromkeys(map(tuple, frame[list(TREND_OF)].iloc[::-1].to_numpy()))
    place = {kind: number for number, kind in enumerate(reversed(kinds))}
    order = [place[tuple(kind)] for kind in frame[list(TREND_OF)].to_numpy()]
    return frame.assign(order=order).sort_values("order", kind="stable").drop(columns="order").reset_index(drop=True)


def _place(results: Results) -> dict[str, Any]:
    newest = max(results.provenances.values(), key=lambda one: one.started_at)
    return {
        "folder": str(results.folder),
        "commit": newest.commit[:12] + "+" * newest.dirty,
        "started_at": newest.started_at,
    }


def _first(row: Row) -> dict[str, Any]:
    """Return the row of the oldest folder: nothing stands before it."""
    texts = {f"{name}_{ending}": "" for name in _CHANGES for ending in ("verdict", "hint")}
    figures = {"seeds": row["seeds_old"], "accuracy": row["accuracy_old"], "step_time_ms": row["step_time_old_ms"]}
    return {name: row[name] for name in TREND_OF} | figures | texts | {"status": row["status_old"], "differences": ""}


def _later(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in TREND_TABLE if name in row} | {"seeds": row["seeds_new"]}
