"""Disk and store: a full or failing disk, a damaged, older or newer store, what dead processes leave, two at once.

The disk faults are real: a file system of 1 MiB, and calls that the system refuses (benchmarks/nth_fault.c).
"""

import contextlib
import dataclasses
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from changed_stores import make_older
from made_results import BASELINE, DROPOUT, Made, make_results

from harness import BUDGETS, Dataset, Suite, load_results
from harness.cli import run
from harness.comparison import Margins, group_records
from harness.comparison.folder_rows import compare_folders
from harness.datasets.writing import write_folder
from harness.errors import HarnessError, InputError
from harness.files import replace_text, replaced
from harness.results import opening
from harness.results.opening import open_store, read_store
from harness.results.provenance import collect_provenance
from harness.results.schema import SCHEMA_VERSION, STORE_NAME
from harness.results.trials import Trial
from harness.training.devices import find_device, training_environment
from harness.training.trial import Trainer
from harness.training.weights_files import write_weights

NTH_FAULT = Path(__file__).parents[2] / "benchmarks" / "nth_fault.py"
NO_PROCESS = 2**22 - 3


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return make_results(tmp_path_factory.mktemp("whole") / "results", Made())


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "results")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("a file system can be mounted by root alone")
    yield place
    subprocess.run(["umount", place], check=True)


def records(results):
    return {key: (record.status, record.accuracy, record.loss) for key, record in results.records.items()}


def test_08_a_full_disk_is_a_clear_stop_and_what_was_stored_is_intact(small_disk, whole):
    folder = shutil.copytree(whole, small_disk / "results")
    kept = load_results(folder).records
    record = next(iter(kept.values()))
    stored = []

    def fill(store):
        for seed in range(1000, 2000):
            trial = dataclasses.replace(record.trial, seed=seed)
            store.add_record(dataclasses.replace(record, trial=trial))
            stored.append(trial.key)

    with open_store(folder) as store:
        store.begin_run(collect_provenance())
        with pytest.raises(HarnessError) as caught:
            fill(store)
    said, place = str(caught.value), folder / STORE_NAME
    assert said.startswith(f"{place} cannot be written or read (database or disk is full; disk of {small_disk}, ")
    assert "free some space; records added before this are intact" in said
    assert caught.value.exit_code == 1
    with read_store(folder) as store:
        assert store.records().keys() == {*kept, *stored}
    assert len(stored) > 10


def test_08_tables_for_which_no_room_is_left_say_so_and_leave_the_old_ones(small_disk, whole, capsys):
    folder = shutil.copytree(whole, small_disk / "results")
    replace_text(folder / "report.csv", "old")
    with contextlib.suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))
    command = ["export", "--results", str(folder), "--format", "csv", "--output", str(folder / "report.csv")]
    assert run(command) == 1
    said = capsys.readouterr().err
    assert (
        f"report.csv cannot be written (No space left on device; disk of {small_disk}, 0 of 1 MiB free): free some"
        in said
    )
    assert "Traceback" not in said
    assert (folder / "report.csv").read_text() == "old"
    assert not [path for path in folder.iterdir() if path.name.endswith("-report.csv")]


@pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc, which compiles what makes the faults")
def test_09_an_error_or_a_kill_at_any_write_leaves_every_record_that_was_reported_done():
    """A sample; `python benchmarks/nth_fault.py` strikes every change."""
    command = [sys.executable, str(NTH_FAULT), "--every", "37"]
    command += [part for job in ("records", "groups of records", "migration") for part in ("--job", job)]
    environment = os.environ | {"PYTHONPATH": str(NTH_FAULT.parents[1])}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = dict(re.findall(r"^(records, .*): (\d+) of \d+ changes", ended.stdout, re.M))
    assert set(told) == {f"records, {kind}" for kind in ("full disk", "I/O error", "kill", "kill in a write")}
    assert all(int(number) >= 5 for number in told.values())


