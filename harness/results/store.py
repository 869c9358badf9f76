"""The store: one SQLite file that remembers every finished trial and timing run.

A row is added in one transaction and never changed, so a killed process leaves either the whole row or none
(SQLite's rollback journal sees to it at the next opening). Each is checked when it is read: what is damaged is named,
and nothing of the store is shown. Everything else in a results folder can be made again from this file.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import filelock

from harness.datasets.dataset import Origin
from harness.results.contents import (
    CONTENTS,
    Selection,
    TestSet,
    insert_readable_row,
    origin_of,
    plan_of,
    provenance_of,
    record_of,
    selection_of,
    step_times_of,
    suite_of,
    test_set_of,
)
from harness.results.planned import PlannedSuite
from harness.results.provenance import Provenance
from harness.results.records import Record
from harness.results.rows import (
    Row,
    Value,
    last_numbers,
    missing_name,
    row_name,
    stored_rows,
)
from harness.results.schema import CHECKED_SINCE, TABLES, DamagedStoreError, readable_errors
from harness.results.step_times import StepTimes
from harness.results.writing import to_json
from harness.suites import Suite
from harness.variants import Variant

Read = TypeVar("Read")


class Store:
    """Records and timings of one results folder; safe to share between threads. `open_store` and `read_store` make one.

    Args:
        path: Of the file, for messages.
        connection: To it, for this object alone but for who opens it.
        version: Of its schema.
        lock: What keeps other writers away; None for a reader, which sees the store as it is now, whatever is added.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, version: int, lock: filelock.FileLock | None
    ) -> None:
        self.path = path
        self.version = version
        self.connection = connection
        self._lock = lock
        self._mutex = threading.Lock()
        self._begun: Provenance | None = None
        self._runs_of: dict[Provenance, int] = {}  # each machine of this command
        self._last: Mapping[str, int] | None = None
        if lock is None:
            self._last = self._last_numbers()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and let another process write; what another thread is adding is added first."""
        with self._mutex:
            self.connection.close()
            if self._lock is not None:
                self._lock.release()

    def begin_run(self, provenance: Provenance) -> None:
        """Note the command, machine and commit that the following rows belong to."""
        self._begun, self._runs_of = provenance, {provenance: self._add("runs", provenance.to_json())}

    def add_test_set(self, fingerprint: str, max_images: int | None, test_set: TestSet) -> None:
        """Keep the labels and groups of a dataset's test images; the newest counts, an equal one is not repeated."""
        values = (fingerprint, max_images or 0, *test_set.to_stored())
        with self._transaction() as connection:
            query = "SELECT classes, labels FROM test_sets WHERE fingerprint = ? AND max_images = ? ORDER BY id DESC"
            if connection.execute(query, values[:2]).fetchone() != values[2:]:
                insert_readable_row(connection, "test_sets", *values)

    def add_dataset(self, fingerprint: str, origin: Origin) -> None:
        """Note where a dataset is from; the newest place of a content counts."""
        fields = {name: getattr(origin, name) for name in ("source", "image_size", "skip_unreadable")}
        values = fingerprint, to_json(fields)
        with self._transaction() as connection:
            newest = connection.execute("SELECT fingerprint, origin FROM datasets ORDER BY id DESC LIMIT 1").fetchone()
            if newest != values:
                insert_readable_row(connection, "datasets", *values)

    def add_suite(self, suite: Suite) -> None:
        """Note what a suite compares; the newest declaration of a name counts, an equal one is not repeated."""
        content = to_json([variant.to_json() for variant in suite.members])
        with self._transaction() as connection:
            _add_unless_newest(connection, "suites", suite.name, content)

    def add_plans(self, plans: Iterable[PlannedSuite]) -> None:
        """Note what a run compares, all of it or nothing; a plan that is its suite's newest already is not repeated."""
        with self._transaction() as connection:
            for plan in plans:
                _add_unless_newest(connection, "plans", plan.suite.name, plan.to_json())

    def add_record(self, record: Record) -> None:
        """Add a finished trial. Of several results of one the newest is read; a failure never replaces a result."""
        self.add_records([record])

    def add_records(self, records: Sequence[Record]) -> None:
        """Add finished trials in one transaction: all of them or none.

        What another machine trained than the command's belongs to a run of its own: this command, there.
        """
        begun = self._run()
        rows = [
            (
                begun.on(one.trained_on) if one.trained_on else begun,
                (one.trial.key, one.status, one.to_json(), one.predictions.to_bytes() if one.predictions else None),
            )
            for one in records
        ]
        runs = dict(self._runs_of)
        with self._transaction() as connection:
            for made, row in rows:
                if made not in runs:
                    runs[made] = insert_readable_row(connection, "runs", made.to_json())
                insert_readable_row(connection, "trials", runs[made], *row)
        self._runs_of = runs

    def add_search_try(self, search: str, number: int, content: str) -> None:
        """Note a point that an oracle chose, before it is tried; the first content of a number stands."""
        with self._transaction() as connection:
            query = "SELECT 1 FROM search_tries WHERE search = ? AND number = ?"
            if connection.execute(query, (search, number)).fetchone() is None:
                insert_readable_row(connection, "search_tries", search, number, content)

    def add_search(self, suite: str, winner: Variant, note: str, content: str) -> None:
        """Note how a search ended whose winner a suite compares; an equal ending is not repeated."""
        with self._transaction() as connection:
            _add_unless_newest(connection, "searches", suite, winner.to_json(), note, content)

    def add_step_times(self, step_times: StepTimes) -> None:
        """Add a timing run; of several of one key the newest is read."""
        self._add("timings", self._runs_of[self._run()], step_times.key, step_times.to_json())

    def records(self) -> dict[str, Record]:
        """Return each trial's result by its key, the tries of searches too."""
        records: dict[str, Record] = {}
        for _, record in self.trials():
            keep_newest(records, record)
        return records

    def trials(self, *, after: int = 0, history: bool = True) -> Iterator[tuple[Row, Record]]:
        """Yield the trials added after a row, each with its row, with or without its epochs."""
        return self._each("trials", lambda row: record_of(row, history=history), after=after)

    def timings(self, *, after: int = 0) -> Iterator[tuple[Row, StepTimes]]:
        """Yield the timing runs added after a row, each with its row."""
        return self._each("timings", step_times_of, after=after)

    def runs(self) -> dict[int, Provenance]:
        """Return where rows were made, by the number of their run."""
        return {row.number: provenance for row, provenance in self._each("runs", provenance_of)}

    def plans(self) -> tuple[PlannedSuite, ...]:
        """Return what runs compared, the oldest first; nothing in a store that an older version made."""
        return tuple(plan for _, plan in self._each("plans", plan_of))

    def test_sets(self) -> dict[tuple[str, int | None], TestSet]:
        """Return the test labels by dataset fingerprint and cap on images."""
        found = self._each("test_sets", test_set_of)
        return {(row["fingerprint"], row["max_images"] or None): test_set for row, test_set in found}

    def datasets(self) -> dict[str, Origin]:
        """Return where each dataset is from, by its fingerprint; the one used last is last."""
        found: dict[str, Origin] = {}
        for row, origin in self._each("datasets", origin_of):
            found.pop(row["fingerprint"], None)
            found[row["fingerprint"]] = origin
        return found

    def suites(self) -> tuple[Suite, ...]:
        """Return the newest declaration of each suite, in the order in which they first came."""
        return tuple({suite.name: suite for _, suite in self._each("suites", suite_of)}.values())

    def search_tries(self, search: str) -> dict[int, str]:
        """Return what a search's oracle chose so far, by number."""
        return {row["number"]: row["content"] for row in self.rows("search_tries") if row["search"] == search}

    def searches(self) -> dict[str, str]:
        """Return how the newest search of each suite ended."""
        return {row["suite"]: row["content"] for row in self.rows("searches")}

    def selections(self) -> dict[str, Selection]:
        """Return which variant of a suite a search chose, and how; the newest search of each suite counts."""
        return {row["suite"]: selection for row, selection in self._each("searches", selection_of)}

    def readable_rows(self) -> Iterator[Row]:
        """Yield every row, what comes later in `TABLES` later; each is read as its readers do.

        Raises:
            DamagedStoreError: One cannot be.
        """
        for table, read in CONTENTS.items():
            yield from (row for row, _ in self._each(table, read))

    def rows(self, table: str, *, after: int = 0) -> Iterator[Row]:
        """Yield the rows of a table added after one, in their order.

        Raises:
            DamagedStoreError: A row is damaged or missing; it is named.
        """
        last = (self._last or self._last_numbers())[table]
        found = stored_rows(self.connection, self.version, table, after, last)
        number = after
        while row := self._next(found):
            if self.version >= CHECKED_SINCE and row.number != number + 1:
                raise DamagedStoreError(self.path, f"{missing_name(table, range(number + 1, row.number))} missing")
            if not row.is_intact:
                raise DamagedStoreError(self.path, f"{row_name(row)} is not as it was written")
            number = row.number
            yield row
        if self.version >= CHECKED_SINCE and number < last:
            raise DamagedStoreError(self.path, f"{missing_name(table, range(number + 1, last + 1))} missing")

    @property
    def last_rows(self) -> tuple[int, int]:
        """Numbers of the last rows there are: trials and timing runs."""
        numbers = self._last_numbers()
        return numbers["trials"], numbers["timings"]

    def _next(self, found: Iterator[Row]) -> Row | None:
        with self._mutex, readable_errors(self.path):
            return next(found, None)

    def _each(self, table: str, read: Callable[[Row], Read], *, after: int = 0) -> Iterator[tuple[Row, Read]]:
        for row in self.rows(table, after=after):
            try:
                content = read(row)
            except Exception as error:  # whatever a file holds: the row is named
                raise DamagedStoreError(self.path, f"{row_name(row)} cannot be read: {error}") from error
            yield row, content

    def _run(self) -> Provenance:
        if self._begun is None:
            raise RuntimeError("begin_run comes before the first row")
        return self._begun

    def _last_numbers(self) -> Mapping[str, int]:
        with self._mutex, readable_errors(self.path):
            return last_numbers(self.connection, self.version)

    def _add(self, table: str, *values: Value) -> int:
        with self._transaction() as connection:
            return insert_readable_row(connection, table, *values)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._mutex, readable_errors(self.path), self.connection:
            self.connection.execute("BEGIN IMMEDIATE")
            yield self.connection


def _add_unless_newest(connection: sqlite3.Connection, table: str, name: str, *values: str) -> None:
    """Add a row unless the newest one whose first column is `name` says the same."""
    first, *rest = TABLES[table]
    newest = connection.execute(
        f"SELECT {', '.join(rest)} FROM {table} WHERE {first} = ? ORDER BY id DESC LIMIT 1", (name,)
    ).fetchone()
    if newest != values:
        insert_readable_row(connection, table, name, *values)


def keep_newest(records: dict[str, Record], record: Record) -> bool:
    """Put a record last where it counts, and return whether it does: a failure never replaces a result."""
    known = records.get(record.trial.key)
    if record.status == "failed" and known is not None and known.status != "failed":
        return False
    records.pop(record.trial.key, None)
    records[record.trial.key] = record
    return True
