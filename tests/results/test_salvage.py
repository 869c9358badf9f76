"""What of a damaged store is intact is taken from its bytes; what is not is named, and never shown as a number."""

import contextlib
import random
import re
import shutil
import sqlite3
import subprocess
import sys

import pytest
from changed_stores import make_older
from made_results import Made, make_results

from harness import load_results
from harness.cli import run
from harness.errors import InputError
from harness.results.opening import open_store
from harness.results.salvage import examine, salvage
from harness.results.schema import STORE_NAME

PAGE = 4096


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return make_results(tmp_path_factory.mktemp("whole") / "results", Made(seeds=range(1, 11)))


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "results")


def damage(folder, change):
    """Change the bytes of a folder's store."""
    path = folder / STORE_NAME
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)
    return content


def figures(results):
    return {key: (record.status, record.accuracy) for key, record in results.records.items()}


def said_of(capsys, *command):
    code = run([str(word) for word in command])
    return code, capsys.readouterr()


def sql(folder, statement):
    with contextlib.closing(sqlite3.connect(folder / STORE_NAME)) as connection, connection:
        connection.executescript(statement)


def test_an_intact_store_is_told_so(folder, capsys):
    code, said = said_of(capsys, "store", "check", "--results", folder)
    assert code == 0
    assert said.out == f"{folder / STORE_NAME}: intact: 30 trials, 3 timing runs, 1 run, 1 suite, 0 plans\n"


def test_a_digit_that_changed_is_never_shown_and_its_trial_is_named(folder, tmp_path, capsys):
    sql(folder, "UPDATE trials SET record = replace(record, '810.0', '910.0') WHERE id = 14")
    named = r"the trial dropout:0\.5 seed 4 \(row 14 of trials\)"
    for command in (["tables"], ["report"], ["export", "--format", "csv", "--output", "-"]):
        code, said = said_of(capsys, *command, "--results", folder)
        assert (code, said.out) == (4, "")
        assert re.search(rf"is damaged \({named} is not as it was written\).*harness store salvage", said.err)
    code, said = said_of(capsys, "store", "check", "--results", folder)
    assert code == 1
    assert re.search(rf"^lost: {named}, as far as it can be read$", said.out, re.M)
    code, said = said_of(capsys, "store", "salvage", "--results", folder, "--into", tmp_path / "new")
    assert code == 0
    assert "intact: 29 trials, 3 timing runs" in said.out
    assert examine(tmp_path / "new").fault == ""


