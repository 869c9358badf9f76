"""The store: one SQLite file that remembers every finished trial and timing run.

A row is added in one transaction and never changed, so a killed process leaves either the whole row or none
(SQLite's rollback journal sees to it at the next opening). Everything else in a results folder can be made again
from this file.
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import filelock
import numpy as np
from numpy.typing import NDArray

from harness.datasets.dataset import Origin
from harness.datasets.groups import grouped_text
from harness.errors import InputError
from harness.results.planned import PlannedSuite
from harness.results.predictions import StoredPredictions
from harness.results.provenance import Provenance
from harness.results.reading import parse_json, read_as, read_value
from harness.results.records import Record
from harness.results.schema import readable_errors
from harness.results.step_times import StepTimes
from harness.suites import Suite
from harness.variants import Variant


@dataclass(frozen=True, eq=False)
class TestSet:
    """The true labels behind the stored predictions.

    Attributes:
        classes: Names, by label.
        labels: int64 [N].
        groups: int64 [N], equal numbers for images that show the same picture; None where nobody looked.
    """

    __test__ = False  # or pytest would take it for a test class

    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64] | None = None

    @property
    def grouped(self) -> str:
        """How many images show the same picture as another; empty for none."""
        return "" if self.groups is None else grouped_text(self.groups)

    @classmethod
    def from_stored(cls, classes: str, labels: bytes) -> TestSet:
        """Read what the store keeps; InputError where labels and classes do not belong together."""
        names = read_value(tuple[str, ...], parse_json(classes), "classes")
        if len(labels) % 8:
            raise InputError(f"labels have {len(labels)} bytes: eight per image are expected")
        numbers = np.frombuffer(labels, "<i8")
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(names):
            raise InputError(f"labels run {numbers.min()} to {numbers.max()}, of {len(names)} classes")
        return cls(names, numbers)


@dataclass(frozen=True)
class Selection:
    """What a reader must know of a variant that was chosen from many.

    Attributes:
        winner: The variant.
        note: How it was chosen, for the notes under its table.
    """

    winner: Variant
    note: str


class Store:
    """Records and timings of one results folder. Use `open_store` to make one; safe to share between threads."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: filelock.FileLock | None) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock
        self._mutex = threading.Lock()
        self._run_id: int | None = None

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and let another process write."""
        self._connection.close()
        if self._lock is not None:
            self._lock.release()

    def begin_run(self, provenance: Provenance) -> None:
        """Note the command, machine and commit that the following rows belong to."""
        with self._transaction() as connection:
            text = json.dumps(dataclasses.asdict(provenance))
            self._run_id = connection.execute("INSERT INTO runs (provenance) VALUES (?)", (text,)).lastrowid

    def add_test_set(self, fingerprint: str, max_images: int | None, test_set: TestSet) -> None:
        """Keep the labels of a dataset's test images; the same one twice is kept once."""
        values = (
            fingerprint,
            max_images or 0,
            json.dumps(test_set.classes),
            test_set.labels.astype("<i8").tobytes(),
        )
        with self._transaction() as connection:
            connection.execute("INSERT INTO test_sets VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", values)

    def add_dataset(self, fingerprint: str, origin: Origin) -> None:
        """Note where a dataset is from; the newest place of a content counts."""
        fields = {name: getattr(origin, name) for name in ("source", "image_size", "skip_unreadable")}
        with self._transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO datasets (fingerprint, origin) VALUES (?, ?)",
                (fingerprint, json.dumps(fields)),
            )

    def add_suite(self, suite: Suite) -> None:
        """Note what a suite compares; the newest declaration of a name counts, an equal one is not repeated."""
        content = json.dumps([variant.to_json() for variant in suite.members])
        with self._transaction() as connection:
            _add_unless_last(connection, "suites", "name", suite.name, content)

    def add_plans(self, plans: Iterable[PlannedSuite]) -> None:
        """Note what a run compares, all of it or nothing; a plan that is its suite's newest already is not repeated."""
        with self._transaction() as connection:
            for plan in plans:
                _add_unless_last(connection, "plans", "suite", plan.suite.name, plan.to_json())

    def add_record(self, record: Record, *, replace: bool = False) -> None:
        """Add a finished trial. Of two results of one trial the first stands, unless the second is to `replace` it.

        A replaced result is kept, and no longer read; a failure never replaces a result.
        """
        predictions = record.predictions.to_bytes() if record.predictions else None
        key, status = record.trial.key, record.status
        with self._transaction() as connection:
            known = connection.execute("SELECT 1 FROM trials WHERE key = ? AND status <> 'failed'", (key,)).fetchone()
            if known and not (replace and status != "failed"):
                return
            connection.execute(
                "INSERT INTO trials (run, key, status, record, predictions) VALUES (?, ?, ?, ?, ?)",
                (self._run(), key, status, record.to_json(), predictions),
            )

    def add_search_try(self, search: str, number: int, content: str) -> None:
        """Note a point that an oracle chose, before it is tried; the first content of a number stands."""
        with self._transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO search_tries VALUES (?, ?, ?)", (search, number, content))

    def add_search(self, suite: str, winner: Variant, note: str, content: str) -> None:
        """Note how a search ended whose winner a suite compares; an equal ending is not repeated."""
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT content FROM searches WHERE suite = ? ORDER BY id DESC LIMIT 1", (suite,)
            ).fetchone()
            if row is None or row[0] != content:
                connection.execute(
                    "INSERT INTO searches (suite, winner, note, content) VALUES (?, ?, ?, ?)",
                    (suite, winner.to_json(), note, content),
                )

    def add_step_times(self, step_times: StepTimes) -> None:
        """Add a timing run; of several of one key the newest is read."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO timings (run, key, step_times) VALUES (?, ?, ?)",
                (self._run(), step_times.key, step_times.to_json()),
            )

    def records(self) -> dict[str, Record]:
        """Return each trial's result by its key, the tries of searches too."""
        records: dict[str, Record] = {}
        for _, _, text, blob in self.trial_rows():
            keep_newest(records, Record.from_json(text, StoredPredictions(blob) if blob else None))
        return records

    def trial_rows(self, *, after: int = 0) -> Iterator[tuple[int, int, str, bytes | None]]:
        """Yield the trials added after a row: number of the row and of its run, record, predictions."""
        return self._iterate("SELECT id, run, record, predictions FROM trials WHERE id > ? ORDER BY id", after)

    def timing_rows(self, *, after: int = 0) -> Iterator[tuple[int, int, str]]:
        """Yield the timing runs added after a row: number of the row and of its run, step times."""
        return self._iterate("SELECT id, run, step_times FROM timings WHERE id > ? ORDER BY id", after)

    def runs(self) -> dict[int, Provenance]:
        """Return where rows were made, by the number of their run."""
        return {number: Provenance.from_json(text) for number, text in self._read("SELECT id, provenance FROM runs")}

    def plans(self) -> tuple[PlannedSuite, ...]:
        """Return what runs compared, the oldest first."""
        if not self._has("plans"):
            return ()  # a folder that an older version began
        return tuple(PlannedSuite.from_json(*row) for row in self._read("SELECT suite, content FROM plans ORDER BY id"))

    def test_sets(self) -> dict[tuple[str, int | None], TestSet]:
        """Return the test labels by dataset fingerprint and cap on images."""
        rows = self._read("SELECT fingerprint, max_images, classes, labels FROM test_sets")
        return {
            (fingerprint, cap or None): TestSet.from_stored(classes, labels)
            for fingerprint, cap, classes, labels in rows
        }

    def datasets(self) -> dict[str, Origin]:
        """Return where each dataset is from, by its fingerprint; the one used last is last."""
        if not self._has("datasets"):
            return {}
        rows = self._read("SELECT fingerprint, origin FROM datasets ORDER BY id")
        return {
            fingerprint: read_as(Origin, parse_json(text), "dataset", directory=None, cache=None)
            for fingerprint, text in rows
        }

    def suites(self) -> tuple[Suite, ...]:
        """Return the newest declaration of each suite, in the order in which they first came."""
        rows = self._read("SELECT name, content FROM suites ORDER BY id")
        newest = {name: read_value(tuple[Variant, ...], parse_json(content), f"suite {name}") for name, content in rows}
        if empty := [name for name, members in newest.items() if not members]:
            raise InputError(f"suite {empty[0]} has no baseline")
        return tuple(Suite(name, members[1:], members[0]) for name, members in newest.items())

    def search_tries(self, search: str) -> dict[int, str]:
        """Return what a search's oracle chose so far, by number."""
        with self._mutex, readable_errors(self.path):
            query = "SELECT number, content FROM search_tries WHERE search = ? ORDER BY number"
            return dict(self._connection.execute(query, (search,)).fetchall())

    def searches(self) -> dict[str, str]:
        """Return how the newest search of each suite ended."""
        return dict(self._read("SELECT suite, content FROM searches ORDER BY id"))

    def selections(self) -> dict[str, Selection]:
        """Return which variant of a suite a search chose, and how; the newest search of each suite counts."""
        if not self._has("searches"):
            return {}  # a folder begun before there were searches
        rows = self._read("SELECT suite, winner, note FROM searches ORDER BY id")
        return {suite: Selection(Variant.from_json(winner), note) for suite, winner, note in rows}

    def _run(self) -> int:
        if self._run_id is None:
            raise RuntimeError("begin_run comes before the first row")
        return self._run_id

    def _read(self, query: str) -> list[tuple[Any, ...]]:
        with self._mutex, readable_errors(self.path):
            return self._connection.execute(query).fetchall()

    def _iterate(self, query: str, *values: Any) -> Iterator[Any]:
        with self._mutex, readable_errors(self.path):
            yield from self._connection.execute(query, values)

    def _has(self, table: str) -> bool:
        return bool(self._read(f"SELECT name FROM sqlite_master WHERE name = '{table}'"))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._mutex, readable_errors(self.path), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection


def _add_unless_last(connection: sqlite3.Connection, table: str, column: str, name: str, content: str) -> None:
    row = connection.execute(
        f"SELECT content FROM {table} WHERE {column} = ? ORDER BY id DESC LIMIT 1", (name,)
    ).fetchone()
    if row is None or row[0] != content:
        connection.execute(f"INSERT INTO {table} ({column}, content) VALUES (?, ?)", (name, content))


def keep_newest(records: dict[str, Record], record: Record) -> bool:
    """Put a record last where it counts, and return whether it does: a failure never replaces a result."""
    known = records.get(record.trial.key)
    if record.status == "failed" and known is not None and known.status != "failed":
        return False
    records.pop(record.trial.key, None)
    records[record.trial.key] = record
    return True
