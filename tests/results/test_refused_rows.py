"""What a row of a store may not say, what no store may hold, and places that cannot be written: told by name."""

import contextlib
import dataclasses
import io
import json
import re
import shutil
import sqlite3
import sys
import zipfile
import zlib
from pathlib import Path

import filelock
import numpy as np
import pytest
from changed_stores import make_older, seal
from made_results import Made, make_results

from harness import BASELINE, BUDGETS, Suite, load_results
from harness.cli import run
from harness.errors import InputError
from harness.results import merging
from harness.results.conditions import Conditions
from harness.results.contents import TestSet
from harness.results.kept_models import read_probabilities
from harness.results.merging import merge, missing_trials
from harness.results.model_lines import loading_lines
from harness.results.opening import open_store, read_store
from harness.results.planned import PlannedSuite
from harness.results.predictions import Predictions, StoredPredictions
from harness.results.provenance import Provenance
from harness.results.reading import parse_json, refuse
from harness.results.records import Record
from harness.results.salvage import _block, examine, salvage
from harness.results.schema import STORE_NAME, DamagedStoreError
from harness.results.step_times import StepTimes
from harness.results.trials import Environment, Trial

ENVIRONMENT = Environment("cpu", "tensorflow", 1, (("keras", "3"),))
TRIAL = Trial(BASELINE, "", "digits", "f" * 16, 1, BUDGETS["quick"], ENVIRONMENT)
SUITE = Suite("a", (BASELINE.replace(dropout=0.5),))
PLAN = PlannedSuite(SUITE, Conditions.of(TRIAL), (5,), dict.fromkeys(SUITE.members, ""))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return make_results(tmp_path_factory.mktemp("whole") / "results", Made(seeds=(1, 2)))


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "results")


def sql(folder, statement, *values):
    with contextlib.closing(sqlite3.connect(folder / STORE_NAME)) as connection, connection:
        connection.execute(statement, values)


