"""Several stores as one: each trial once, and never one result in the place of another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InputError
from harness.files import unwritable
from harness.results.contents import plan_of
from harness.results.kept_models import check_models_folder, copy_models, kept_models, models_folder
from harness.results.opening import has_store, lock_folder, read_store
from harness.results.records import Record
from harness.results.rewriting import write_store
from harness.results.rows import Row
from harness.results.schema import STORE_NAME, DamagedStoreError
from harness.results.snapshot import Results
from harness.results.store import Store, keep_newest

_SHOWN = 5
_SHOWN_SEEDS = 10
_FIGURES = ("epoch", "accuracy", "precision", "recall", "macro_f1", "loss", "params")


def merge(stores: Sequence[Path], into: Path) -> None:
    """Join the stores of some results folders into another, which keeps what it has; all of it or nothing.

    The models of their trials are copied, where the folder has none. Merging the same stores again changes nothing:
    what the folder has stays in its order, and is not added again.

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
        opened_stores = [opened.enter_context(read_store(folder)) for folder in folders.values()]
        chosen = choose_trials(opened_stores)
        if not there:  # made only now: what is refused leaves nothing
            opened.callback(lock_folder(into).release)
            if has_store(into):
                raise InputError(f"{into} was written by another process meanwhile: give the command again")
        if any(map(kept_models, stores)):
            check_models_folder(into)
        write_store(into / STORE_NAME, merged_rows(opened_stores, chosen))
        try:
            for folder, store in zip(folders.values(), opened_stores, strict=True):
                copy_models(folder, into, chosen.results[store.path])
        except OSError as error:
            elsewhere = "make it a folder that can be written, and merge again for the models"
            raise unwritable(models_folder(into), error, elsewhere=elsewhere) from None


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


@dataclass(frozen=True, eq=False)
class Chosen:
    """From which store each trial is taken.

    Attributes:
        stores: By a row of trials: its store's path and its number.
        results: By a store's path, the keys of the trials of which it has a result, chosen or equal to the chosen one.
    """

    stores: Mapping[tuple[Path, int], Path]
    results: Mapping[Path, frozenset[str]]


def choose_trials(stores: Sequence[Store]) -> Chosen:
    """Return from which store each trial is taken.

    Of a trial that several stores have the first's rows are taken where both results are equal (times aside); a failure
    yields to a result.

    Raises:
        InputError: Two stores have different results of one trial; names them.
        DamagedStoreError: One of them is damaged.
    """
    chosen: dict[str, tuple[Store, Record]] = {}
    other: list[str] = []
    keys: dict[tuple[Path, int], str] = {}
    results: dict[Path, frozenset[str]] = {}
    for store in stores:
        records: dict[str, Record] = {}
        for row, record in store.trials():
            keys[store.path, row.number] = record.trial.key
            keep_newest(records, record)
        results[store.path] = frozenset(key for key, record in records.items() if record.status != "failed")
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
    return Chosen({place: chosen[key][0].path for place, key in keys.items()}, results)


def merged_rows(stores: Sequence[Store], chosen: Chosen) -> Iterator[Row]:
    """Return the rows of several stores as `write_store` takes them: all of the first, of the others what is new.

    Two measurements of one pair may differ, and both are kept; whatever two stores say alike is taken once.

    Raises:
        DamagedStoreError: One of them is damaged.
    """
    said: set[tuple[object, ...]] = set()
    declared = _Declared()
    for store in stores:
        runs = store.runs()
        for row in store.readable_rows():
            if row.table in ("trials", "timings"):
                if row["run"] not in runs:
                    raise DamagedStoreError(store.path, f"row {row['run']} of runs missing")
                if row.table == "trials" and chosen.stores[store.path, row.number] != store.path:
                    continue
            if row.table in _DECLARED:
                declared.add(row, store)
            elif row.table in ("timings", "search_tries"):
                # The number of a run is its store's own.
                content = (row.table, *(row.values[1:] if row.table == "timings" else row.values))
                if content not in said:
                    said.add(content)
                    yield row
            else:
                yield row
    yield from declared.rows(stores)


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


# Of these the newest row of one thing counts, such as the last declaration of a suite.
_DECLARED = ("test_sets", "suites", "plans", "datasets", "searches")


class _Declared:
    """What stores say of suites and datasets, where the newest row of a thing counts.

    The first store's rows stay as they are. Of another store each row that is new is added once, where that store
    said it last; but a plan of fewer seeds than the newest of the same suite and conditions goes before that one, which
    would else show less than is there.
    """

    def __init__(self) -> None:
        self._rows: dict[Path, list[Row]] = {}

    def add(self, row: Row, store: Store) -> None:
        self._rows.setdefault(store.path, []).append(row)

    def rows(self, stores: Sequence[Store]) -> Iterator[Row]:
        first, *others = (self._rows.get(store.path, []) for store in stores)
        taken = list(first)
        known: set[tuple[object, ...]] = {(row.table, *row.values) for row in taken}
        newest = {_thing(row): row for row in taken}
        for found in others:
            last: dict[tuple[object, ...], Row] = {}
            for row in found:
                last.pop((row.table, *row.values), None)
                last[row.table, *row.values] = row
            before = dict(newest)
            for content, row in last.items():
                if content in known:
                    continue
                thing = _thing(row)
                further = before.get(thing)
                if further is not None and _seeds(row) < _seeds(further):
                    taken.insert(next(place for place, one in enumerate(taken) if one is further), row)
                else:
                    taken.append(row)
                    newest[thing] = row
            known.update(last)
        return iter(taken)


def _thing(row: Row) -> tuple[object, ...]:
    """Return what a row is of: a suite, a suite under some conditions, a dataset."""
    if row.table == "plans":
        return row.table, row["suite"], plan_of(row).conditions
    return row.table, *row.values[: 1 + (row.table == "test_sets")]


def _seeds(row: Row) -> int:
    return plan_of(row).seeds if row.table == "plans" else 0