DAMAGES = {
    "header": lambda content: content.__setitem__(slice(0, 100), bytes(range(100))),
    "first page": lambda content: content.__setitem__(slice(0, PAGE), random.Random(1).randbytes(PAGE)),
    "cut": lambda content: content.__delitem__(slice(20 * PAGE, None)),
    "zeros": lambda content: content.__setitem__(slice(9 * PAGE, 17 * PAGE), bytes(8 * PAGE)),
    "garbage": lambda content: content.__setitem__(slice(13 * PAGE, 19 * PAGE), random.Random(2).randbytes(6 * PAGE)),
    "every tenth page": lambda content: [
        content.__setitem__(slice(at, at + 512), bytes(512)) for at in range(5 * PAGE, len(content), 10 * PAGE)
    ],
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_what_is_left_of_a_damaged_store_is_as_it_was_and_a_run_goes_on_with_it(whole, folder, tmp_path, kind):
    damaged = damage(folder, DAMAGES[kind])
    with pytest.raises(InputError, match="is damaged"):
        load_results(folder)
    with pytest.raises(InputError, match="is damaged"):
        open_store(folder)
    salvaged = salvage(folder, tmp_path / "new")
    before, after = load_results(whole), load_results(tmp_path / "new")
    assert figures(after).items() <= figures(before).items()
    assert len(after.records) == salvaged.counts["trials"] >= 5
    for key, record in after.records.items():
        assert record.predictions is None or record.predictions.equals(before.records[key].predictions)
    assert bool(salvaged.lost) == (kind not in ("header", "first page"))
    assert (folder / STORE_NAME).read_bytes() == damaged
    open_store(tmp_path / "new").close()


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_store_is_checked_and_salvaged_row_by_row(whole, folder, tmp_path, version):
    make_older(folder / STORE_NAME, version)
    assert examine(folder).fault == ""
    assert salvage(folder, tmp_path / "copy").lost == ()
    assert figures(load_results(tmp_path / "copy")) == figures(load_results(whole))
    damage(folder, DAMAGES["zeros"])
    salvaged = salvage(folder, tmp_path / "new")
    after = load_results(tmp_path / "new")
    assert figures(after).items() <= figures(load_results(whole)).items()
    assert 5 <= len(after.records) == salvaged.counts["trials"] < 30
    assert salvaged.lost


def test_predictions_of_an_older_store_that_are_damaged_name_their_trial(folder):
    make_older(folder / STORE_NAME, 2)
    sql(folder, "UPDATE trials SET predictions = substr(predictions, 1, 40) WHERE id = 14")
    with pytest.raises(InputError, match=r"the trial dropout:0\.5 seed 4 \(row 14 of trials\) cannot be read"):
        load_results(folder)


def test_whatever_bytes_change_only_true_rows_are_salvaged(whole, tmp_path):
    before, content, rng = load_results(whole), (whole / STORE_NAME).read_bytes(), random.Random(5)
    for number in range(40):
        damaged = bytearray(content)
        for _ in range(6):
            at, length = rng.randrange(len(content)), rng.choice((1, 4, 512, PAGE))
            damaged[at : at + length] = rng.randbytes(len(damaged[at : at + length]))
        (tmp_path / STORE_NAME).write_bytes(damaged)
        if examine(tmp_path).fault:
            salvage(tmp_path, tmp_path / f"new {number}")
            assert figures(load_results(tmp_path / f"new {number}")).items() <= figures(before).items()


def test_a_header_of_another_size_of_page_is_seen_through(folder):
    damage(folder, lambda content: content.__setitem__(slice(16, 18), b"\x20\x00"))
    assert examine(folder).counts["trials"] == 30


def test_a_store_whose_counts_are_lost_says_where_what_was_found_ends(folder, tmp_path, capsys):
    sql(folder, "UPDATE tallies SET rows = rows + 1")
    with pytest.raises(InputError, match=r"the number of rows of .*trials.* cannot be told"):
        load_results(folder)
    found = salvage(folder, tmp_path / "new")
    assert found.counts["trials"] == 30
    assert "what there was after row 30 of trials" in found.lost


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DELETE FROM trials WHERE id = 30", "row 30 of trials missing"),
        ("DELETE FROM trials WHERE id IN (4, 5, 9)", "rows 4 to 5 of trials missing"),
        ("DELETE FROM suites", "row 1 of suites missing"),
        ("UPDATE suites SET content = content || ' '", r'"dropout" \(row 1 of suites\) is not as it was written'),
        (
            "UPDATE timings SET key = 'x' WHERE id = 2",
            r"step time of \S+ against baseline \(row 2 of timings\) is not",
        ),
        ("UPDATE trials SET record = 'x' WHERE id = 2", r"\(row 2 of trials is not as it was written\)"),
        ("UPDATE runs SET provenance = CAST(x'ff' AS TEXT)", r"\(row 1 of runs is not as it was written\)"),
        ("DROP TABLE plans", "its tables are not as this program makes them"),
    ],
)
def test_rows_that_are_missing_or_changed_are_named(folder, statement, what):
    sql(folder, statement)
    with pytest.raises(InputError, match=what):
        load_results(folder)
    assert examine(folder).fault


def test_a_row_that_a_store_lost_at_its_end_is_seen_when_it_is_opened_to_be_written(folder):
    sql(folder, "DELETE FROM trials WHERE id = 30")
    with pytest.raises(InputError, match="trials ends at row 29, where 30 were written"):
        open_store(folder)


def test_a_trial_whose_run_is_lost_is_kept_and_said_to_be_of_an_unknown_machine(folder, tmp_path):
    sql(folder, "UPDATE runs SET provenance = 'x'")
    found = salvage(folder, tmp_path / "new")
    assert "machine and commit of 33 rows of trials and timings, which are kept" in found.lost
    assert {made.host for made in load_results(tmp_path / "new").provenances.values()} == {"unknown"}


def test_what_is_no_store_is_not_salvaged_and_nothing_is_overwritten(folder, tmp_path, capsys):
    assert run(["store", "salvage", "--results", str(folder), "--into", str(folder)]) == 4
    assert "nothing is overwritten" in capsys.readouterr().err
    other = tmp_path / "other"
    other.mkdir()
    assert run(["store", "check", "--results", str(other)]) == 4
    (other / STORE_NAME).write_bytes(random.Random(1).randbytes(9000))
    assert run(["store", "salvage", "--results", str(other), "--into", str(tmp_path / "new")]) == 1
    assert "nothing in it can be read" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    with contextlib.closing(sqlite3.connect(tmp_path / STORE_NAME)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    assert run(["store", "check", "--results", str(tmp_path)]) == 4
    assert "is not a store of this program" in capsys.readouterr().err


def test_a_store_left_amid_a_transaction_is_salvaged_as_it_was_before(folder, tmp_path):
    killed = (
        "import sqlite3, os, sys\n"
        "store = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "store.execute('PRAGMA cache_size = 1')\n"
        "store.execute('BEGIN IMMEDIATE')\n"
        "store.execute('UPDATE trials SET record = status')\n"
        "os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", killed, str(folder / STORE_NAME)], check=False)
    assert (folder / f"{STORE_NAME}-journal").stat().st_size
    damage(folder, DAMAGES["header"])
    found = salvage(folder, tmp_path / "new")
    assert found.counts["trials"] == 30