def changed(text, **fields):
    return json.dumps(json.loads(text) | fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"declared": []}, r"plan.declared is empty: a baseline is expected"),
        ({"looks": [0, 5]}, r"plan.looks is \[0, 5\]: growing numbers from 1 to 5"),
        ({"looks": [3, 3, 5]}, r"growing numbers from 1 to 5"),
        ({"looks": [3, 4]}, r"growing numbers from 1 to 5"),
        ({"labels": ["one", "two"]}, r"plan.labels is .*: 1 different ones"),
        *(
            ({"file": file}, "plan.file is .*: a relative path of a .py file, at most 300 characters, no - first")
            for file in (
                ".",
                "-pevil.py",
                "--basetemp=x.py",
                "/tmp/suite_a.py",
                "~/suite_a.py",
                "a\n.py",
                "a" * 298 + ".py",
            )
        ),
        ({"later": 1}, r"plan has an unknown field 'later': a newer version may know it"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(fields, message):
    assert PlannedSuite.from_json("a", PLAN.to_json()).to_json() == PLAN.to_json()
    with pytest.raises(InputError, match=message):
        PlannedSuite.from_json("a", changed(PLAN.to_json(), **fields))


def test_a_run_that_began_at_no_time_is_refused():
    run = Provenance("harness sweep", "2026-01-02T03:04:05", "box", "cpu", (), 2, 4096, "Linux", "3.12")
    with pytest.raises(InputError, match=r'run.started_at is "yesterday": a time of ISO 8601'):
        Provenance.from_json(changed(run.to_json(), started_at="yesterday"))


def test_a_history_that_is_no_list_is_refused():
    with pytest.raises(InputError, match="history is 3: a list"):
        Record.from_json(changed(Record(TRIAL, "failed", "no memory").to_json(), history=3), None, history=False)


def test_what_is_no_text_is_no_json_and_what_is_no_json_is_named_by_its_type():
    with pytest.raises(InputError, match="JSON is 3: a text is expected"):
        parse_json(3)
    with pytest.raises(InputError, match="predictions is bytes: a list is expected"):
        refuse("predictions", b"abc", "a list")


def test_blocks_that_differ_in_number_are_refused(folder):
    with read_store(folder) as store:
        text = next(times for _, times in store.timings()).to_json()
    blocks = json.loads(text)["variant_ms"]
    with pytest.raises(InputError, match="differ in their numbers of blocks"):
        StepTimes.from_json(changed(text, variant_ms=[blocks[0][:-1], *blocks[1:]]))
    with pytest.raises(InputError, match="differ in their numbers of builds"):
        StepTimes.from_json(changed(text, variant_ms=blocks[:-1]))


def test_step_times_of_a_known_recipe_are_identified_as_they_are(folder):
    with read_store(folder) as store:
        times = next(times for _, times in store.timings())
    assert times.identified("another box", {("", "")}) is times


def test_files_of_another_number_than_images_are_refused():
    stored = json.dumps({"classes": ["a", "b"], "alike": [], "files": ["one.png"]})
    with pytest.raises(InputError, match="files are 1, of 2 images"):
        TestSet.from_stored(stored, np.array([0, 1], "<i8").tobytes())


def test_a_suite_without_a_baseline_is_named(folder):
    sql(folder, "UPDATE suites SET content = '[]'")
    seal(folder / STORE_NAME)
    with pytest.raises(DamagedStoreError, match="suite dropout has no baseline"):
        load_results(folder)


def test_predictions_that_are_no_whole_images_are_refused():
    with pytest.raises(InputError, match="not four bytes per image"):
        Predictions.from_bytes(b"predictions 2\n" + zlib.compress(bytes(7)))


def archive(**arrays):
    made = io.BytesIO()
    np.savez_compressed(made, allow_pickle=False, **arrays)
    return made.getvalue()


def test_predictions_of_an_older_version_are_read_or_refused():
    arrays = {"predicted": np.array([1, 2], np.uint16), "positives": np.ones(2, np.uint8)}
    old = archive(**arrays, true_positive=np.array([True, False]))
    now = Predictions(**arrays, true_positive=np.array([True, False]))
    assert Predictions.from_bytes(old, images=2).equals(now)
    assert StoredPredictions(old).equals(StoredPredictions(now.to_bytes()))
    assert StoredPredictions(old).equals(now)
    assert not StoredPredictions(old).equals(StoredPredictions(archive(**arrays, true_positive=np.array([True, True]))))
    with pytest.raises(InputError, match=r"true_positive is bool \[3\]"):
        Predictions.from_bytes(archive(**arrays, true_positive=np.ones(3, bool)))
    with pytest.raises(InputError, match="they are of more than 2 images"):
        Predictions.from_bytes(archive(**arrays, true_positive=np.ones(3000, bool)), images=2)


def test_an_environment_comes_back_from_json():
    assert Environment.from_dict(json.loads(json.dumps(ENVIRONMENT.to_dict()))) == ENVIRONMENT


def test_probabilities_of_other_images_are_refused_by_their_file(tmp_path):
    path = tmp_path / "baseline-seed-1-abc.keras"
    np.save(tmp_path / "baseline-seed-1-abc.probabilities.npy", np.zeros((3, 2), np.float16))
    with pytest.raises(InputError, match=r"abc.probabilities.npy.*\(3, 2\) instead of float16 \(4, 2\)"):
        read_probabilities(path, 4, 2)
    assert read_probabilities(path, 3, 2).shape == (3, 2)


def test_results_without_labels_of_their_images_say_so(folder):
    results = load_results(folder)
    with pytest.raises(InputError, match="has no labels of the test images of digits"):
        results.test_set(dataclasses.replace(Conditions.of(TRIAL), fingerprint="other"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("UPDATE trials SET run = 7 WHERE id = 1", "row 7 of runs missing"),
        ("UPDATE trials SET predictions = NULL WHERE id = 1", "is ok, and the store has no predictions of it"),
    ],
)
def test_a_trial_of_a_run_that_is_not_there_or_without_predictions_is_named(folder, tmp_path, change, message):
    sql(folder, change)
    seal(folder / STORE_NAME)
    with pytest.raises(InputError, match=message):
        load_results(folder)
    if "run = 7" in change:
        with pytest.raises(DamagedStoreError, match=message):
            merge([folder], tmp_path / "merged")
        assert not (tmp_path / "merged" / STORE_NAME).exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "UPDATE tallies SET rows = CAST('6' AS BLOB) WHERE name = 'trials'",
            "number of rows of trials cannot be told",
        ),
        ("UPDATE runs SET provenance = CAST(provenance AS BLOB)", r"row 1 of runs is not as it was written"),
        ("UPDATE trials SET predictions = 'text' WHERE id = 1", r"row 1 of trials\) is not as it was written"),
        ("UPDATE test_sets SET max_images = 0.5", r"row 1 of test_sets is not as it was written"),
    ],
)
def test_a_value_of_another_type_than_its_column_is_named_though_its_checksum_fits(folder, capsys, change, message):
    sql(folder, change)
    seal(folder / STORE_NAME)
    assert run(["tables", "--results", str(folder)]) == 4
    assert re.search(message, capsys.readouterr().err)


