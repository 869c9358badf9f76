"""Image folders and stores of any kind: each is read, or refused by name in one line; no traceback, ever.

`EXAMPLES=2000 pytest tests/faults/test_whatever_lies_there.py` looks further than the gate does.
"""

import contextlib
import json
import os
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from changed_stores import make_older, seal, with_value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_results import DROPOUT, IMAGES, Made, make_results
from PIL import Image

from harness import BASELINE
from harness.cli import run
from harness.datasets import load_dataset
from harness.errors import InputError
from harness.results.conditions import Conditions
from harness.results.opening import open_store, read_store
from harness.results.planned import PlannedSuite
from harness.results.schema import STORE_ERRORS, TABLES
from harness.suites import Suite

EXAMPLES = int(os.environ.get("EXAMPLES", "0"))


def examples(count):
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
    return settings(
        max_examples=EXAMPLES or count, derandomize=not EXAMPLES, database=None, suppress_health_check=checks
    )


# Images

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I", "I;16", "F")
ENDINGS = (".png", ".jpg", ".JPEG", ".bmp", ".gif", ".webp", ".tif", ".ppm", ".tga", ".txt", "")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM", "TGA", "ICO")
NAMES = st.sampled_from(
    ["cat", "dog", "Dog", "caf\u00e9", "cafe\u0301", "owl ", ".hidden", "train", "a" * 200]
) | st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..")
)
SIZES = st.sampled_from([(8, 8)] * 9 + [(1, 1), (9, 8), (8, 2), (300, 300)])
CUTS = st.integers(-1500, 200)  # most often below zero: whole
PICTURES = st.tuples(st.sampled_from(MODES), SIZES, st.sampled_from(FORMATS), CUTS)
FILES = st.tuples(st.booleans(), st.integers(0, 2), NAMES, st.sampled_from(ENDINGS), PICTURES)


