"""What the exports for other tools share: trials by conditions, fields that differ, times, a missing package."""

from __future__ import annotations

import errno
import importlib
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.comparison.trained import Trained, trained_variants
from harness.errors import HarnessError, InputError
from harness.files import named, replaced
from harness.results import Results
from harness.results.provenance import Provenance
from harness.results.records import Record
from harness.results.step_times import StepTimes
from harness.variants import Variant

Value = str | float | bool

_DISK_ERRORS = {
    "SQLITE_FULL": errno.ENOSPC,
    "SQLITE_IOERR": errno.EIO,
    "SQLITE_READONLY": errno.EROFS,
    "SQLITE_CANTOPEN": errno.EACCES,
}


@dataclass(frozen=True, eq=False)
class Condition:
    """Trials that may be compared: one dataset, budget, device and set of versions.

    Attributes:
        label: Names it, unlike every other of the results.
        trained: Its records and step times.
        fields: By variant, the fields that differ between the variants, in plain types.
    """

    label: str
    trained: Trained
    fields: dict[Variant, dict[str, Value]]

    @property
    def records(self) -> list[Record]:
        """Every record, variant by variant in the order of the seeds."""
        return [seeds[seed] for seeds in self.trained.records.values() for seed in sorted(seeds)]


def conditions_of(results: Results) -> list[Condition]:
    """Return the conditions of a results folder; InputError where it holds no trial."""
    conditions: list[Condition] = []
    seen: Counter[str] = Counter()
    for trained in trained_variants(results):
        label = trained.conditions.label
        seen[label] += 1
        place = f" #{seen[label]}" if seen[label] > 1 else ""
        conditions.append(Condition(label + place, trained, differing_fields(trained.records)))
    if not conditions:
        raise InputError(f"{results.folder} holds no trial yet: run `pytest suites --benchmark` first")
    return conditions


def differing_fields(variants: Iterable[Variant]) -> dict[Variant, dict[str, Value]]:
    """Return the fields that are not the same in all variants, as numbers, texts and truth values.

    A field that is a number in one variant and none in another becomes text in all.
    """
    members = list(variants)
    flat = {variant: _flat(variant) for variant in members}
    names = dict.fromkeys(name for fields in flat.values() for name in fields)
    found: dict[Variant, dict[str, Value]] = {variant: {} for variant in members}
    for name in names:
        values = [flat[variant].get(name) for variant in members]
        if len({repr(value) for value in values}) < 2:
            continue
        kinds = {bool if isinstance(v, bool) else float if isinstance(v, (int, float)) else str for v in values}
        for variant, value in zip(members, values, strict=True):
            found[variant][name] = _plain(value) if len(kinds) == 1 else _text(value)
    return found


def step_times_by_variant(trained: Trained) -> dict[Variant, tuple[float, StepTimes]]:
    """Return each variant's step time, milliseconds as in the tables, with its measurement; the newest counts."""
    return {pair[2]: (trained.step_time_ms(pair), times) for pair, times in trained.step_times.items()}


def started_s(run: Provenance) -> float:
    """Return when a run began, seconds since 1970."""
    return datetime.fromisoformat(run.started_at).timestamp()


def needed(module: str, extra: str, *, package: str = "") -> ModuleType:
    """Import what an export needs; HarnessError with the command that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        missing = package or error.name or module
        raise HarnessError(
            f'{missing} is not installed, which this export needs: `pip install "cnn-harness[{extra}]"`'
        ) from error


def refuse_existing(path: Path) -> None:
    """Raise InputError where an output exists: other tools would mix its content with ours."""
    if path.is_dir() and not any(path.iterdir()):
        return
    if path.exists():
        raise InputError(f"--output {path} exists: remove it, or name another")


@contextmanager
def new_database(file: Path) -> Iterator[str]:
    """Yield the address of a new SQLite file, for SQLAlchemy; it takes the place of `file` once it is complete.

    Until then nobody else reads it, so that waiting for the disk at every commit (some hundred of them) buys nothing.

    Raises:
        OSError: It cannot be written; what the libraries between say of it is put aside.
    """
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def hurry(connection: Any, _: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA journal_mode=MEMORY")

    file.parent.mkdir(parents=True, exist_ok=True)
    event.listen(Engine, "connect", hurry)
    try:
        with named(file), replaced(file.resolve()) as scratch:
            yield f"sqlite:///{scratch}"
    except Exception as error:
        if number := _disk_error(error):
            raise OSError(number, os.strerror(number), str(file)) from None
        raise
    finally:
        event.remove(Engine, "connect", hurry)


def _disk_error(error: BaseException | None) -> int:
    """Return the number of the disk's error that SQLite met, below whatever was made of it; 0 for none."""
    while error is not None and not isinstance(error, sqlite3.Error):
        error = error.__cause__ or error.__context__
    name = getattr(error, "sqlite_errorname", "")
    return next((number for start, number in _DISK_ERRORS.items() if name.startswith(start)), 0)


def _flat(variant: Variant) -> dict[str, Any]:
    import dataclasses

    fields = {field.name: getattr(variant, field.name) for field in dataclasses.fields(variant)}
    options = dict(fields.pop("options"))
    return fields | {f"options.{name}": value for name, value in options.items()}


def _plain(value: Any) -> Value:
    return value if isinstance(value, (bool, float)) else float(value) if isinstance(value, int) else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return "-".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
