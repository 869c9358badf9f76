"""The tables of a store, and how what is wrong with one is told.

Every row carries its number and a checksum, and `tallies` holds how many rows each other table has: a row that is
damaged, missing or moved is found whenever it is read. Rows are added, never changed nor removed, so that no table
needs an index, and what was there at one instant is read later by its numbers.
"""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import HarnessError, InputError
from harness.files import disk_of

STORE_NAME = "harness.sqlite"
SCHEMA_VERSION = 3
OLDEST_VERSION = 1
CHECKED_SINCE = 3
"""The version whose rows have checksums. What changed before: version 2 allowed several results of one trial."""

TALLIES = "tallies"

STORE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite raises; the second where its message quotes bytes of a damaged file that are no text."""

# Names and types of each table's columns, between its first (id) and its last (checksum).
TABLES: dict[str, dict[str, str]] = {
    "runs": {"provenance": "TEXT NOT NULL"},
    "trials": {
        "run": "INTEGER NOT NULL REFERENCES runs (id)",
        "key": "TEXT NOT NULL",
        "status": "TEXT NOT NULL",
        "record": "TEXT NOT NULL",
        "predictions": "BLOB",
    },
    "timings": {
        "run": "INTEGER NOT NULL REFERENCES runs (id)",
        "key": "TEXT NOT NULL",
        "step_times": "TEXT NOT NULL",
    },
    "test_sets": {
        "fingerprint": "TEXT NOT NULL",
        "max_images": "INTEGER NOT NULL",
        "classes": "TEXT NOT NULL",
        "labels": "BLOB NOT NULL",
    },
    "suites": {"name": "TEXT NOT NULL", "content": "TEXT NOT NULL"},
    "plans": {"suite": "TEXT NOT NULL", "content": "TEXT NOT NULL"},
    "datasets": {"fingerprint": "TEXT NOT NULL", "origin": "TEXT NOT NULL"},
    "search_tries": {"search": "TEXT NOT NULL", "number": "INTEGER NOT NULL", "content": "TEXT NOT NULL"},
    "searches": {
        "suite": "TEXT NOT NULL",
        "winner": "TEXT NOT NULL",
        "note": "TEXT NOT NULL",
        "content": "TEXT NOT NULL",
    },
    TALLIES: {"name": "TEXT NOT NULL", "rows": "INTEGER NOT NULL"},
}


class DamagedStoreError(InputError):
    """A store that is not as it was written: it is left as it is, and nothing of it is shown.

    Attributes:
        what: What is wrong with it.
    """

    def __init__(self, path: Path, what: str) -> None:
        folder = shlex.quote(str(path.parent))
        super().__init__(
            f"{path} is damaged ({what}): it was left as it is. `harness store check --results {folder}` says what of "
            f"it is intact, `harness store salvage --results {folder} --into NEW_FOLDER` takes that into a new store"
        )
        self.what = what


class NewerStoreError(InputError):
    """A store that a newer version of this program wrote."""


def create_statements() -> list[str]:
    """Return the SQL that makes the tables of an empty store."""
    return [
        f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, "
        + ", ".join(f"{column} {kind}" for column, kind in columns.items())
        + ", checksum TEXT NOT NULL)"
        for name, columns in TABLES.items()
    ]


_KEPT = "records added before this are intact, and the same command goes on from there"


@contextmanager
def readable_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into messages that name the file and its disk, and say what to do."""
    try:
        yield
    except STORE_ERRORS as error:
        kind = getattr(error, "sqlite_errorname", "").removeprefix("SQLITE_")
        if kind.startswith(("FULL", "IOERR")):
            remedy = "free some space" if kind == "FULL" else "look whether the disk is well"
            reason = str(error) if kind == "FULL" else f"{error}, {kind}"
            raise HarnessError(
                f"{path} cannot be written or read ({reason}; {disk_of(path)}): {remedy}; {_KEPT}"
            ) from error
        if kind == "READONLY_DBMOVED":
            raise HarnessError(
                f"{path} was moved, replaced or removed while this run wrote it: give --results the folder that has it "
                "now, and the same command goes on from what was stored; if it is gone, it starts anew"
            ) from error
        if kind.startswith(("READONLY", "CANTOPEN", "PERM", "AUTH")):
            raise HarnessError(
                f"{path} cannot be opened or written ({error}; {disk_of(path)}): check its permissions and those of "
                f"its folder; {_KEPT}"
            ) from error
        if kind.startswith(("BUSY", "LOCKED")):
            raise HarnessError(f"{path} is held by another program ({error}): end it; {_KEPT}") from error
        raise DamagedStoreError(path, str(error)) from error
