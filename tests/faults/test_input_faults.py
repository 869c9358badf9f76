"""What a user writes that cannot stand: training that explodes, suites that hold a variant twice or do not import."""

import csv
import dataclasses
import io

import numpy as np
import pytest
from made_results import Made, make_results

from harness import BASELINE, BUDGETS, Suite, load_results, run_trial
from harness.cli import run
from harness.comparison import compare
from harness.datasets import Dataset
from harness.errors import InputError
from harness.results.opening import open_store
from harness.results.predictions import Predictions
from harness.results.records import Record
from harness.running.job import prepare
from harness.running.job_settings import JobSettings
from harness.suites import check_suites

DEEP = BASELINE.replace(dropout=0.5)
STRONG = BASELINE.replace(l2=0.1)


@pytest.fixture(scope="module")
def few():
    """Images of noise, as few as train."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (48, 12, 12, 3)).astype(np.uint8)
    labels = np.arange(48) % 2
    return Dataset.from_arrays("few", ["a", "b"], (images[:32], labels[:32]), (images[32:], labels[32:]))


def test_22_a_loss_that_is_not_finite_is_a_diverged_record_without_predictions(few):
    wild = BASELINE.replace(filters=(4,), dense=(), optimizer="sgd", learning_rate=10.0, l2=10.0)
    record = run_trial(wild, few, seed=1, budget=BUDGETS["smoke"].override(epochs=20))
    assert record.status == "diverged"
    assert "not finite" in record.message
    assert record.predictions is None


def test_22_a_diverged_variant_stays_in_the_table_and_never_wins(tmp_path):
    made = Made(accuracies={BASELINE: 0.5, DEEP: 0.9, STRONG: 0.6}, diverged=frozenset({(DEEP, 2)}))
    rows = compare(load_results(make_results(tmp_path, dataclasses.replace(made, step_ms={})))).set_index("variant")
    row = rows.loc[DEEP.name]
    assert (row.status, row.accuracy_verdict, row.pareto) == ("diverged", "unresolved", "no")
    assert rows.loc[STRONG.name].accuracy_verdict == "better"


@pytest.mark.parametrize(
    ("suites", "message"),
    [
        ([Suite("a", [DEEP]), Suite("a", [STRONG])], 'two suites are named "a"'),
        ([Suite("a", [DEEP, BASELINE.replace(dropout=0.5)])], '"a" holds "dropout:0.5" 2 times'),
        ([Suite("a", [BASELINE.replace(filters=[32, 64])])], '"a" holds "baseline" 2 times'),
        ([Suite("a", [BASELINE.replace(filters=[32, 64]), DEEP], baseline=STRONG)], None),
    ],
)
def test_31_two_of_one_name_or_content_are_refused(suites, message):
    if message is None:
        return check_suites(suites)
    with pytest.raises(InputError, match=message):
        check_suites(suites)


def test_32_an_edited_suite_runs_only_what_changed(tmp_path, few, monkeypatch):
    np.savez(
        tmp_path / "few.npz",
        x_train=few.train_images,
        y_train=few.train_labels,
        x_test=few.test_images,
        y_test=few.test_labels,
    )
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    settings = JobSettings(str(tmp_path / "few.npz"), BUDGETS["quick"], device="cpu", results=tmp_path / "results")
    first = prepare(settings, [Suite("edited", [DEEP, STRONG])])
    assert len(first.plan.todo) == 15
    predictions = Predictions(few.test_labels.astype(np.uint16), np.ones(16, np.uint8), np.ones(16, bool))
    with open_store(tmp_path / "results") as store:
        store.begin_run(first.provenance)
        for trial in first.plan.todo:
            store.add_record(Record(trial, "ok", accuracy=1.0, total_s=1.0, predictions=predictions))
    assert prepare(settings, [Suite("edited", [DEEP, STRONG])]).plan.todo == ()
    changed = STRONG.replace(l2=0.01)
    again = prepare(settings, [Suite("edited", [changed, DEEP])]).plan.todo
    assert {trial.variant for trial in again} == {changed}
    assert [trial.seed for trial in again] == [1, 2, 3, 4, 5]


def test_34_a_suite_file_that_fails_to_import_is_pytests_own_error_with_its_line(project, collect, capsys):
    (project / "suites").mkdir()
    (project / "suites/suite_bad.py").write_text("import os\nimport nonsense_that_is_not_there\n")
    code, output = collect("suites", "--benchmark")
    assert code == pytest.ExitCode.INTERRUPTED
    assert "suite_bad.py:2: in <module>" in output
    assert "import nonsense_that_is_not_there" in output
    assert run(["list"]) == 4
    assert "error: suites/suite_bad.py:2: ModuleNotFoundError: " in capsys.readouterr().err
    assert not (project / "results").exists()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_36_a_cell_that_could_be_a_formula_is_prefixed_and_numbers_are_untouched(tmp_path, capsys, text):
    made = Made(name=text, accuracies={BASELINE: 0.8, DEEP: 0.7}, step_ms={}, seeds=(1, 2, 3))
    folder = make_results(tmp_path, made)
    assert run(["tables", "--results", str(folder), "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out, newline="")))
    assert {row["suite"] for row in rows} == {"'" + text.replace("\r", "\n").replace("\t", " ")}
    assert min(float(row["accuracy_ci_low"]) for row in rows if row["accuracy_ci_low"]) < 0
