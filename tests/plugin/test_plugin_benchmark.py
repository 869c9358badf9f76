"""`pytest suites --benchmark` for real: small variants, one epoch of digits, real workers, keras-tuner and SQLite.

One run in a process of its own; what follows it runs in this one, on copies of its folder.
"""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from xml.etree import ElementTree

import pytest

# What a run imports must be there before it: pytester takes out what came with it, and TensorFlow starts only once.
import harness.pytest_plugin.run
import harness.pytest_plugin.searches
import harness.pytest_plugin.session
import harness.pytest_plugin.summary
import harness.report.write
import harness.running.finish
import harness.running.tuner
import harness.tables
import harness.training.trial  # noqa: F401
from harness import load_results

pytestmark = pytest.mark.slow

SUITE = """
from harness import BASELINE, Suite

SUITE = Suite(
    "small",
    [
        BASELINE.replace(filters=(4, 8)),
        BASELINE.replace(filters=(4, 8), dropout=0.5),
        BASELINE.replace(filters=(4, 8), optimizer="sgd", learning_rate=10.0, l2=10.0),
        BASELINE.replace(model="my_models:build"),
    ],
)
"""
WILD = "filters:4-8+l2:10.0+optimizer:sgd+learning_rate:10.0"
WITH_ONE_MORE = SUITE.replace("    ],", "        BASELINE.replace(filters=(8,)),\n    ],")
BROKEN = "def build(variant, input_shape, classes):\n    raise KeyError('my own mistake')\n"
MENDED = """
import keras

def build(variant, input_shape, classes):
    layers = keras.layers
    return keras.Sequential(
        [keras.Input(input_shape), layers.GlobalAveragePooling2D(), layers.Dense(classes, activation="softmax")]
    )
"""
ARGUMENTS = ("suites", "--benchmark", "--budget", "smoke")


