"""What of a store is intact, and a new store of it. A damaged one is only read, and from a copy."""

from __future__ import annotations

import contextlib
import io
import mmap
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError, InputError
from harness.results.carving import Found, carve
from harness.results.contents import CONTENTS
from harness.results.foreign import limit, refuse_foreign_journal
from harness.results.opening import has_store, lock_folder, read_store
from harness.results.rewriting import write_store
from harness.results.rows import Row, check_structure, made_row, missing_name, row_columns, row_name, text_of
from harness.results.schema import STORE_ERRORS, STORE_NAME, DamagedStoreError, NewerStoreError, readable_errors
from harness.wording import counted

_BLOCK = 4096
_LONGEST_FILLED = 2**36
# Of an older store whose end is not known: so many numbers without a row are its end.
_GAP = 1000


@dataclass(frozen=True, eq=False)
class Examination:
    """What a store was found to hold.

    Attributes:
        fault: What is wrong with it; empty when it is intact.
        counts: How many rows of each table are intact.
        lost: What is not, by name.
        rows: The intact rows of a damaged store, in an order in which they can be written.
    """

    fault: str
    counts: Mapping[str, int]
    lost: Sequence[str] = ()
    rows: Sequence[Row] = ()

    @property
    def contents(self) -> str:
        """What is intact, for people."""
        names = {"trials": "trial", "timings": "timing run", "runs": "run", "suites": "suite", "plans": "plan"}
        return ", ".join(counted(self.counts[table], name) for table, name in names.items())


def examine(folder: Path) -> Examination:
    """Read everything in a store as tables and reports do, and where that fails, row by row.

    Raises:
        InputError: There is no store, or it is newer than this program, or none of its.
    """
    try:
        with read_store(folder) as store:
            counts = dict.fromkeys(CONTENTS, 0)
            for row in store.readable_rows():
                counts[row.table] += 1
            with readable_errors(store.path):
                check_structure(store.connection, store.version)
        return Examination("", counts)
    except NewerStoreError:
        raise
    except HarnessError as caught:
        error = caught
    if not has_store(folder):
        raise error
    with tempfile.TemporaryDirectory(prefix="cnn-harness-") as scratch:
        examination = _examined(_copied(folder / STORE_NAME, Path(scratch)), getattr(error, "what", str(error)))
    if not examination.rows and not isinstance(error, DamagedStoreError):
        raise error
    return examination


def salvage(folder: Path, into: Path) -> Examination:
    """Write a new store of what is intact in another, and return what that was.

    Args:
        folder: Holds the store; nothing in it is changed.
        into: A folder without one, made where it is missing.

    Raises:
        InputError: There is no store to read, or one is in `into` already.
        HarnessError: Nothing is intact, or nothing can be written.
    """
    _refuse_store(into)
    found = examine(folder)
    if not any(found.counts.values()):
        raise HarnessError(f"{folder / STORE_NAME}: nothing in it can be read ({found.fault}); {into} was not written")
    lock = lock_folder(into)
    try:
        _refuse_store(into)
        if found.fault:
            write_store(into / STORE_NAME, found.rows)
        else:
            with read_store(folder) as store:
                write_store(into / STORE_NAME, store.readable_rows())
    finally:
        lock.release()
    return found


def _refuse_store(folder: Path) -> None:
    if (folder / STORE_NAME).exists():
        raise InputError(f"{folder} holds a store already, and nothing is overwritten: name a new folder")


def _copied(path: Path, scratch: Path) -> Path:
    """Copy a store and its journal, and let SQLite take back there what was not ended."""
    refuse_foreign_journal(path)
    for ending in ("", "-journal", "-wal"):
        source = path.with_name(path.name + ending)
        if source.is_file():
            with source.open("rb", buffering=0) as read, (scratch / source.name).open("wb") as written:
                for start in range(0, source.stat().st_size, _BLOCK):
                    written.seek(start)
                    written.write(_block(read, start))
    copy = scratch / path.name
    with contextlib.suppress(*STORE_ERRORS), contextlib.closing(sqlite3.connect(copy)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return copy


def _block(file: io.FileIO, start: int) -> bytes:
    """Return a block of a file, or zeros where the disk cannot read it."""
    try:
        file.seek(start)
        return file.read(_BLOCK)
    except OSError:
        return bytes(_BLOCK)


def _examined(copy: Path, fault: str) -> Examination:
    with copy.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = carve(data)
    if not any(found.rows.values()):
        found = _older(copy)
    lost = [f"{row_name(row)}, as far as it can be read" for row in found.damaged.values()]
    lost += [missing_name(table, numbers) for table, numbers in found.missing.items() if numbers]
    lost += [f"what there was after row {end} of {table}" for table, end in found.ends.items() if found.rows[table]]
    rows = []
    for table, read in CONTENTS.items():
        for _, row in sorted(found.rows.get(table, {}).items()):
            try:
                if not row.is_intact:
                    raise ValueError("a text is not UTF-8, or a value of another type than its column")
                read(row)
            except Exception as error:  # whatever a file holds
                lost.append(f"{row_name(row)}: {error}")
            else:
                rows.append(row)
    runs = {row.number for row in rows if row.table == "runs"}
    strayed = [row for row in rows if row.table in ("trials", "timings") and row["run"] not in runs]
    if strayed:
        lost.append(f"machine and commit of {counted(len(strayed), 'row')} of trials and timings, which are kept")
    counts = {table: sum(row.table == table for row in rows) for table in CONTENTS}
    return Examination(fault, counts, lost, rows)


def _older(copy: Path) -> Found:
    """Return the rows of a store without checksums, each asked for alone: a damaged page costs its own."""
    found = Found({}, {}, {}, {})
    _fill_up(copy)
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        connection.text_factory = text_of
        try:
            limit(connection)
            present = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        except STORE_ERRORS:
            return found  # nothing says where a table begins
        for table in CONTENTS.keys() & present:
            _find_older(connection, table, found)
    return found


def _fill_up(copy: Path) -> None:
    """Make a store that was cut as long as it was, with zeros: SQLite opens no other."""
    with copy.open("r+b") as file:
        header = file.read(100)
        size, pages = int.from_bytes(header[16:18]), int.from_bytes(header[28:32])
        if copy.stat().st_size < size * pages <= _LONGEST_FILLED:
            file.truncate(size * pages)


def _find_older(connection: sqlite3.Connection, table: str, found: Found) -> None:
    rows: dict[int, Row] = {}
    failed: set[int] = set()
    try:
        last = connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0
    except STORE_ERRORS:
        last = None
    query = f"SELECT {row_columns(table, version=0)} FROM {table} WHERE rowid = ?"
    number = end = 0
    while number < (end + _GAP if last is None else last):
        number += 1
        try:
            selected = connection.execute(query, (number,)).fetchone()
        except STORE_ERRORS:
            failed.add(number)
            continue
        if selected:
            rows[number], end = made_row(table, selected), number
    if last is None:
        last = found.ends[table] = end
    found.rows[table], found.missing[table] = rows, {number for number in failed if number <= last}
