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
from harness.files import ignore_in_git, replace_text, replaced, unwritable
from harness.locks import NO_LOCKS, lock_file
from harness.results.foreign import limit, refuse_foreign_journal, refuse_foreign_schema
from harness.results.rewriting import write_store
from harness.results.rows import check_structure, text_of
from harness.results.schema import (
    CHECKED_SINCE,
    OLDEST_VERSION,
    SCHEMA_VERSION,
    STORE_NAME,
    TALLIES,
    DamagedStoreError,
    NewerStoreError,
    create_statements,
    readable_errors,
)
from harness.results.store import Store

BUSY_TIMEOUT_S = 30.0

_ELSEWHERE = "make it writable, or give --results another folder"
_NO_LOCKS = (
    "its file system keeps no locks, so that two runs could write at once: give --results a folder on another file "
    "system"
)


def open_store(folder: Path) -> Store:
    """Open a results folder for writing, making it if need be; one process at a time.

    Raises:
        InputError: The folder cannot be written, another process writes into it, or its store is damaged or newer.
        HarnessError: Its disk is full or fails.
    """
    path = folder / STORE_NAME
    lock = lock_folder(folder)
    try:
        if not has_store(folder):
            write_store(path, ())
        _bring_up_to_date(path)
        store = Store(path, _connect(path, "rw"), SCHEMA_VERSION, lock)
        try:
            with readable_errors(path):
                check_structure(store.connection, store.version)
        except BaseException:
            store.connection.close()
            raise
    except BaseException as error:
        lock.release()
        if isinstance(error, OSError):
            raise unwritable(path, error, elsewhere=_ELSEWHERE) from None
        raise
    return store


def read_store(folder: Path) -> Store:
    """Open a results folder for reading, also while a sweep writes into it: what is read is a valid snapshot.

    Raises:
        InputError: There is no store in the folder, or it is damaged or newer than this program.
    """
    path = folder / STORE_NAME
    if (size := _size(path)) is None:
        raise InputError(f"{folder} holds no results ({STORE_NAME} is missing): run `pytest suites --benchmark` first")
    if not size:
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
    return bool(_size(folder / STORE_NAME))


def lock_folder(folder: Path) -> filelock.FileLock:
    """Make a results folder where it is missing, and keep other writers out of it until the lock is released.

    Raises:
        InputError: Another process writes into it, or it cannot be written.
        HarnessError: Its disk is full or fails.
    """
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            ignore_in_git(folder)
        lock = lock_file(folder / "harness.lock", timeout_s=0)
        try:
            replace_text(folder / "harness.lock.owner", f"process {os.getpid()}, since {datetime.now():%H:%M:%S}")
        except BaseException:
            lock.release()
            raise
    except filelock.Timeout:
        raise InputError(
            f"{folder} is being written by another run{_writer(folder)}: wait for it, or give --results another folder"
        ) from None
    except OSError as error:
        raise unwritable(folder, error, elsewhere=_NO_LOCKS if error.errno in NO_LOCKS else _ELSEWHERE) from None
    return lock


def _size(path: Path) -> int | None:
    """Return the size of a store in bytes, None where there is none; InputError where we may not look."""
    try:
        return path.stat().st_size if path.is_file() else None
    except PermissionError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}): whoever owns {path.parent} may let you, or copy it for you"
        ) from None


def _opened_to_read(path: Path) -> Store:
    """Open a store's file for reading, whatever its folder is; raises as `read_store` does."""
    connection = _connect(path, "ro")
    try:
        return Store(path, connection, _checked_version(path, connection), None)
    except BaseException:
        connection.close()
        raise


def _writer(folder: Path) -> str:
    owner = folder / "harness.lock.owner"
    try:
        return f" ({owner.read_text()})" if owner.is_file() else ""
    except OSError:
        return ""


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
    connection.text_factory = text_of
    return connection


def _checked_version(path: Path, connection: sqlite3.Connection) -> int:
    with readable_errors(path):
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        made = dict(connection.execute("SELECT name, sql FROM sqlite_master"))
        refuse_foreign_schema(path, connection)
    if version > SCHEMA_VERSION:
        raise NewerStoreError(
            f"{path} has schema {version}, this program knows {SCHEMA_VERSION}: it was written by a newer version; "
            "upgrade cnn-harness, or give --results another folder"
        )
    if version < OLDEST_VERSION or not made.keys() & {"trials", TALLIES}:
        raise InputError(f"{path} is not a store of this program: move it away, or give --results another folder")
    if version >= CHECKED_SINCE and set(made.values()) != set(create_statements()):
        raise DamagedStoreError(path, "its tables are not as this program makes them")
    return version


def _bring_up_to_date(path: Path) -> None:
    """Turn an older store into a present one, all at once, after a copy of it was made beside it."""
    # To write: what a killed process left half done is taken back first.
    with contextlib.closing(_connect(path, "rw")) as connection:
        version = _checked_version(path, connection)
        if version == SCHEMA_VERSION:
            return
        # Until now nothing vouches for its rows; from now on their checksums do.
        with readable_errors(path):
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise DamagedStoreError(path, found)
        copy = path.with_name(f"{path.name}.schema-{version}")
        try:
            with replaced(copy) as scratch:
                shutil.copyfile(path, scratch)
        except OSError as error:
            raise unwritable(
                copy,
                error,
                elsewhere="a copy must be made before the store is brought up to date; give --results another folder",
            ) from None
        write_store(path, Store(path, connection, version, None).readable_rows())
