"""A store that came from elsewhere: what SQLite could be made to do by its file is refused before a row is read."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from harness.errors import InputError

LONGEST_VALUE_BYTES = 2**28
"""The largest text or blob of a row: that of 10,000 epochs, or of 30 million test images, is far below."""

# What SQLite writes at the end of a journal that belongs to a transaction over several files. Rolling one back deletes
# the file that the journal names. A store is one file, and never has such a journal.
_JOURNAL_OF_SEVERAL = bytes.fromhex("d9d505f920a163d7")


def limit(connection: sqlite3.Connection) -> None:
    """Take from a connection what a store never needs: functions in its schema, and rows without end."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")


def refuse_foreign_schema(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a store that holds more than tables of rows: a view or trigger is a program, and its rows may never end.

    Raises:
        InputError: Names what it holds.
    """
    for kind, name, text in connection.execute("SELECT type, name, sql FROM sqlite_master"):
        computed = kind == "table" and _is_computed(connection, str(name), str(text))
        if kind not in ("table", "index") or computed:
            raise InputError(
                f"{path} is not a store of this program: it holds {'a computed table' if computed else f'a {kind}'}, "
                f"{name!r:.60}; move it away, or give --results another folder"
            )


def refuse_foreign_journal(path: Path) -> None:
    """Refuse a store whose journal names another file, which taking it back would delete, or is no file.

    Raises:
        InputError: Names the journal.
    """
    for beside in (path.with_name(f"{path.name}{ending}") for ending in ("-journal", "-wal", "-shm")):
        if beside.exists() and not beside.is_file():  # SQLite would wait for a pipe without end, past Ctrl-C
            raise InputError(f"{beside} is no file, and so not of this program: move it away")
    journal = path.with_name(f"{path.name}-journal")
    if journal.is_file():
        with journal.open("rb") as file:
            file.seek(max(journal.stat().st_size - len(_JOURNAL_OF_SEVERAL), 0))
            if file.read() == _JOURNAL_OF_SEVERAL:
                raise InputError(
                    f"{journal} is not of this program: it names another file, which SQLite would delete; move it away"
                )


def _is_computed(connection: sqlite3.Connection, name: str, text: str) -> bool:
    if text.lstrip().upper().startswith("CREATE VIRTUAL"):
        return True
    quoted = name.replace('"', '""')
    return any(hidden for *_, hidden in connection.execute(f'PRAGMA table_xinfo("{quoted}")'))
