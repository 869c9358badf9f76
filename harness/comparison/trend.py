"""A variant over many results folders (commits, nights): what it gave in each, and where it changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from harness.comparison.columns import TREND_OF, TREND_TABLE, Row
from harness.comparison.folder_rows import compare_folders
from harness.comparison.judge import Margins
from harness.comparison.trained import Trained, condition_label, matched, trained_variants
from harness.comparison.wanted import ANY, Wanted
from harness.errors import InputError
from harness.results import Results
from harness.suites import shown_names
from harness.wording import counted

if TYPE_CHECKING:
    import pandas as pd

_CHANGES = ("accuracy", "step_time")


def trend(
    folders: Sequence[Results],
    margins: Margins,
    wanted: Wanted = ANY,
    *,
    note: Callable[[str], object] = lambda text: None,
) -> pd.DataFrame:
    """Return a row per folder and variant, the folders in the order given, with TREND_TABLE's columns.

    Each folder is compared with the one before it, as `compare_folders` does: by seed and test image, step times only
    on one machine. What the one before it lacks is compared with the last folder that has it. Over all K comparisons
    of two folders together a claim is false with a chance of alpha at most, since each takes alpha / K (Bonferroni),
    whatever the folders share. `note` is told what was left out, and why.

    Raises:
        InputError: There are fewer than two folders, or no two have a wanted dataset and budget in common.
    """
    import pandas as pd

    if len(folders) < 2:
        raise InputError(f"a trend over {counted(len(folders), 'folder')}: name two or more, the oldest first")
    held = _held(folders, wanted, note)
    neighbours = [(number - 1, number) for number in range(1, len(folders))]
    together = {
        (before, after): found
        for before, after in (*neighbours, *_over_gaps(held))
        if (found := matched(held[before], held[after])[0])
    }
    _tell_left_out(folders, held, together.values(), note)
    strict = dataclasses.replace(margins, alpha=margins.alpha / len(together))
    names = shown_names(suite for results in reversed(folders) for suite in results.declared)
    rows: dict[tuple[int, tuple[object, ...]], dict[str, Any]] = {}
    for before, after in together:
        old, new = folders[before], folders[after]
        own = {one.kind for one in held[before]}
        for row in compare_folders(old, new, strict, wanted, names=names, each_images=False).frame.to_dict("records"):
            kind = tuple(row[name] for name in TREND_OF)
            both = row["present"] == "both"
            begins = before == 0 or kind[1:] in own
            if (begins and row["present"] != "new") or (both and after - before > 1):
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


def _held(folders: Sequence[Results], wanted: Wanted, note: Callable[[str], object]) -> list[list[Trained]]:
    """Return what each folder has of the wanted conditions; InputError where none has any."""
    held: list[list[Trained]] = []
    lacking: dict[str, InputError] = {}
    for results in folders:
        chosen: list[Trained] = []
        left_out = ""
        try:
            chosen, left_out = wanted.choose(trained_variants(results))
        except InputError as error:
            lacking[str(results.folder)] = error
        held.append(chosen)
        if left_out:
            note(f"{results.folder}: {left_out}")
    if lacking and not any(held):
        raise next(iter(lacking.values()))
    for folder in lacking:
        note(f"{folder} has no results under the conditions asked for: left out")
    return held


def _tell_left_out(
    folders: Sequence[Results],
    held: Sequence[Sequence[Trained]],
    together: Collection[Sequence[tuple[Trained, Trained]]],
    note: Callable[[str], object],
) -> None:
    """Tell what of a folder no other has; InputError where that is everything."""
    shared = {id(one) for found in together for pair in found for one in pair}
    lines = {
        f"{results.folder}: {condition_label(one.conditions, *held)}, {counted(len(one.records), 'variant')}": (
            "since of several sets of images or versions of one name the newest counts"
            if any(other.kind == one.kind and id(other) in shared for other in mine)
            else "since no other folder has this dataset and budget"
        )
        for results, mine in zip(folders, held, strict=True)
        for one in mine
        if id(one) not in shared
    }
    if not together:
        whose = " and ".join(str(one.folder) for one in folders) if len(folders) == 2 else "no two of the folders"
        only = "; ".join(lines) or "all are empty"
        raise InputError(f"{whose} have {'no' if len(folders) == 2 else 'a'} dataset and budget in common: {only}")
    for line, why in lines.items():
        note(f"{line}: left out, {why}")


def _over_gaps(held: Sequence[Sequence[Trained]]) -> list[tuple[int, int]]:
    """Return which folders to compare beyond neighbours: those between which others lack a variant that both have."""
    last: dict[tuple[object, ...], int] = {}
    pairs: dict[tuple[int, int], None] = {}
    for number, mine in enumerate(held):
        here = {
            (variant, one.conditions.dataset, tuple(one.conditions.budget.training.items()))
            for one in mine
            for variant in one.records
        }
        for one in here:
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
