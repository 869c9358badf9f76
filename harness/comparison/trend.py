"""A variant over many results folders (commits, nights): what it gave in each, and where it changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from harness.comparison.columns import TREND_OF, TREND_TABLE, Row
from harness.comparison.folder_rows import compare_folders
from harness.comparison.judge import Margins
from harness.comparison.trained import trained_variants
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
    on one machine. What the one before it lacks is compared with the last folder that has it. Over all K comparisons
    of two folders together a claim is false with a chance of alpha at most, since each takes alpha / K (Bonferroni),
    whatever the folders share.

    Raises:
        InputError: There are fewer than two folders, or two neighbours have no dataset and budget in common.
    """
    import pandas as pd

    if len(folders) < 2:
        raise InputError(f"a trend over {counted(len(folders), 'folder')}: name two or more, the oldest first")
    pairs = [(number - 1, number) for number in range(1, len(folders))] + _over_gaps(folders)
    strict = dataclasses.replace(margins, alpha=margins.alpha / len(pairs))
    names = shown_names(suite for results in reversed(folders) for suite in results.declared)
    rows: dict[tuple[int, tuple[object, ...]], dict[str, Any]] = {}
    for before, after in pairs:
        old, new = folders[before], folders[after]
        found = compare_folders(old, new, strict, wanted, names=names)
        if not found.titles and after - before == 1:
            only = "; ".join(found.unmatched) or "both are empty"
            raise InputError(f"{old.folder} and {new.folder} have no dataset and budget in common: {only}")
        for row in found.frame.to_dict("records"):
            kind = tuple(row[name] for name in TREND_OF)
            both = row["present"] == "both"
            if (before == 0 and row["present"] != "new") or (both and after - before > 1):
                rows.setdefault((before, kind), _place(old) | _first(row))
            if row["present"] == "new":
                rows.setdefault((after, kind), _place(new) | _first(row, ending=""))
            elif both and not rows.get((after, kind), {}).get("before"):
                rows[after, kind] = _place(new) | _later(row) | {"before": str(old.folder)}
    frame = pd.DataFrame([rows[place] for place in sorted(rows, key=itemgetter(0))], columns=list(TREND_TABLE))
    # The order of variants is the newest folder's, that of the folders the one given.
    kinds = dict.fromkeys(map(tuple, frame[list(TREND_OF)].iloc[::-1].to_numpy()))
    place = {kind: number for number, kind in enumerate(reversed(kinds))}
    order = [place[tuple(kind)] for kind in frame[list(TREND_OF)].to_numpy()]
    return frame.assign(order=order).sort_values("order", kind="stable").drop(columns="order").reset_index(drop=True)


def _over_gaps(folders: Sequence[Results]) -> list[tuple[int, int]]:
    """Return which folders to compare beyond neighbours: those between which others lack a variant that both have."""
    last: dict[tuple[object, ...], int] = {}
    pairs: dict[tuple[int, int], None] = {}
    for number, results in enumerate(folders):
        held = {
            (variant, trained.conditions.dataset, tuple(trained.conditions.budget.training.items()))
            for trained in trained_variants(results)
            for variant in trained.records
        }
        for one in held:
            if last.get(one, number) < number - 1:
                pairs[last[one], number] = None
            last[one] = number
    return sorted(pairs, reverse=True)  # the nearest first


def _place(results: Results) -> dict[str, Any]:
    newest = max(results.provenances.values(), key=lambda one: one.started_at)
    return {
        "folder": str(results.folder),
        "commit": newest.commit[:12] + "+" * newest.dirty,
        "started_at": newest.started_at,
    }


def _first(row: Row, *, ending: str = "_old") -> dict[str, Any]:
    """Return the row of a folder before which no other has the variant; `ending` is that of its figures in `row`."""
    texts = {f"{name}_{what}": "" for name in _CHANGES for what in ("verdict", "hint")}
    seeds, step_ms = ("seeds_old", "step_time_old_ms") if ending else ("seeds_new", "step_time_ms")
    figures = {"seeds": row[seeds], "accuracy": row[f"accuracy{ending}"], "step_time_ms": row[step_ms]}
    nothing = {"differences": "", "before": ""}
    return {name: row[name] for name in TREND_OF} | figures | texts | {"status": row[f"status{ending}"]} | nothing


def _later(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in TREND_TABLE if name in row} | {"seeds": row["seeds_new"]}
