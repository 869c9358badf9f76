"""Stores as older versions made them, and stores whose rows were changed by a hand that knows of checksums."""

import contextlib
import sqlite3
from pathlib import Path

from harness.results.rows import row_checksum
from harness.results.schema import TABLES

_TABLES = """
CREATE TABLE runs (id INTEGER PRIMARY KEY, provenance TEXT NOT NULL);
CREATE TABLE trials (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs (id), key TEXT NOT NULL, status TEXT NOT NULL,
    record TEXT NOT NULL, predictions BLOB
);
CREATE TABLE timings (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs (id), key TEXT NOT NULL, step_times TEXT NOT NULL
);
CREATE TABLE test_sets (
    fingerprint TEXT NOT NULL, max_images INTEGER NOT NULL, classes TEXT NOT NULL, labels BLOB NOT NULL,
    PRIMARY KEY (fingerprint, max_images)
);
CREATE TABLE suites (id INTEGER PRIMARY KEY, name TEXT NOT NULL, content TEXT NOT NULL);
"""
_SINCE_2 = """
CREATE INDEX trial_keys ON trials (key);
CREATE TABLE plans (id INTEGER PRIMARY KEY, suite TEXT NOT NULL, content TEXT NOT NULL);
CREATE TABLE datasets (id INTEGER PRIMARY KEY, fingerprint TEXT UNIQUE, origin TEXT NOT NULL);
CREATE TABLE search_tries (
    search TEXT NOT NULL, number INTEGER NOT NULL, content TEXT NOT NULL, PRIMARY KEY (search, number)
);
CREATE TABLE searches (
    id INTEGER PRIMARY KEY, suite TEXT NOT NULL, winner TEXT NOT NULL, note TEXT NOT NULL, content TEXT NOT NULL
);
"""
_OF_1 = "CREATE UNIQUE INDEX one_result_a_trial ON trials (key) WHERE status <> 'failed';"


def make_older(path: Path, version: int) -> None:
    """Turn a present store into one of version 1 or 2, which loses what was not kept then."""
    old = path.with_suffix(".older")
    with contextlib.closing(sqlite3.connect(old)) as connection:
        connection.executescript(_TABLES + (_SINCE_2 if version == 2 else _OF_1))
        connection.execute("ATTACH ? AS present", (str(path),))
        for (table,) in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall():
            columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({table})"))
            connection.execute(f"INSERT OR REPLACE INTO main.{table} SELECT {columns} FROM present.{table} ORDER BY id")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.commit()
    old.replace(path)


def seal(path: Path) -> None:
    """Give each row the checksum of what it says now, as who changed it may have done."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for table, columns in TABLES.items():
            for number, *content in connection.execute(f"SELECT id, {', '.join(columns)} FROM {table}").fetchall():
                checksum = row_checksum(table, number, content)
                connection.execute(f"UPDATE {table} SET checksum = ? WHERE id = ?", (checksum, number))


def with_value(content, path, value):
    """Return a JSON value with another one at a place: the keys and positions that lead there."""
    if not path:
        return value
    copy = dict(content) if isinstance(content, dict) else list(content)
    copy[path[0]] = with_value(content[path[0]], path[1:], value)
    return copy
