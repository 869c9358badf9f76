"""Several stores as one: each trial once, and never one result in the place of another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.errors import InputError
from harness.results.records import Record
from harness.results.rows import Row
from harness.results.schema import DamagedStoreError
from harness.results.store import Store, keep_newest

_SHOWN = 5
_FIGURES = ("epoch", "accuracy", "precision", "recall", "macro_f1", "loss", "params")


def merged_rows(stores: Sequence[Store]) -> Iterator[Row]:
    """Return the rows of several stores as `write_store` takes them.

    Of a trial that several stores have the first's rows are taken where both results are equal (times aside); a failure
    yields to a result. Step times are all kept, since two measurements of one pair may differ; whatever else two stores
    say alike is taken once.

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
    for store in stores:
        runs = store.runs()
        for row in store.readable_rows():
            if row.table in ("trials", "timings"):
                if row["run"] not in runs:
                    raise DamagedStoreError(store.path, f"row {row['run']} of runs missing")
                if row.table == "trials" and chosen[store.path, row.number] != store.path:
                    continue
            elif row.table != "runs":
                said = (row.table, *row.values)
                if said in seen:
                    continue
                seen.add(said)
            yield row
