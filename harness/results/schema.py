"""The tables of a store, and how its errors are told."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import HarnessError, InputError

STORE_NAME = "harness.sqlite"
SCHEMA_VERSION = 1

SCHEMA = """
CREATE TABLE runs (id INTEGER PRIMARY KEY, provenance TEXT NOT NULL);
CREATE TABLE trials (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs (id), key TEXT NOT NULL, status TEXT NOT NULL,
    record TEXT NOT NULL, predictions BLOB
);
CREATE UNIQUE INDEX one_result_a_trial ON trials (key) WHERE status <> 'failed';
CREATE TABLE timings (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs (id), key TEXT NOT NULL, step_times TEXT NOT NULL
);
CREATE TABLE test_sets (
    fingerprint TEXT NOT NULL, max_images INTEGER NOT NULL, classes TEXT NOT NULL, labels BLOB NOT NULL,
    PRIMARY KEY (fingerprint, max_images)
);
CREATE TABLE suites (id INTEGER PRIMARY KEY, name TEXT NOT NULL, content TEXT NOT NULL);
CREATE TABLE search_tries (
    search TEXT NOT NULL, number INTEGER NOT NULL, content TEXT NOT NULL, PRIMARY KEY (search, number)
);
CREATE TABLE searches (
    id INTEGER PRIMARY KEY, suite TEXT NOT NULL, winner TEXT NOT NULL, note TEXT NOT NULL, content TEXT NOT NULL
);
"""


# What later versions added: made at each opening for writing, and missing in a store that only an older one wrote.
ADDED = "CREATE TABLE IF NOT EXISTS datasets (id INTEGER PRIMARY KEY, fingerprint TEXT UNIQUE, origin TEXT NOT NULL);"


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into messages that name the file and what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
            raise HarnessError(
                f"{path}: {error}; records added before this are intact; check free space and permissions"
            ) from error
        raise InputError(
            f"{path} is damaged ({error}): it was left as it is; salvage what is readable with "
            f"`sqlite3 {path.name} .recover`, move it away, or give --results another folder"
        ) from error
