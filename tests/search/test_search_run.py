"""A search from the command line to its winner's table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness import load_results
from harness.cli import run
from harness.results.opening import read_store
from harness.search.tries import Ending

# A builder of the user's own, whose width 8 raises, and whose width 5 explodes in training.
BUILDER = """
import pathlib

import keras

def build(variant, input_shape, classes):
    width = variant.option("width")
    if width == 8 and not pathlib.Path(__file__).with_name("healed").exists():
        raise ValueError("no model of width 8")
    inputs = keras.Input(input_shape)
    x = keras.layers.Dense(width, activation="relu")(keras.layers.Flatten()(inputs))
    outputs = keras.layers.Dense(classes, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    if width == 5:  # explodes in training
        model.compile(keras.optimizers.SGD(1e30), "categorical_crossentropy", metrics=["accuracy"])
    return model
"""
SUITE = """
from harness import BASELINE
from harness.search import Search

BASE = BASELINE.replace(model="my_widths:build", options={"width": 1})
WIDTH = Search("width", {"options": [{"width": width} for width in (1, 3, 5, 8)]}, baseline=BASE, tries=4)
"""


def search(folder: Path, *arguments: str) -> int:
    options = ["--budget", "smoke", "--seeds", "2", "--device", "cpu", "--workers", "1"]
    results = ["--results", str(folder / "results")]
    return run(["search", str(folder / "suite_width.py"), *results, *options, *arguments])


@pytest.mark.slow
def test_search_ends_in_its_winners_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "my_widths.py").write_text(BUILDER)
    (tmp_path / "suite_width.py").write_text(SUITE)
    # One width fails: the others are tried all the same, and the exit code says so.
    assert search(tmp_path) == 1
    output = capsys.readouterr().out
    assert "no model of width 8" in output
    assert "diverged" in output

    with read_store(tmp_path / "results") as store:
        ending = Ending.from_json(store.searches()["search:width"])
        everything = store.records()
    assert (ending.tries, ending.failed, ending.refused) == (4, 1, 0)
    assert dict(ending.winner.options) == {"width": 3}
    assert ending.seeds == (1001,)

    results = load_results(tmp_path / "results")
    # Four tries with seed 1001, then winner and baseline with the fresh seeds 1 and 2: only these are compared.
    assert sorted(record.trial.seed for record in everything.values()) == [1, 1, 2, 2, 1001, 1001, 1001, 1001]
    assert sorted(record.trial.seed for record in results.records.values()) == [1, 1, 2, 2]
    rows = json.loads((tmp_path / "results/tables/comparison.json").read_text())
    assert [(row["suite"], row["seeds"]) for row in rows] == [("search:width", 2)] * 2
    assert rows[0]["search"] == ""
    assert rows[1]["search"] == (
        "winner of 4 tries by random search (4 epochs in all); chosen by val_accuracy on validation images of "
        "seed 1001, compared on others"
    )
    (table,) = (tmp_path / "results/tables").glob("search*.md")
    assert "winner of 4 tries by random search" in table.read_text()

    # Once more: the failed try is tried again, nothing else is trained.
    assert search(tmp_path) == 1
    with read_store(tmp_path / "results") as store:
        assert {key for key, record in store.records().items() if record.status != "failed"} == {
            key for key, record in everything.items() if record.status != "failed"
        }
        assert Ending.from_json(store.searches()["search:width"]) == ending

    # What failed gives a result at last, and beats the winner of before: the table is the one of a search that met no
    # failure.
    (tmp_path / "healed").touch()
    assert search(tmp_path) == 0
    rows = json.loads((tmp_path / "results/tables/comparison.json").read_text())
    assert [row["variant"] for row in rows] == ["baseline", "width:8"]

    # A search in which nothing beats the baseline compares nothing: the winner of before is withdrawn.
    (tmp_path / "suite_width.py").write_text(SUITE.replace("(1, 3, 5, 8)", "(1, 5)").replace("=4", "=2"))
    assert search(tmp_path) == 0
    assert "no try beat the baseline" in capsys.readouterr().out
    assert json.loads((tmp_path / "results/tables/comparison.json").read_text()) == []


SUITE_AND_SEARCH = """
from harness import BASELINE, Suite
from harness.search import Search

SLOW = BASELINE.replace(filters=(4,), dense=(16,), learning_rate=1e-7)
SUITE = Suite("plain", [SLOW.replace(dropout=0.5)], baseline=SLOW)
SEARCH = Search("faster", {"learning_rate": [1e-7, 0.01]}, baseline=SLOW, tries=2)
"""


@pytest.mark.slow
def test_under_pytest_a_winner_stands_in_the_files_beside_an_ordinary_suite(pytester: pytest.Pytester) -> None:
    pytester.mkdir("suites").joinpath("suite_both.py").write_text(SUITE_AND_SEARCH)
    options = ["--benchmark", "--budget", "smoke", "--device", "cpu", "--workers", "1", "--benchmark-skip"]
    gate = ["--live", "3600", "--fail-if", "suite == 'search:faster'"]
    result = pytester.runpytest_subprocess("suites/suite_both.py", *options, *gate)
    # Baseline and winner of the search both fail it: their one item tells so, and nothing tells it again.
    result.assert_outcomes(failed=1, skipped=2)
    result.stdout.fnmatch_lines(["search:faster: * search, 2 tries*; --live begins with the winner"])
    results = load_results(pytester.path / "results")
    rows = json.loads((results.folder / "tables/comparison.json").read_text())
    assert {row["suite"] for row in rows} == {"plain", "search:faster"}
    assert {plan.suite.name for plan in results.plans} == {"plain", "search:faster"}
