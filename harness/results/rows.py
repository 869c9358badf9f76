"""Rows of a store: added with a number and a checksum, and checked whenever they are read."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError
from harness.results.schema import CHECKED_SINCE, TABLES, TALLIES
from harness.variants import Variant

Value = int | str | bytes | float | None

# Read at once: between two portions a writer can end its transaction, which waits for readers.
_PORTION = 200

_KINDS = {"TEXT": str, "INTEGER": int, "BLOB": bytes}
# SQLite keeps any value in any column: what may stand in each.
_ALLOWED = {
    table: tuple(
        (_KINDS[kind.split()[0]],) if "NOT NULL" in kind else (_KINDS[kind.split()[0]], type(None))
        for kind in columns.values()
    )
    for table, columns in TABLES.items()
}
_PLACES = {table: {column: place for place, column in enumerate(columns)} for table, columns in TABLES.items()}


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        table: Whose.
        number: From 1, without gaps in the order in which rows were added.
        values: Of the columns, without number and checksum.
        checksum: As stored; None in a store older than checksums.
    """

    table: str
    number: int
    values: tuple[Value, ...]
    checksum: str | None

    @property
    def is_intact(self) -> bool:
        """Whether it is as it was written, as far as its store can tell: of the types of its columns, at least."""
        if not all(map(isinstance, self.values, _ALLOWED[self.table])):
            return False
        wanted = row_checksum(self.table, self.number, self.values)
        return wanted is not None and self.checksum in (None, wanted)

    def __getitem__(self, column: str) -> Any:
        return self.values[_PLACES[self.table][column]]


def row_checksum(table: str, number: int, values: Sequence[Value]) -> str | None:
    """Return 16 hexadecimal digits of a row's place and content; None where a text is none in UTF-8."""
    digest = hashlib.blake2b(f"{table} {number}".encode(), digest_size=8)
    for value in values:
        try:
            data = value if isinstance(value, bytes) else str(value).encode()
        except UnicodeEncodeError:
            return None
        digest.update(f" {type(value).__name__} {len(data)} ".encode())
        digest.update(data)
    return digest.hexdigest()


def text_of(data: bytes) -> str:
    """Return a column's text; bytes that are none in UTF-8 stay recognisable, where SQLite would refuse the row."""
    return data.decode("utf-8", "surrogateescape")


def insert_row(connection: sqlite3.Connection, table: str, *values: Value) -> int:
    """Add a row inside the caller's transaction and return its number.

    Raises:
        sqlite3.DatabaseError: The table is damaged, or nothing can be written.
    """
    place = list(TABLES).index(table) + 1
    number = tallies(connection, place)[table] + 1
    marks = ", ".join("?" * (len(values) + 2))
    connection.execute(f"INSERT INTO {table} VALUES ({marks})", (number, *values, row_checksum(table, number, values)))
    connection.execute(
        f"UPDATE {TALLIES} SET rows = ?, checksum = ? WHERE id = ?",
        (number, row_checksum(TALLIES, place, (table, number)), place),
    )
    return number


def begin_tallies(connection: sqlite3.Connection) -> None:
    """Note that every table is empty."""
    for place, table in enumerate(TABLES, 1):
        if table != TALLIES:
            values = (place, table, 0, row_checksum(TALLIES, place, (table, 0)))
            connection.execute(f"INSERT INTO {TALLIES} VALUES (?, ?, ?, ?)", values)


def tallies(connection: sqlite3.Connection, place: int | None = None) -> dict[str, int]:
    """Return how many rows each table has, or the one at a place: together they are one instant of the store.

    Raises:
        sqlite3.DatabaseError: The counts are damaged.
    """
    wanted = {number: table for number, table in enumerate(TABLES, 1) if table != TALLIES and place in (None, number)}
    found = {}
    which = "" if place is None else f" WHERE id = {place}"
    for number, table, rows, checksum in connection.execute(f"SELECT id, name, rows, checksum FROM {TALLIES}{which}"):
        if Row(TALLIES, number, (table, rows), checksum).is_intact:
            found[table] = rows
    lacking = set(wanted.values()) - found.keys()
    if lacking:
        raise sqlite3.DatabaseError(f"the number of rows of {', '.join(sorted(lacking))} cannot be told")
    return found


