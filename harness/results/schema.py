"""The tables of a store, how an older one becomes a present one, and how its errors read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import HarnessError, InputError

STORE_NAME = "harness.sqlite"
SCHEMA_VERSION = 2

SCHEMA = """
CREATE TABLE runs (id INTEGER PRIMARY KEY, provenance TEXT NOT NULL);
CREATE TABLE trials (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs (id), key TEXT NOT NULL, status TEXT NOT NULL,
    record TEXT NOT NULL, predictions BLOB
);
CREATE INDEX trial_keys ON trials (key);
CREATE TABLE timings (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs (id), key TEXT NOT NULL, step_times TEXT NOT NULL
);
CREATE TABLE test_sets (
    fingerprint TEXT NOT NULL, max_images INTEGER NOT NULL, classes TEXT NOT NULL, labels BLOB NOT NULL,
    PRIMARY KEY (fingerprint, max_images)
);
CREATE TABLE suites (id INTEGER PRIMARY KEY, name TEXT NOT NULL, content TEXT NOT NULL);
CREATE TABLE plans (id INTEGER PRIMARY KEY, suite TEXT NOT NULL, content TEXT NOT NULL);
CREATE TABLE datasets (id INTEGER PRIMARY KEY, fingerprint TEXT UNIQUE, origin TEXT NOT NULL);
CREATE TABLE search_tries (
    search TEXT NOT NULL, number INTEGER NOT NULL, content TEXT NOT NULL, PRIMARY KEY (search, number)
);
CREATE TABLE searches (
    id INTEGER PRIMARY KEY, suite TEXT NOT NULL, winner TEXT NOT NULL, note TEXT NOT NULL, content TEXT NOT NULL
);
"""

# What turns a store of the version before into one of this version: statements by the version they start from.
MIGRATIONS = {
    1: """
CREATE TABLE IF NOT EXISTS search_tries (
    search TEXT NOT NULL, number INTEGER NOT NULL, content TEXT NOT NULL, PRIMARY KEY (search, number)
);
CREATE TABLE IF NOT EXISTS searches (
    id INTEGER PRIMARY KEY, suite TEXT NOT NULL, winner TEXT NOT NULL, note TEXT NOT NULL, content TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS plans (id INTEGER PRIMARY KEY, suite TEXT NOT NULL, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS datasets (id INTEGER PRIMARY KEY, fingerprint TEXT UNIQUE, origin TEXT NOT NULL);
DROP INDEX IF EXISTS one_result_a_trial;
CREATE INDEX IF NOT EXISTS trial_keys ON trials (key);
"""
}


@contextmanager
def readable_errors(path: Path) -> Iterator[None]:
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