def test_a_name_of_another_type_among_the_counts_is_damage_too(folder):
    sql(folder, "UPDATE tallies SET name = x'00' WHERE id = 2")
    seal(folder / STORE_NAME)
    found = examine(folder)
    assert "the number of rows of trials cannot be told" in found.fault
    assert found.counts["trials"] == 6


@pytest.mark.parametrize(
    ("version", "found_trials"),
    [pytest.param(3, 6, id="of which each row is found without SQLite"), pytest.param(2, 0, id="of which none is")],
)
def test_a_store_whose_schema_is_no_text_is_damaged(folder, version, found_trials):
    """What SQLite says of it quotes the bytes, which Python's sqlite3 cannot read."""
    if version == 2:
        make_older(folder / STORE_NAME, 2)
    path = folder / STORE_NAME
    content = path.read_bytes()
    assert content.count(b"CREATE TABLE suites (") == 1
    path.write_bytes(content.replace(b"CREATE TABLE suites (", b"CREATE TABLE s\x80ites ("))
    found = examine(folder)
    assert "codec can't decode" in found.fault or "malformed" in found.fault
    assert found.counts["trials"] == found_trials
    with pytest.raises(InputError, match="is damaged"):
        load_results(folder)


def test_a_trial_that_is_ok_without_a_number_is_named(folder, capsys):
    make_older(folder / STORE_NAME, 2)
    sql(folder, "UPDATE trials SET record = json_set(record, '$.accuracy', NULL) WHERE id = 1")
    assert run(["tables", "--results", str(folder)]) == 4
    assert "record.accuracy is null: a number, of a trial that is ok, is expected" in capsys.readouterr().err


