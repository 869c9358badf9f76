"""What of a damaged store is intact is taken from its bytes; what is not is named, and never shown as a number."""

import contextlib
import random
import re
import shutil
import sqlite3

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