def check_structure(connection: sqlite3.Connection, version: int) -> None:
    """Check that SQLite finds no fault in the pages, and that each table ends where its count says.

    It takes a thirtieth of the time that reading takes, which checks each row besides.

    Raises:
        sqlite3.DatabaseError: Something is wrong.
    """
    fault = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    if fault != "ok":
        raise sqlite3.DatabaseError(fault)
    for table, count in tallies(connection).items() if version >= CHECKED_SINCE else ():
        last = connection.execute(f"SELECT max(id) FROM {table}").fetchone()[0] or 0
        if last != count:
            raise sqlite3.DatabaseError(f"{table} ends at row {last}, where {count} were written")


def last_numbers(connection: sqlite3.Connection, version: int) -> dict[str, int]:
    """Return the number of each table's last row; tables that an older store lacks have none.

    Raises:
        sqlite3.DatabaseError: The store is damaged.
    """
    if version >= CHECKED_SINCE:
        return tallies(connection)
    present = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    names = [name for name in TABLES if name != TALLIES]
    counts = (f"(SELECT max(rowid) FROM {name})" if name in present else "0" for name in names)
    numbers = connection.execute(f"SELECT {', '.join(counts)}").fetchone()
    return {name: number or 0 for name, number in zip(names, numbers, strict=True)}


def stored_rows(connection: sqlite3.Connection, version: int, table: str, after: int, last: int) -> Iterator[Row]:
    """Yield the rows of a table from `after`, exclusive, to `last`, inclusive, in their order, damaged ones too."""
    columns = row_columns(table, version=version)
    query = f"SELECT {columns} FROM {table} WHERE rowid > ? AND rowid <= ? ORDER BY rowid LIMIT ?"
    while after < last:
        portion = connection.execute(query, (after, last, _PORTION)).fetchall()
        if not portion:
            return
        for found in portion:
            if found[0] <= after:
                raise sqlite3.DatabaseError(f"the rows of {table} are out of order")
            after = found[0]
            yield made_row(table, found)


def row_columns(table: str, *, version: int) -> str:
    """Return what to select for `made_row`."""
    checksum = "checksum" if version >= CHECKED_SINCE else "NULL"
    return ", ".join(("rowid", *TABLES[table], checksum))


def made_row(table: str, found: Sequence[Any]) -> Row:
    """Return the row of what was selected."""
    return Row(table, found[0], tuple(found[1:-1]), found[-1])


def row_name(row: Row) -> str:
    """Return how people know a row: what it is about, as far as that can be read, and where it stands."""
    place = f"row {row.number} of {row.table}"
    about = _about(row)
    return f"{about} ({place})" if about else place


def missing_name(table: str, numbers: Iterable[int]) -> str:
    """Return how rows are named of which nothing is left."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    named = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in spans)
    return f"row{'s' * (len(spans) > 1 or spans[0][0] != spans[0][1])} {named} of {table}"


def _about(row: Row) -> str:
    try:
        if row.table == "trials":
            return f"the trial {_variant(row['record'], 'variant')} seed {_SEED.findall(row['record'])[0]}"
        if row.table == "timings":
            names = [_variant(row["step_times"], name) for name in ("variant", "baseline")]
            return f"the step time of {names[0]} against {names[1]}"
        if row.table in ("suites", "plans", "searches"):
            return json.dumps(str(row.values[0])[:80])
    except (HarnessError, ValueError, TypeError, IndexError, RecursionError):
        pass  # too damaged to say
    return ""


# By its pattern, since a damaged text may be no JSON any more.
_SEED = re.compile(r'"seed": (\d{1,9})')


def _variant(text: str, name: str) -> str:
    found = re.findall(rf'"{name}": ("(?:[^"\\]|\\.)*")', text)
    return Variant.from_json(json.loads(found[0])).name
