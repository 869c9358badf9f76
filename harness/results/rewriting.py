"""A store written anew: empty, from the rows of an older one, or from what was salvaged of a damaged one."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from harness.files import replaced
from harness.results.provenance import Provenance
from harness.results.rows import Row, begin_tallies, insert_row
from harness.results.schema import SCHEMA_VERSION, create_statements, readable_errors

LOST_RUN = Provenance("(lost)", "1971-01-01T00:00:00+00:00", "unknown", "unknown", (), 0, 0, "unknown", "unknown")
"""Where rows were made whose run cannot be told any more."""


def write_store(path: Path, rows: Iterable[Row]) -> None:
    """Write a store of the present version with these rows, in their order and numbered anew; it is whole or not there.

    Args:
        path: Whatever is there is replaced.
        rows: Runs before what was made in them; a run that is told again is the same one.

    Raises:
        OSError, HarnessError: It cannot be written.
    """
    with readable_errors(path), replaced(path) as scratch:
        with contextlib.closing(sqlite3.connect(scratch, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = MEMORY")  # nobody reads it before it is whole
            connection.execute("BEGIN")
            for statement in create_statements():
                connection.execute(statement)
            begin_tallies(connection)
            _insert(connection, rows)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            connection.execute("COMMIT")
        # A journal of what was here before would be played back into the new file.
        for ending in ("-journal", "-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)


def _insert(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    runs: dict[object, int] = {}
    written: dict[object, int] = {}
    for row in rows:
        values = row.values
        if row.table == "runs" and values in written:
            runs[row.number] = written[values]
            continue
        if row.table in ("trials", "timings"):
            run = values[0]
            if run not in runs:
                runs[run] = insert_row(connection, "runs", LOST_RUN.to_json())
            values = (runs[run], *values[1:])
        number = insert_row(connection, row.table, *values)
        if row.table == "runs":
            runs[row.number] = written[values] = number