class Project:
    """A folder with suites and what their run left there."""

    def __init__(self, path, suite=SUITE, models=BROKEN):
        self.path = path
        (path / "suites").mkdir(exist_ok=True)
        self.write(suite, models)

    def write(self, suite, models):
        (self.path / "suites/suite_small.py").write_text(suite)
        (self.path / "my_models.py").write_text(models)

    @property
    def results(self):
        return load_results(self.path / "results")

    @property
    def rows(self):
        with (self.path / "results/tables/comparison.csv").open() as file:
            return {row["variant"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    command = [sys.executable, "-m", "pytest", *ARGUMENTS, "--benchmark-json", "out.json"]
    environ = os.environ | {"COLUMNS": "100", "GITHUB_ACTIONS": ""}
    project.run = subprocess.run(
        command, cwd=project.path, env=environ, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    return project


@pytest.fixture
def run(pytester, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("GITHUB_ACTIONS", "")
    before = signal.getsignal(signal.SIGTERM)
    yield lambda *arguments: pytester.runpytest_inprocess(*ARGUMENTS, *arguments)
    signal.signal(signal.SIGTERM, before)


def test_a_run_gives_tables_json_and_files(first):
    text = first.run.stdout
    assert "1 failed, 4 passed" in text, text[-4000:] + first.run.stderr[-2000:]
    assert re.search(r"5 trials to train, 0 done; 5 step times to measure; about \d+ s", text)
    assert re.search(r"\[\d/5\] .* seed 1: accuracy 0\.\d+, \d+\.\d s", text)
    assert "comparison with the baseline" in text
    tables = text[text.index("comparison with the baseline") : text.index("short test summary info")].splitlines()
    assert max(map(len, tables[1:])) <= 100
    outcome = " ".join(" ".join(tables).partition("outcome: which variant")[2].split())
    assert "small (digits, smoke, cpu, 0 to 1 seeds): a smoke budget shows that all runs" in outcome
    assert f"nothing {WILD}: diverged in 1 of 1 seeds" in outcome
    assert "Warning" not in text + first.run.stderr
    fine = [first.rows[name] for name in ("baseline", "filters:4-8", "filters:4-8+dropout:0.5")]
    assert {row["accuracy_verdict"] for row in fine[1:]} == {"unresolved"}
    assert all(row["accuracy_ci_low"] == "" for row in fine)
    assert all(float(row["step_time_ms"]) > 0 and float(row["flops"]) > 1e4 for row in fine)
    for name in ("comparison.md", "comparison.json", "small.md"):
        assert "filters:4-8" in (first.path / "results/tables" / name).read_text()
    assert not (first.path / "results/keras-tuner").exists()
    assert {plan.suite.file for plan in first.results.plans} == {"suites/suite_small.py"}


def test_pytest_benchmarks_json_holds_the_very_step_times_of_the_store(first):
    benchmarks = json.loads((first.path / "out.json").read_text())["benchmarks"]
    stored = {times.variant.name: times for times in first.results.step_times.values()}
    assert {entry["name"] for entry in benchmarks} == set(stored) == set(first.rows) - {"model:my_models:build"}
    for entry in benchmarks:
        samples = [value / 1e3 for build in stored[entry["name"]].variant_ms for value in build]
        assert entry["stats"]["data"] == pytest.approx(samples)
        assert entry["group"] == "small"


def test_a_diverged_variant_stays_in_the_table_and_never_wins(first):
    (row,) = [row for row in first.rows.values() if row["status"] == "diverged"]
    assert row["variant"] == WILD
    assert (row["accuracy_verdict"], row["pareto"], row["accuracy"]) == ("unresolved", "no", "")
    assert "diverged in 1 of 1 seeds" in first.run.stdout


def test_a_builder_that_raises_fails_its_variant_alone(first):
    assert first.run.returncode == 1
    assert re.search(r"my own mistake[^$]*my_models\.py", first.run.stdout)
    assert sorted(row["status"] for row in first.rows.values()) == ["diverged", "failed", "ok", "ok", "ok"]


def test_the_next_runs_train_only_what_is_new_or_mended(first, pytester, run, monkeypatch):
    shutil.copytree(first.path, pytester.path, dirs_exist_ok=True)
    project, keys = Project(pytester.path, WITH_ONE_MORE, MENDED), set(first.results.records)
    failed = run("--lf", "--co", "-q")
    assert [line.rpartition("::")[2] for line in failed.outlines if "::" in line] == ["model:my_models:build"]

    # The mended variant's key changes with the source of its module.
    more = run("-k", "filters:8 or my_models", "--workers", "1")
    more.assert_outcomes(passed=2, deselected=4)
    more.stdout.fnmatch_lines(["*2 trials to train, 1 done*", "*[[]2/2[]] * seed 1*"])
    assert len(set(project.results.records) - keys) == 2
    assert sorted(row["status"] for row in project.rows.values()) == ["diverged", "ok", "ok", "ok", "ok", "ok"]

    # As the reporters of other plugins write them, which know no types of NumPy's.
    pytester.makeconftest(
        """
import json
from pathlib import Path

TOLD = []

def pytest_runtest_logreport(report):
    if report.when == "call":
        TOLD.append(report.user_properties)

def pytest_sessionfinish():
    Path("properties.json").write_text(json.dumps(TOLD))
"""
    )

    # Nothing is left to do: pytest-benchmark's file has the accuracies all the same. A gate that is met is a failure.
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    again = run(
        *("--benchmark-only", "--benchmark-json", "again.json", "--junitxml", "junit.xml"),
        *("--fail-if", "variant == 'filters:4-8'"),
    )
    again.assert_outcomes(passed=5, failed=1)
    again.stdout.fnmatch_lines(["*1 failed, 5 passed*"])
    assert again.ret == pytest.ExitCode.TESTS_FAILED
    again.stdout.fnmatch_lines(["*0 trials to train, 6 done*"])
    # The runner takes a command only where a line starts with it.
    assert sum(line.startswith("::error ") for line in again.errlines) == 1
    assert "\n::error " in again.stderr.str()
    told = json.loads((project.path / "properties.json").read_text())
    assert {dict(one)["status"] for one in told} == {row["status"] for row in project.rows.values()}
    (junit,) = ElementTree.parse(project.path / "junit.xml").getroot()
    assert (junit.get("tests"), junit.get("failures")) == ("6", "1")
    cases = {case.get("name"): case for case in junit}
    assert len(cases) == 6, "none twice"
    assert "failed gate: small / filters:4-8" in cases["filters:4-8"].find("failure").get("message")
    for name, row in project.rows.items():
        told = {one.get("name"): one.get("value") for one in cases[name].find("properties")}
        assert told["status"] == row["status"]
        for column in ("accuracy", "step_time_ratio"):
            assert (column in told) == bool(row[column])
            assert float(told.get(column, 0)) == pytest.approx(float(row[column] or 0), rel=1e-5)
        assert told.get("accuracy_verdict", "") == row["accuracy_verdict"]
    entries = json.loads((project.path / "again.json").read_text())["benchmarks"]
    accuracies = {entry["name"]: entry["extra_info"]["accuracy"] for entry in entries}
    fine = {one.trial.variant.name: [one.accuracy] for one in project.results.records.values() if one.status == "ok"}
    assert len(fine) == 5
    assert {name: accuracies[name] for name in fine} == fine


def test_x_stops_the_sweep_at_the_first_failed_trial(pytester, run):
    members = ["BASELINE.replace(model='my_models:build')", *(f"BASELINE.replace(filters=({n},))" for n in range(1, 7))]
    suite = f"from harness import BASELINE, Suite\nSUITE = Suite('own', [{', '.join(members)}])\n"
    project = Project(pytester.path, suite, "def build(variant, input_shape, classes):\n    return 42\n")
    result = run("-x", "--workers", "1", "--benchmark-skip")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*1 of 1 trials failed*", "*stopping after 1 failures*"])
    assert len(project.results.records) == 2, "the baseline and the failed one"
    assert "Partial results" in (project.path / "results/tables/comparison.md").read_text()


def test_a_search_that_failed_counts_as_a_failure(pytester, run):
    suite = """
from harness import BASELINE, Search, Suite

OWN = BASELINE.replace(model="my_models:build")
SUITE = Suite("small", [BASELINE.replace(filters=(1,))])
SEARCHES = [Search(name, {"dropout": [0.1, 0.5]}, baseline=OWN, tries=2) for name in ("first", "second")]
"""
    project = Project(
        pytester.path, suite, "def build(variant, input_shape, classes):\n    return variant.option('w')\n"
    )
    result = run("-x", "--workers", "1", "--benchmark-skip", "suites/suite_small.py::search:first", "suites")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*stopping after 1 failures*"])
    result.stdout.no_fnmatch_line("search:second*")
    assert not any(record.status == "ok" for record in project.results.records.values()), "nothing else was trained"


def test_maxfail_counts_trials_and_timings_and_stops_the_timing_too(pytester, run):
    """The own model fails in its timing alone, as the baseline: beside it every pair would."""
    suite = """
from harness import BASELINE, Suite

OWN = BASELINE.replace(model="my_models:build")
SUITE = Suite("own", [BASELINE.replace(filters=(1,)), OWN.replace(options={"fails": True})], OWN)
"""
    fails = "    if variant.option('fails', False) or 'harness.timing.timer' in sys.modules:\n        raise KeyError\n"
    models = "import sys\n" + MENDED.replace("    layers =", fails + "    layers =")
    project = Project(pytester.path, suite, models)
    result = run("--maxfail", "2", "--workers", "1")
    assert result.ret == 1
    assert len(project.results.records) == 3, "one failure does not stop the training"
    result.assert_outcomes(failed=2, skipped=1)
    text = result.stdout.str()
    assert re.search(r"\[1/2\] step time of baseline: failed: model .my_models:build. failed: KeyError", text)
    assert "\nstep time of baseline: model" in text, "the item names what failed"
    assert "[2/2] step time" not in text
    assert "Partial results" in (project.path / "results/tables/comparison.md").read_text()


def test_only_what_is_selected_fails_a_gate_and_is_counted(first, pytester, run):
    shutil.copytree(first.path, pytester.path, dirs_exist_ok=True)
    result = run("-k", "dropout:0.5", "--fail-if", "params > 0", "--fail-if", "status == 'failed'")
    result.assert_outcomes(failed=1, deselected=4)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.no_fnmatch_line("*small / baseline*")


def test_after_ctrl_c_it_says_that_the_same_command_goes_on(first, pytester, monkeypatch):
    shutil.copytree(first.path, pytester.path, dirs_exist_ok=True)
    monkeypatch.setenv("COLUMNS", "100")
    pytester.makeconftest("def pytest_runtest_setup(item):\n    raise KeyboardInterrupt\n")
    before = signal.getsignal(signal.SIGTERM)
    result = pytester.runpytest_inprocess(*ARGUMENTS, "-k", "dropout:0.5", no_reraise_ctrlc=True)
    signal.signal(signal.SIGTERM, before)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["interrupted: finished trials are kept; the same command goes on from there"])