def test_a_computed_table_of_another_module_is_refused(folder):
    with contextlib.closing(sqlite3.connect(folder / STORE_NAME)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")  # a module that this SQLite has not, whichever it is
        made = "table", "words", "words", 0, "CREATE VIRTUAL TABLE words USING nosuch(text)"
        connection.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", made)
    with pytest.raises(InputError, match="it holds a computed table, 'words'"):
        load_results(folder)


def test_a_row_before_its_run_is_a_fault_of_the_caller(tmp_path):
    with open_store(tmp_path / "new") as store, pytest.raises(RuntimeError, match="begin_run comes before"):
        store.add_record(Record(TRIAL, "failed", "no memory"))


def test_a_writer_that_tells_nothing_of_itself_is_told_of(folder):
    (folder / "harness.lock.owner").unlink()
    with filelock.FileLock(folder / "harness.lock"), pytest.raises(InputError, match="written by another run: wait"):
        open_store(folder)


def test_a_store_whose_place_is_taken_is_refused_and_its_folder_free_again(tmp_path):
    folder = tmp_path / "results"
    open_store(folder).close()
    (folder / STORE_NAME).unlink()
    (folder / STORE_NAME).mkdir()
    with pytest.raises(InputError, match=f"{STORE_NAME} cannot be written .*: make it writable, or give --results"):
        open_store(folder)
    (folder / STORE_NAME).rmdir()
    open_store(folder).close()


# Merging


def test_a_store_that_appears_while_others_are_merged_is_not_replaced(folder, tmp_path, monkeypatch):
    into, choose = tmp_path / "merged", merging.choose_trials

    def meanwhile(stores):
        open_store(into).close()  # as another process could
        return choose(stores)

    monkeypatch.setattr(merging, "choose_trials", meanwhile)
    with pytest.raises(InputError, match=r"merged was written by another process meanwhile: give the command again"):
        merge([folder], into)
    assert not load_results(into).records


def test_models_that_cannot_be_copied_are_told_of_after_the_results(folder, tmp_path):
    key = next(iter(load_results(folder).records))
    (folder / "models").mkdir()
    name = f"baseline-seed-1-{key[:16]}.keras"
    (folder / "models" / name).write_bytes(b"a model")
    into = tmp_path / "merged"
    (into / "models" / name).mkdir(parents=True)
    (into / "models" / name / "in the way").touch()
    with pytest.raises(InputError, match=r"models cannot be written .*: make it a folder .*, and merge again"):
        merge([folder], into)
    assert load_results(into).records.keys() == load_results(folder).records.keys()


def test_what_plans_of_several_looks_need_is_not_told_as_missing(folder):
    with open_store(folder) as store:
        store.begin_run(Provenance("harness", "2026-01-02T03:04:05", "box", "cpu", (), 2, 4096, "Linux", "3.12"))
        store.add_plans([dataclasses.replace(PLAN, looks=(3, 5))])
    assert missing_trials(load_results(folder)) == []
    with open_store(folder) as store:
        store.add_plans([PLAN])
    assert len(missing_trials(load_results(folder))) == 2


# Salvage


def test_a_row_longer_than_its_page_is_salvaged_past_the_header(tmp_path):
    """Its content goes on in a chain of pages, which is followed without SQLite."""
    made = Made(seeds=(1,), message="\n".join(f"line {number}" for number in range(3000)))
    made = dataclasses.replace(made, failed=frozenset({(BASELINE, 1)}))
    folder = make_results(tmp_path / "results", made)
    before = load_results(folder)
    path = folder / STORE_NAME
    content = bytearray(path.read_bytes())
    content[:100] = bytes(100)
    path.write_bytes(content)
    salvage(folder, tmp_path / "new")
    after = load_results(tmp_path / "new")
    assert {key: record.to_json() for key, record in after.records.items()} == {
        key: record.to_json() for key, record in before.records.items()
    }


@pytest.mark.skipif(sys.platform != "linux", reason="a file that opens and cannot be read is made by Linux's /proc")
def test_a_block_that_the_disk_cannot_read_is_zeros():
    with Path("/proc/self/mem").open("rb", buffering=0) as unreadable:  # nothing is at its beginning
        assert _block(unreadable, 0) == bytes(4096)


def test_a_row_that_no_reader_takes_is_lost_by_name_though_its_checksum_fits(folder):
    sql(folder, "UPDATE trials SET record = '{}' WHERE id = 2")
    seal(folder / STORE_NAME)
    found = examine(folder)
    assert found.counts["trials"] == 5
    assert any("row 2 of trials: trial is null: an object is expected" in lost for lost in found.lost)


def test_a_text_that_is_none_in_an_older_store_is_lost_by_name(folder):
    make_older(folder / STORE_NAME, 2)
    sql(folder, "UPDATE suites SET name = CAST(x'ff41' AS TEXT)")
    found = examine(folder)
    assert found.counts["suites"] == 0
    assert any("a text is not UTF-8" in lost for lost in found.lost)


def test_an_older_store_that_was_cut_gives_what_its_pages_hold(folder):
    make_older(folder / STORE_NAME, 2)
    path = folder / STORE_NAME
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 3 // 4 // 4096 * 4096])
    found = examine(folder)
    assert found.fault
    assert 0 < found.counts["trials"] < 6


def test_numbers_without_a_row_in_an_older_store_are_no_loss(folder):
    make_older(folder / STORE_NAME, 2)
    sql(folder, "DELETE FROM trials WHERE id = 2")
    sql(folder, "UPDATE runs SET provenance = '{}'")
    found = examine(folder)
    assert found.counts["trials"] == 5
    assert not any("row 2 of trials" in lost for lost in found.lost)


def test_a_models_description_without_end_is_not_read(tmp_path):
    path = tmp_path / "baseline-seed-1-abc.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("config.json", " " * (2**25 + 1))
    with pytest.raises(InputError, match=r"abc.keras is damaged \(its description is too long\)"):
        loading_lines(path, TRIAL, ("a", "b"))