def test_10_a_damaged_store_is_refused_by_name_with_a_way_on_and_left_alone(tmp_path):
    path = tmp_path / STORE_NAME
    path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    before = path.read_bytes()
    for opener in (open_store, read_store):
        with pytest.raises(InputError, match=r"harness\.sqlite is damaged.*harness store salvage") as caught:
            opener(tmp_path)
        assert caught.value.exit_code == 4
    assert path.read_bytes() == before


def damages(content):
    """Yield a store with flipped bits, zeroed sectors and garbled pages, 300 times."""
    rng = random.Random(3)
    for number in range(300):
        damaged, at = bytearray(content), rng.randrange(len(content))
        if number % 3 == 0:
            damaged[at] ^= 1 << rng.randrange(8)
        elif number % 3 == 1:
            damaged[at // 512 * 512 : at // 512 * 512 + 512] = bytes(512)
        else:
            damaged[at // 4096 * 4096 : at // 4096 * 4096 + 4096] = rng.randbytes(4096)
        yield damaged


def test_10_whatever_bytes_of_a_store_change_no_other_table_is_shown(whole, tmp_path):
    before, path = load_results(whole), tmp_path / STORE_NAME
    refusals = []
    for damaged in damages((whole / STORE_NAME).read_bytes()):
        path.write_bytes(damaged)
        try:
            after = load_results(tmp_path)
        except InputError as error:
            refusals.append(str(error))
            continue
        assert records(after) == records(before)
        assert after.suites == before.suites
        assert after.step_times == before.step_times
        assert after.provenances == before.provenances
        for key, record in after.records.items():
            assert record.predictions.equals(before.records[key].predictions)
    assert all(str(path) in said for said in refusals)
    assert len(refusals) > 150  # the others struck bytes that no row uses


def test_11_a_results_folder_that_cannot_be_written_is_refused(folder, monkeypatch):
    if os.geteuid():
        folder.chmod(0o500)
        with pytest.raises(InputError, match=r"results cannot be written \(Permission denied; disk .*make it"):
            open_store(folder)
        folder.chmod(0o700)
    (folder / "file").write_text("")
    with pytest.raises(InputError, match=r"file/results cannot be written \(Not a directory; disk .*--results"):
        open_store(folder / "file" / "results")


def test_11_a_folder_on_a_disk_that_is_read_only_is_refused_to_write_and_read_as_ever(small_disk, whole):
    folder = shutil.copytree(whole, small_disk / "results")
    make_older(folder / STORE_NAME, 1)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(InputError, match=r"cannot be written \(Read-only file system; disk of"):
        open_store(folder)
    assert records(load_results(folder)) == records(load_results(whole))


def test_11_a_lock_file_or_a_copy_that_cannot_be_made_is_told_and_the_store_left_alone(folder):
    make_older(folder / STORE_NAME, 2)
    old = (folder / STORE_NAME).read_bytes()
    (folder / f"{STORE_NAME}.schema-2").mkdir()
    with pytest.raises(InputError, match=r"schema-2 cannot be written .*a copy must be made before"):
        open_store(folder)
    assert (folder / STORE_NAME).read_bytes() == old
    (folder / f"{STORE_NAME}.schema-2").rmdir()
    (folder / "harness.lock.owner").unlink()
    (folder / "harness.lock.owner").mkdir()
    with pytest.raises(InputError, match=r"harness\.lock\.owner cannot be written|results cannot be written"):
        open_store(folder)
    (folder / "harness.lock.owner").rmdir()
    open_store(folder).close()


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file that is there and cannot be read")
def test_11_a_lock_whose_owner_cannot_be_read_is_told_without_a_name(folder):
    owner = folder / "harness.lock.owner"
    with open_store(folder):
        owner.unlink()
        owner.symlink_to("/proc/self/mem")
        with pytest.raises(InputError, match="is being written by another run: wait for it"):
            open_store(folder)


def test_43_a_store_that_another_program_holds_is_told(folder, monkeypatch):
    monkeypatch.setattr(opening, "BUSY_TIMEOUT_S", 0.0)
    with contextlib.closing(sqlite3.connect(folder / STORE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(HarnessError, match=r"held by another program .*end it; records added before"):
            load_results(folder)


def test_12_a_store_of_a_newer_schema_is_refused(folder):
    with contextlib.closing(sqlite3.connect(folder / STORE_NAME)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    for opener in (open_store, read_store):
        with pytest.raises(InputError, match=f"has schema {SCHEMA_VERSION + 1}.*upgrade cnn-harness"):
            opener(folder)
    assert run(["store", "check", "--results", str(folder)]) == 4


@pytest.mark.parametrize("version", [1, 2])
def test_12_an_older_store_is_read_as_it_is_and_written_anew_after_a_copy(whole, folder, version):
    path = folder / STORE_NAME
    make_older(path, version)
    old = path.read_bytes()
    assert records(load_results(folder)) == records(load_results(whole))
    assert path.read_bytes() == old
    open_store(folder).close()
    assert path.with_name(f"{STORE_NAME}.schema-{version}").read_bytes() == old
    after = load_results(folder)
    assert after.version == SCHEMA_VERSION
    assert records(after) == records(load_results(whole))
    assert run(["store", "check", "--results", str(folder)]) == 0


def test_12_an_older_store_that_is_damaged_is_not_brought_up_to_date(folder):
    path = folder / STORE_NAME
    make_older(path, 2)
    content = bytearray(path.read_bytes())
    content[9 * 4096 : 10 * 4096] = bytes(4096)
    path.write_bytes(content)
    with pytest.raises(InputError, match="is damaged"):
        open_store(folder)
    assert path.read_bytes() == content


def test_13_what_a_dead_process_left_of_a_file_is_removed_by_the_next(tmp_path):
    left, fresh, foreign = (
        tmp_path / name for name in (f".{NO_PROCESS}-a.md", f".{NO_PROCESS - 1}-a.md", ".mine-a.md")
    )
    running = tmp_path / f".{os.getppid()}-a.md"
    for path in (left, fresh, foreign, running):
        path.write_text("half")
    hours_ago = time.time() - 7200
    for path in (left, foreign, running):
        os.utime(path, (hours_ago, hours_ago))
    replace_text(tmp_path / "a.md", "whole")
    assert sorted(tmp_path.iterdir()) == sorted([fresh, foreign, running, tmp_path / "a.md"])
    long_ago = time.time() - 90000
    os.utime(running, (long_ago, long_ago))
    replace_text(tmp_path / "a.md", "whole")
    assert not running.exists()


def test_13_a_lock_and_an_empty_file_of_a_dead_process_are_taken_up(tmp_path):
    for name in (STORE_NAME, "harness.lock", f"{STORE_NAME}-journal"):
        (tmp_path / name).touch()
    (tmp_path / "harness.lock.owner").write_text(f"process {NO_PROCESS}, since 12:00:00")
    make_results(tmp_path, Made())
    assert len(load_results(tmp_path).records) == 15


def test_13_a_journal_without_its_store_is_not_played_into_a_new_one(folder, tmp_path):
    killed = (
        "import sqlite3, os, sys\n"
        "store = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "store.execute('PRAGMA cache_size = 1')\n"
        "store.execute('BEGIN IMMEDIATE')\n"
        "store.execute('CREATE TABLE spill (text)')\n"
        "store.executemany('INSERT INTO spill VALUES (?)', [('x' * 4000,)] * 100)\n"
        "os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", killed, str(folder / STORE_NAME)], check=False)
    assert (folder / f"{STORE_NAME}-journal").stat().st_size
    (folder / STORE_NAME).rename(tmp_path / "moved away")
    make_results(folder, Made(seeds=(1, 2)))
    assert len(load_results(folder).records) == 6


def test_40_sql_in_a_name_is_a_name(folder):
    name = "x'); DROP TABLE trials; --"
    with open_store(folder) as store:
        store.add_suite(Suite(name, (DROPOUT,)))
    results = load_results(folder)
    assert name in [suite.name for suite in results.suites]
    assert len(results.records) == 15


def test_42_results_of_other_versions_devices_or_data_are_never_one_comparison(tmp_path):
    for made in (
        Made(),
        Made(versions=(("keras", "3.14.0"), ("numpy", "2.4.6"), ("tensorflow", "2.20.0"))),
        Made(backend="jax"),
        Made(fingerprint="e" * 16),
    ):
        make_results(tmp_path, made)
    groups = group_records(load_results(tmp_path))
    assert len({group.conditions.training for group in groups}) == len(groups) == 4


def test_42_step_times_of_another_machine_are_not_compared_and_the_table_says_so(tmp_path):
    old, new = (load_results(make_results(tmp_path / name, Made(machine=name))) for name in ("one", "other"))
    compared = compare_folders(old, new, Margins())
    assert compared.frame.step_time_ratio.isna().all()
    assert "machine" in {difference.what for listed in compared.differences for difference in listed}
    assert compared.frame.step_time_hint.str.contains("on another machine").all()


def test_43_a_second_writer_is_refused_and_told_for_whom(folder, capsys):
    with (
        open_store(folder),
        pytest.raises(InputError, match=rf"another run \(process {os.getpid()}, .*wait"),
    ):
        open_store(folder)
    open_store(folder).close()


def test_44_what_is_read_during_a_sweep_is_what_was_there_at_one_instant(whole, folder):
    record = next(iter(load_results(whole).records.values()))

    def seen_by(reader):
        return len(reader.suites()), len(reader.plans()), len(reader.records()), len(reader.search_tries("search"))

    with open_store(folder) as store, contextlib.ExitStack() as readers:
        store.begin_run(collect_provenance())
        expected = []
        for number in range(1, 12):
            for add in (
                lambda number=number: store.add_suite(Suite(f"suite {number}", (DROPOUT,), BASELINE)),
                lambda number=number: store.add_record(
                    dataclasses.replace(record, trial=dataclasses.replace(record.trial, seed=100 + number))
                ),
                lambda number=number: store.add_search_try("search", number, "{}"),
            ):
                add()
                expected.append((readers.enter_context(read_store(folder)), seen_by(store)))
        assert [seen_by(reader) for reader, _ in expected] == [there for _, there in expected]
    assert len({there for _, there in expected}) == 33
    assert len(load_results(folder).records) == 26


def test_weights_for_which_no_room_is_left_are_told_and_not_begun(small_disk):
    """Where a disk gets full amid its work, HDF5 ends the process."""
    model = keras.Sequential([keras.Input((512,)), keras.layers.Dense(1024)])
    with pytest.raises(OSError, match="No space left on device"), replaced(small_disk / "a.weights.h5") as scratch:
        write_weights(model, scratch)
    assert list(small_disk.iterdir()) == []
    write_weights(keras.Sequential([keras.Input((512,)), keras.layers.Dense(128)]), small_disk / "a.weights.h5")
    assert 4 * 512 * 128 < (small_disk / "a.weights.h5").stat().st_size < 4 * 512 * 128 + 2**16


def test_a_dataset_for_which_no_room_is_left_is_told_with_its_disk_and_leaves_nothing(small_disk):
    noise = np.random.default_rng(0).integers(0, 256, (40, 128, 128, 3), np.uint8)
    dataset = Dataset.from_arrays("noise", ["a", "b"], (noise, np.arange(40) % 2), (noise[:4], np.arange(4) % 2))
    with pytest.raises(HarnessError, match=rf"noise cannot be written \(No space left .*; disk of {small_disk}, "):
        write_folder(dataset, small_disk / "noise")
    assert list((small_disk / "noise").iterdir()) == []


def test_a_model_for_which_tmpdir_has_no_room_is_not_kept_and_its_disk_told(small_disk, digits, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    wide = BASELINE.replace(filters=(2,), dense=(1500,))
    environment = training_environment(find_device("cpu"))
    trial = Trial(wide, "", "digits", digits.fingerprint, 1, BUDGETS["smoke"], environment, keep_model=True)
    model = Trainer().run(trial, digits).model
    assert (model.data, model.lasting) == (b"", False)
    told = rf"{small_disk} cannot be written \(No space left on device; disk of {small_disk}, \d of 1 MiB free\): free "
    assert re.match(told, model.trouble)
