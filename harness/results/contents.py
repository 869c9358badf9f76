"""What a row of each table says: from its columns to the values that readers use."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.datasets.dataset import Origin
from harness.datasets.groups import grouped_text, groups_of, pairs_of
from harness.errors import HarnessError, InputError
from harness.results.planned import PlannedSuite
from harness.results.predictions import StoredPredictions
from harness.results.provenance import Provenance
from harness.results.reading import parse_json, read_as, read_value
from harness.results.records import Record
from harness.results.rows import Row, Value, insert_row, row_checksum, row_name
from harness.results.step_times import StepTimes
from harness.results.writing import to_json
from harness.suites import Suite
from harness.variants import Variant


@dataclass(frozen=True, eq=False)
class TestSet:
    """The true labels behind the stored predictions.

    Attributes:
        classes: Names, by label.
        labels: int64 [N].
        groups: int64 [N], equal numbers for images that show the same picture; None where nobody looked.
        files: Their paths in the dataset's folder; empty where there is none.
    """

    __test__ = False  # or pytest would take it for a test class

    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64] | None = None
    files: tuple[str, ...] = ()

    @property
    def grouped(self) -> str:
        """How many images show the same picture as another; empty for none."""
        return "" if self.groups is None else grouped_text(self.groups)

    @classmethod
    def from_stored(cls, classes: str, labels: bytes) -> TestSet:
        """Read what the store keeps; InputError where labels and classes do not belong together."""
        content = parse_json(classes)
        looked = isinstance(content, dict)
        names = read_value(tuple[str, ...], content.get("classes") if looked else content, "classes")
        if len(labels) % 8:
            raise InputError(f"labels have {len(labels)} bytes: eight per image are expected")
        numbers = np.frombuffer(labels, "<i8")
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(names):
            raise InputError(f"labels run {numbers.min()} to {numbers.max()}, of {len(names)} classes")
        if not looked:
            return cls(names, numbers)
        files = read_value(tuple[str, ...], content.get("files", []), "files")
        if files and len(files) != len(numbers):
            raise InputError(f"files are {len(files)}, of {len(numbers)} images")
        pairs = read_value(tuple[tuple[int, int], ...], content.get("alike"), "alike")
        if not all(0 <= first < image < len(numbers) for image, first in pairs):
            raise InputError(f"alike are images that there are not, of {len(numbers)}")
        return cls(names, numbers, groups_of(len(numbers), pairs), files)

    def to_stored(self) -> tuple[str, bytes]:
        """Return what the store keeps: the classes, with the pairs of images in one group and the files, and labels."""
        content: Any = self.classes
        if self.groups is not None:
            content = {"classes": self.classes, "alike": pairs_of(self.groups)}
            if self.files:
                content["files"] = self.files
        return to_json(content), self.labels.astype("<i8").tobytes()


@dataclass(frozen=True)
class Selection:
    """What a reader must know of a variant that was chosen from many.

    Attributes:
        winner: The variant.
        note: How it was chosen, for the notes under its table.
    """

    winner: Variant
    note: str


def record_of(row: Row, *, history: bool = True) -> Record:
    """Return the record of a row of trials, with or without its epochs."""
    predictions = StoredPredictions(row["predictions"]) if row["predictions"] else None
    if predictions and row.checksum is None:
        predictions.unpacked()  # nothing else vouches for them
    return Record.from_json(row["record"], predictions, history=history)


def step_times_of(row: Row) -> StepTimes:
    """Return the timing run of a row of timings."""
    return StepTimes.from_json(row["step_times"])


def provenance_of(row: Row) -> Provenance:
    """Return where the rows of a run were made."""
    return Provenance.from_json(row["provenance"])


def plan_of(row: Row) -> PlannedSuite:
    """Return one suite of what a run compared."""
    return PlannedSuite.from_json(row["suite"], row["content"])


def test_set_of(row: Row) -> TestSet:
    """Return the labels of a row of test_sets."""
    return TestSet.from_stored(row["classes"], row["labels"])


def origin_of(row: Row) -> Origin:
    """Return where a dataset is from."""
    return read_as(Origin, parse_json(row["origin"]), "dataset", directory=None, cache=None)


def suite_of(row: Row) -> Suite:
    """Return the declaration of a suite."""
    members = read_value(tuple[Variant, ...], parse_json(row["content"]), f"suite {row['name']}")
    if not members:
        raise InputError(f"suite {row['name']} has no baseline")
    return Suite(row["name"], members[1:], members[0], slow=None)


def selection_of(row: Row) -> Selection:
    """Return what a search chose."""
    return Selection(Variant.from_json(row["winner"]), row["note"])


CONTENTS: Mapping[str, Callable[[Row], Any]] = {
    "runs": provenance_of,
    "trials": record_of,
    "timings": step_times_of,
    "test_sets": test_set_of,
    "suites": suite_of,
    "plans": plan_of,
    "datasets": origin_of,
    "search_tries": lambda row: row["content"],
    "searches": selection_of,
}
"""What reads a row of each table, in the order in which rows can be written anew: runs first."""


def insert_readable_row(connection: sqlite3.Connection, table: str, *values: Value) -> int:
    """Add a row and return its number; refuse one that nobody could read again, for which all would be called damaged.

    Raises:
        HarnessError: It is one.
    """
    row = Row(table, 1, values, row_checksum(table, 1, values))
    try:
        if not row.is_intact:
            raise InputError("a text or number is of no kind that a store holds")
        CONTENTS[table](row)
    except Exception as error:
        what = row_name(row).partition(" (")[0] if table == "trials" else f"a row of {table}"
        raise HarnessError(f"{what} is not stored, since nobody could read it again: {error}") from error
    return insert_row(connection, table, *values)
