"""Opening a store: by one writer, or by any number of readers."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from datetime import datetime
from pathlib import Path

import filelock

from harness.errors import HarnessError, InputError
from harness.files import replaced
from harness.results.foreign import limit, refuse_foreign_journal, refuse_foreign_schema
from harness.results.schema import MIGRATIONS, SCHEMA, SCHEMA_VERSION, STORE_NAME, readable_errors
from harness.results.store import Store

BUSY_TIMEOUT_S = 30.0


def open_store(folder: Path) -> Store:
    """Open a results folder for writing, making it if need be; one process at a time.

    Raises:
        InputError: The folder cannot be written, another process writes into it, or its store is damaged or newer.
    """
    path = folder / STORE_NAME
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            (folder / ".gitignore").write_text("# Made by cnn-harness: keeps results out of git.\n*\n")
        lock = filelock.FileLock(folder / "harness.lock")
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise InputError(
            f"{folder} is being written by another run{_writer(folder)}: wait for it, or give --results another folder"
        ) from None
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written ({error.strerror}): make it writable, or give --results another folder"
        ) from None
    try:
        (folder / "harness.lock.owner").write_text(f"process {os.getpid()}, since {datetime.now():%H:%M:%S}")
        connection = _connect(path, "rwc")
        with readable_errors(path), connection:
            # An empty file is also what a process killed before its first commit leaves.
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        try:
            version = _checked_version(path, connection)
            if version < SCHEMA_VERSION:
                _migrate(path, connection, version)
        except BaseException:
            connection.close()
            raise
    except BaseException:
        lock.release()
        raise
    return Store(path, connection, lock)


def read_store(folder: Path) -> Store:
    """Open a results folder for reading, also while a sweep writes into it: what is read is a valid snapshot.

    Raises:
        InputError: There is no store in the folder, or it is damaged or newer than this program.
    """
    path = folder / STORE_NAME
    if not path.is_file():
        raise InputError(f"{folder} holds no results ({STORE_NAME} is missing): run `pytest suites --benchmark` first")
    if not path.stat().st_size:
        raise InputError(
            f"{folder} holds no results yet ({STORE_NAME} is empty): run `pytest suites --benchmark` first"
        )
    try:
        return _opened_to_read(path)
    except HarnessError as error:
        if getattr(error.__cause__, "sqlite_errorname", "") != "SQLITE_READONLY_ROLLBACK":
            raise
    # A process was killed between a row's last write and the end of its transaction: whoever may write takes it back.
    with contextlib.closing(_connect(path, "rw")) as connection, readable_errors(path):
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return _opened_to_read(path)


def has_store(folder: Path) -> bool:
    """Whether a results folder holds something to read; an empty file is what a run killed at its start leaves."""
    path = folder / STORE_NAME
    return path.is_file() and path.stat().st_size > 0


def _opened_to_read(path: Path) -> Store:
    connection = _connect(path, "ro")
    try:
        _checked_version(path, connection)
    except BaseException:
        connection.close()
        raise
    return Store(path, connection, None)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    refuse_foreign_journal(path)
    with readable_errors(path):
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        limit(connection)
        return connection


def _checked_version(path: Path, connection: sqlite3.Connection) -> int:
    with readable_errors(path):
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'trials'").fetchone()[0]
        refuse_foreign_schema(path, connection)
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{path} has schema {version}, this program knows {SCHEMA_VERSION}: it was written by a newer version; "
            "upgrade cnn-harness, or give --results another folder"
        )
    if version < min(MIGRATIONS) or not tables:
        raise InputError(f"{path} is not a store of this program: move it away, or give --results another folder")
    return version


def _migrate(path: Path, connection: sqlite3.Connection, version: int) -> None:
    """Turn an older store into a present one, all at once, after a copy of it was made beside it."""
    copy = path.with_name(f"{path.name}.schema-{version}")
    try:
        with replaced(copy) as scratch:
            shutil.copyfile(path, scratch)
    except OSError as error:
        raise InputError(
            f"{path} is of an older version, and a copy of it must be made before it is brought up to date: {copy} "
            f"cannot be written ({error.strerror}); free some space, or give --results another folder"
        ) from None
    statements = "".join(MIGRATIONS[step] for step in range(version, SCHEMA_VERSION))
    with readable_errors(path), connection:
        connection.executescript(f"BEGIN IMMEDIATE; {statements} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")


def _writer(folder: Path) -> str:
    try:
        return f" ({(folder / 'harness.lock.owner').read_text()})"
    except OSError:
        return ""
