"""Several stores as one: each trial once, and never one result in the place of another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from harness.errors import InputError
from harness.results.kept_models import copy_models
from harness.results.opening import has_store, lock_folder, read_store
from harness.results.records import Record
from harness.results.rewriting import write_store
from harness.results.rows import Row
from harness.results.schema import STORE_NAME, DamagedStoreError
from harness.results.snapshot import Results
from harness.results.store import Store, keep_newest

_SHOWN = 5
_SHOWN_SEEDS = 10
# Of these the newest row of a name counts, so that an equal one counts anew where another stands between.
_NEWEST_COUNTS = ("suites", "plans")
_FIGURES = ("epoch", "accuracy", "precision", "recall", "macro_f1", "loss", "params")


def merge(stores: Sequence[Path], into: Path) -> None:
    """Join the stores of some results folders into another, which keeps what it has; all of it or nothing.

    The models that they keep are copied, where the folder has none of a trial.
    Merging the same stores again changes nothing.

    Args:
        stores: Results folders; a sweep may still write into them, and what it adds later is not there.
        into: A results folder, made where it is missing.

    Raises:
        InputError: One of them holds no store, two have different results of one trial, or a run writes into `into`.
        HarnessError: One is damaged, or nothing can be written.
    """
    with ExitStack() as opened:
        there = has_store(into)
        if there:
            opened.callback(lock_folder(into).release)
        folders = {folder.resolve(): folder for folder in ([into] * there + [*stores])}
        rows = merged_rows([opened.enter_context(read_store(folder)) for folder in folders.values()])
        if not there:  # made only now: what is refused leaves nothing
            opened.callback(lock_folder(into).release)
            if has_store(into):
                raise InputError(f"{into} was written by another process meanwhile: give the command again")
        write_store(into / STORE_NAME, rows)
    for folder in folders.values():
        copy_models(folder, into)


def missing_trials(results: Results) -> list[str]:
    """Return what the newest plan of each suite needs and a folder has no result of, in a line per variant.

    Plans that judge rows at several looks are left out: what they need is decided by what is there.
    """
    lines = []
    newest = {(plan.suite.name, plan.conditions): plan for plan in results.plans}
    for (suite, conditions), plan in newest.items():
        if len(plan.looks) > 1:
            continue
        for variant, source in plan.sources.items():
            seeds = []
            for trial in conditions.trials(variant, range(1, plan.seeds + 1), source=source):
                found = results.records.get(trial.key)
                if found is None or found.status == "failed":
                    seeds.append(str(trial.seed))
            if seeds:
                more = f" and {len(seeds) - _SHOWN_SEEDS} more" * (len(seeds) > _SHOWN_SEEDS)
                word = "seed" if len(seeds) == 1 else "seeds"
                lines.append(f"{suite} / {plan.suite.label(variant)}: {word} {', '.join(seeds[:_SHOWN_SEEDS])}{more}")
    return lines


def merged_rows(stores: Sequence[Store]) -> Iterator[Row]:
    """Return the rows of several stores as `write_store` takes them.

    Of a trial that several stores have the first's rows are taken where both results are equal (times aside); a failure
    yields to a result. Two measurements of one pair may differ, and both are kept; whatever two stores say alike is
    taken once.

    Raises:
        InputError: Two stores have different results of one trial; names them.
        DamagedStoreError: One of them is damaged.
    """
    chosen: dict[str, tuple[Store, Record]] = {}
    other: list[str] = []
    keys: dict[tuple[Path, int], str] = {}
    for store in stores:
        records: dict[str, Record] = {}
        for row, record in store.trials():
            keys[store.path, row.number] = record.trial.key
            keep_newest(records, record)
        for key, record in records.items():
            known = chosen.get(key)
            if known is None or (known[1].status == "failed" and record.status != "failed"):
                chosen[key] = store, record
            elif "failed" not in (record.status, known[1].status) and not same_result(known[1], record):
                other.append(f"{record.trial.label} on {record.trial.dataset} ({known[0].path} and {store.path})")
    if other:
        more = f" and {len(other) - _SHOWN:,} more" if len(other) > _SHOWN else ""
        raise InputError(
            f"two results of one trial differ: {'; '.join(other[:_SHOWN])}{more}: a trial's key holds all that decides "
            "its result, so one was changed, or made on a machine that computes otherwise; leave one store out"
        )
    return _rows(stores, {place: chosen[key][0].path for place, key in keys.items()})


def same_result(one: Record, other: Record) -> bool:
    """Whether two records of a trial say the same, whatever their times and their machine's memory."""
    if one.status != other.status:
        return False
    for name in _FIGURES:
        left, right = getattr(one, name), getattr(other, name)
        if left != right and not (math.isnan(left) and math.isnan(right)):
            return False
    if one.predictions is None or other.predictions is None:
        return one.predictions is other.predictions
    return one.predictions.equals(other.predictions)


def _rows(stores: Sequence[Store], chosen: Mapping[tuple[Path, int], Path]) -> Iterator[Row]:
    seen: set[tuple[object, ...]] = set()
    newest: dict[tuple[str, object], tuple[object, ...]] = {}
    for store in stores:
        runs = store.runs()
        for row in store.readable_rows():
            if row.table in ("trials", "timings"):
                if row["run"] not in runs:
                    raise DamagedStoreError(store.path, f"row {row['run']} of runs missing")
                if row.table == "trials" and chosen[store.path, row.number] != store.path:
                    continue
                if row.table == "timings":
                    if row.values[1:] in seen:
                        continue
                    seen.add(row.values[1:])
            elif row.table in _NEWEST_COUNTS:
                name = row.table, row.values[0]
                if newest.get(name) == row.values:
                    continue
                newest[name] = row.values
            elif row.table != "runs":
                said = (row.table, *row.values)
                if said in seen:
                    continue
                seen.add(said)
            yield row
