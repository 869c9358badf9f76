"""A store that was made by another hand: what SQLite, a decompressor or a wrong value could do is refused by name."""

import sqlite3
import zlib

import h5py
import numpy as np
import pytest
from changed_stores import seal
from made_results import CLASSES, IMAGES, Made, make_results

from harness import BASELINE, load_results
from harness.cli import run
from harness.errors import InputError
from harness.models.weights_file import check_weights_file
from harness.results.predictions import Predictions

STRANGE_SCHEMAS = {
    "a view without end": "DROP TABLE plans; CREATE VIEW plans AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
    "SELECT i + 1 FROM n) SELECT i AS id, 'x' AS suite, '{}' AS content FROM n",
    "a trigger": "CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM trials; END",
    "a computed table": "DROP TABLE plans; CREATE TABLE plans (id INTEGER PRIMARY KEY, suite TEXT, "
    "content TEXT AS (hex(zeroblob(100000000))))",
}


@pytest.mark.parametrize("kind", STRANGE_SCHEMAS)
def test_a_store_that_holds_a_program_is_refused(tmp_path, capsys, kind):
    folder = make_results(tmp_path, Made(accuracies={BASELINE: 0.5}, step_ms={}, seeds=(1,)))
    with sqlite3.connect(folder / "harness.sqlite") as connection:
        connection.executescript(STRANGE_SCHEMAS[kind])
    connection.close()
    assert run(["tables", "--results", str(folder)]) == 4
    assert f"holds {kind.removesuffix(' without end')}, " in capsys.readouterr().err


def test_a_journal_that_names_another_file_deletes_nothing(tmp_path):
    folder = make_results(tmp_path / "results", Made(accuracies={BASELINE: 0.5}, step_ms={}, seeds=(1,)))
    (tmp_path / "mine").write_text("mine")
    name = bytes(tmp_path / "mine")
    journal = bytes.fromhex("d9d505f920a163d7") + bytes(500) + b"\0\0\0\1" + name
    journal += len(name).to_bytes(4, "big") + sum(name).to_bytes(4, "big") + bytes.fromhex("d9d505f920a163d7")
    (folder / "harness.sqlite-journal").write_bytes(journal)
    with pytest.raises(InputError, match="it names another file, which SQLite would delete"):
        load_results(folder)
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_value_longer_than_any_row_is_refused_before_it_is_read(tmp_path):
    folder = make_results(tmp_path, Made(accuracies={BASELINE: 0.5}, step_ms={}, seeds=(1,)))
    with sqlite3.connect(folder / "harness.sqlite") as connection:
        connection.execute("UPDATE trials SET predictions = zeroblob(300000000)")
    connection.close()
    with pytest.raises(InputError, match="too big"):
        load_results(folder)


@pytest.mark.parametrize("images", [IMAGES - 1, IMAGES + 1, 10**9 // 4])
def test_predictions_of_another_number_of_images_are_refused_and_not_unpacked(tmp_path, images, capsys):
    folder = make_results(tmp_path, Made(accuracies={BASELINE: 0.5}, step_ms={}, seeds=(1,)))
    blob = b"predictions 2\n" + zlib.compress(bytes(4 * images), 1)
    with sqlite3.connect(folder / "harness.sqlite") as connection:
        connection.execute("UPDATE trials SET predictions = ?", (blob,))
    connection.close()
    seal(folder / "harness.sqlite")
    record = next(iter(load_results(folder).records.values()))
    with pytest.raises(InputError, match="stored predictions are damaged"):
        _ = record.predictions.predicted


def test_predictions_of_a_class_that_is_not_there_are_refused(tmp_path):
    predictions = Predictions(np.full(IMAGES, CLASSES), np.ones(IMAGES), np.ones(IMAGES))
    with pytest.raises(InputError, match=f"they name class {CLASSES} of {CLASSES}"):
        Predictions.from_bytes(predictions.to_bytes(), images=IMAGES, classes=CLASSES)
    assert Predictions.from_bytes(predictions.to_bytes()).equals(predictions)


def linked(path, to):
    with h5py.File(path, "w") as file:
        file["link"] = h5py.ExternalLink(str(to), "/")


def elsewhere(path, to):
    with h5py.File(path, "w") as file:
        file.create_dataset("kernel", (4,), "f4", external=[(str(to), 0, 16)])


def virtual(path, to):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource(str(to), "kernel", (4,))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("kernel", layout)


def endless(path, to):
    with h5py.File(path, "w") as file:
        file.create_dataset("kernel", (10**14,), "f4", chunks=(1000,))


def texts(path, to):
    with h5py.File(path, "w") as file:
        file["kernel"] = ["a", "b", "c", "d"]


def in_a_circle(path, to):
    with h5py.File(path, "w") as file:
        file.create_group("a")["again"] = file["/"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (linked, "is a link"),
        (elsewhere, "lies in another file"),
        (virtual, "lies in another file"),
        (endless, "it holds 100,000,000,000,000 numbers, 4 are wanted"),
        (texts, "is no array of numbers"),
        (in_a_circle, "stands in it twice"),
    ],
)
def test_39_weights_that_lead_out_of_their_file_or_have_no_end_are_refused_unread(tmp_path, make, message):
    (tmp_path / "mine").write_bytes(bytes(16))
    make(tmp_path / "w.weights.h5", tmp_path / "mine")
    with pytest.raises(ValueError, match=message):
        check_weights_file(tmp_path / "w.weights.h5", 4)


def test_39_weights_of_the_right_number_are_taken(tmp_path):
    with h5py.File(tmp_path / "w.weights.h5", "w") as file:
        file["layers/dense/vars/0"] = np.zeros((2, 2), np.float32)
    check_weights_file(tmp_path / "w.weights.h5", 4)