def drawn(path: Path, mode: str, size: tuple[int, int], kind: str, cut: int, seed: int) -> None:
    """Save a picture in a mode and format where they go together, else as PNG of RGB; `cut` bytes unless below 0."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    image = Image.fromarray(pixels)
    try:
        image.convert("L" if mode in ("I;16", "I", "F") else mode).convert(mode).save(path, kind)
    except (OSError, ValueError, KeyError):
        image.save(path, "PNG")
    if cut >= 0:
        path.write_bytes(path.read_bytes()[:cut])


@examples(60)
@given(
    classes=st.lists(NAMES, min_size=2, max_size=3, unique=True),
    pictures=st.lists(FILES, max_size=7),
    same=st.sampled_from([True, True, True, False]),
    size=st.sampled_from([None, None, 4]),
    skip=st.booleans(),
)
def test_any_folder_of_images_is_a_dataset_or_refused_by_name(
    tmp_path_factory, monkeypatch, classes, pictures, same, size, skip
):
    root = tmp_path_factory.mktemp("any") / "pets"
    monkeypatch.setenv("HARNESS_CACHE", str(root.parent / "cache"))
    for part in ("train", "test"):
        for number, name in enumerate(classes):
            (root / part / name).mkdir(parents=True, exist_ok=True)
            if same:  # else it is most often no dataset for want of images
                drawn(root / part / name / "0.png", "RGB", (8, 8), "PNG", -1, len(classes) * (part == "test") + number)
    for seed, (test, label, name, ending, picture) in enumerate(pictures, 100):
        place = root / ("test" if test else "train") / classes[label % len(classes)]
        with contextlib.suppress(OSError):  # a name too long for this file system
            drawn(place / f"{name}{ending}", *picture, seed)
    said, dataset = "", None
    try:
        dataset = load_dataset(root, image_size=size, skip_unreadable=skip)
    except InputError as error:
        said = str(error)
    if dataset is None:
        assert str(root) in said
        assert said.isprintable()
        assert not list(root.parent.glob("cache/**/*_labels.npy")), "of a refused folder something is kept"
        return
    for images, labels in (
        (dataset.train_images, dataset.train_labels),
        (dataset.test_images, dataset.test_labels),
    ):
        assert images.shape == (len(labels), *dataset.input_shape)
        assert images.dtype == np.uint8
        assert set(labels) == set(range(len(dataset.classes)))
    assert load_dataset(root, image_size=size, skip_unreadable=skip).fingerprint == dataset.fingerprint


# Stores

VALUES = st.sampled_from(
    [
        None,
        0,
        1,
        -1,
        2,
        0.5,
        -0.5,
        1e-300,
        1e99,
        2**62,
        2**31,
        "",
        "a",
        "x" * 300,
        "\u202e<b>",
        True,
        [],
        {},
        [[]],
        [1.5],
    ]
)
OPERATIONS = st.one_of(
    st.tuples(st.just("value"), st.integers(0, 10**6), st.integers(0, 10**6), VALUES),
    st.tuples(st.just("value"), st.integers(0, 10**6), st.integers(0, 10**6), VALUES),
    st.tuples(st.just("cell"), st.integers(0, 10**6), st.integers(0, 10**6), st.binary(max_size=6) | VALUES),
    st.tuples(st.just("delete"), st.integers(0, 10**6)),
    st.tuples(st.just("swap"), st.integers(0, 10**6), st.integers(0, 10**6)),
    st.tuples(st.just("version"), st.sampled_from([-1, 0, 1, 2, 4, 2**31 - 1])),
    st.tuples(st.just("drop"), st.sampled_from(sorted(TABLES))),
    st.tuples(st.just("bytes"), st.integers(0, 10**6), st.binary(min_size=1, max_size=8)),
    st.tuples(st.just("cut"), st.integers(0, 10**6)),
)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """The file of a store that has most of what one can hold, of the present version and of version 2."""
    made = Made(
        accuracies={BASELINE: 0.8, DROPOUT: 0.9},
        step_ms={BASELINE: 8.0, DROPOUT: 9.0},
        seeds=(1, 2, 3),
        groups=[0, 0, *range(2, IMAGES)],
        diverged=frozenset({(DROPOUT, 3)}),
    )
    folder = make_results(tmp_path_factory.mktemp("made") / "results", made)
    with read_store(folder) as opened:
        trial = next(iter(opened.records().values())).trial
    suite = Suite("dropout", (DROPOUT,))
    with open_store(folder) as opened:
        opened.add_plans([PlannedSuite(suite, Conditions.of(trial), (3,), dict.fromkeys(suite.members, ""))])
        opened.add_search("dropout", DROPOUT, "the best of 9", "{}")
    path, older = folder / "harness.sqlite", folder / "older.sqlite"
    shutil.copyfile(path, older)
    make_older(older, 2)
    return {"present": path, "of version 2": older}


def leaves(content, path=()):
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    if not items:
        yield path
    for key, value in items:
        yield from leaves(value, (*path, key))


def rows_of(connection):
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [(table, number) for table in tables for (number,) in connection.execute(f"SELECT rowid FROM {table}")]


def documents_of(connection):
    """Return the table, row, column and content of each cell that holds JSON."""
    found = []
    for table, number in rows_of(connection):
        for column in TABLES[table]:
            (cell,) = connection.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", (number,)).fetchone()
            with contextlib.suppress(ValueError, TypeError):  # it holds something else
                if isinstance(content := json.loads(cell), dict | list):
                    found.append((table, number, column, content))
    return found


def change(path: Path, operation: tuple) -> None:
    """Do one thing to a store; what SQLite itself forbids is left."""
    what, *arguments = operation
    if what in ("bytes", "cut"):
        content = bytearray(path.read_bytes())
        place = arguments[0] % max(len(content), 1)
        if what == "bytes":
            content[place : place + len(arguments[1])] = arguments[1]
        path.write_bytes(content if what == "bytes" else content[:place])
        return
    with (
        contextlib.suppress(sqlite3.Error, ValueError, TypeError, ZeroDivisionError),
        contextlib.closing(sqlite3.connect(path)) as connection,
        connection,
    ):
        if what == "version":
            connection.execute(f"PRAGMA user_version = {arguments[0]}")
        elif what == "drop":
            connection.execute(f"DROP TABLE {arguments[0]}")
        elif what == "value":
            documents = documents_of(connection)
            table, number, column, content = documents[arguments[0] % len(documents)]
            places = list(leaves(content))
            value = json.dumps(with_value(content, places[arguments[1] % len(places)], arguments[2]))
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, number))
        else:
            rows = rows_of(connection)
            table, number = rows[arguments[0] % len(rows)]
            if what == "delete":
                connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (number,))
            elif what == "swap":
                connection.execute(f"UPDATE {table} SET rowid = ? WHERE rowid = ?", (arguments[1] % 99, number))
            else:
                column = list(TABLES[table])[arguments[1] % len(TABLES[table])]
                value = arguments[2]
                if not isinstance(value, bytes | str | int | float | None):
                    value = json.dumps(value)
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, number))


COMMANDS = st.sampled_from([["tables"]] * 6 + [["store", "check"]] * 3 + [["report"]])


@examples(30)
@given(
    version=st.sampled_from(["present", "present", "of version 2"]),
    operations=st.lists(OPERATIONS, min_size=1, max_size=3),
    sealed=st.integers(0, 3),
    command=COMMANDS,
)
def test_any_store_is_read_or_refused_by_name(tmp_path_factory, capsys, stores, version, operations, sealed, command):
    folder = tmp_path_factory.mktemp("store") / "results"
    folder.mkdir()
    path = folder / "harness.sqlite"
    shutil.copyfile(stores[version], path)
    for operation in operations:
        change(path, operation)
    if sealed:
        with contextlib.suppress(*STORE_ERRORS):
            seal(path)
    there = path.read_bytes()
    code = run([*command, "--results", str(folder)])
    said = capsys.readouterr()
    assert path.read_bytes() == there
    assert "Traceback" not in said.err
    assert "please report it" not in said.err
    if code:
        assert code in (1, 4)
        assert str(folder) in said.out + said.err
        checked = command[0] == "store" and code == 1  # which tells on standard output
        assert len([line for line in said.err.splitlines() if line.startswith("error: ")]) == (not checked)
