"""`pytest suites --benchmark` for real: small variants, one epoch of digits, real workers, keras-tuner and SQLite."""

import csv
import json
import os
import re

import pytest

from harness import load_results

pytestmark = pytest.mark.slow

SUITE = """
from harness import BASELINE, Suite
SUITE = Suite("small", [BASELINE.replace(filters=(4, 8)), BASELINE.replace(filters=(4, 8), dropout=0.5)])
"""
WITH_ONE_MORE = SUITE.replace("])", ", BASELINE.replace(filters=(8,))])")


class Project:
    def __init__(self, pytester):
        self.pytester = pytester
        self.folder = pytester.mkdir("suites")

    def suite(self, text, name="suite_small.py"):
        (self.folder / name).write_text(text)

    def run(self, *arguments, budget="smoke", environment=()):
        os.environ |= {"COLUMNS": "100", "GITHUB_ACTIONS": "", **dict(environment)}
        return self.pytester.runpytest_subprocess("suites", "--benchmark", "--budget", budget, *arguments)

    @property
    def results(self):
        return load_results(self.pytester.path / "results")

    @property
    def rows(self):
        with (self.pytester.path / "results/tables/comparison.csv").open() as file:
            return list(csv.DictReader(file))


@pytest.fixture
def project(pytester):
    project = Project(pytester)
    project.suite(SUITE)
    return project


def test_a_run_gives_tables_json_and_files_and_the_next_one_trains_only_what_is_new(project):
    result = project.run("--benchmark-json", "out.json")
    result.assert_outcomes(passed=3)
    text = result.stdout.str()
    assert re.search(r"3 trials to train, 0 done; 3 step times to measure; about \d+ s", text)
    assert re.search(r"\[3/3\] .* seed 1: accuracy 0\.\d+, \d+\.\d s", text)
    assert "comparison with the baseline" in text
    tables = text[text.index("comparison with the baseline") :].splitlines()
    assert max(map(len, tables[1:])) <= 100
    assert "Warning" not in text + result.stderr.str()
    assert {row["variant"] for row in project.rows} == {"baseline", "filters:4-8", "filters:4-8+dropout:0.5"}
    assert {row["accuracy_verdict"] for row in project.rows if row["variant"] != "baseline"} == {"unresolved"}
    assert all(row["accuracy_ci_low"] == "" for row in project.rows)
    assert all(float(row["step_time_ms"]) > 0 and float(row["flops"]) > 1e4 for row in project.rows)
    for name in ("comparison.md", "comparison.json", "small.md"):
        assert "filters:4-8" in (project.pytester.path / "results/tables" / name).read_text()
    assert not (project.pytester.path / "results/keras-tuner").exists()

    # pytest-benchmark's JSON holds the very step times of the store.
    benchmarks = json.loads((project.pytester.path / "out.json").read_text())["benchmarks"]
    stored = {times.variant.name: times for times in project.results.step_times.values()}
    assert len(benchmarks) == 3
    for entry in benchmarks:
        samples = [value / 1e3 for build in stored[entry["name"]].variant_ms for value in build]
        assert entry["stats"]["data"] == pytest.approx(samples)
        assert entry["group"] == "small"

    keys = set(project.results.records)
    again = project.run(
        *("--benchmark-only", "--benchmark-json", "again.json", "--junitxml", "junit.xml"),
        *("--fail-if", "variant == 'filters:4-8'"),
        environment={"GITHUB_ACTIONS": "true"},
    )
    again.assert_outcomes(passed=3, failed=1)
    assert again.ret == pytest.ExitCode.TESTS_FAILED
    again.stdout.fnmatch_lines(["*0 trials to train, 3 done*"])
    # The runner takes a command only where a line starts with it.
    assert sum(line.startswith("::error ") for line in again.errlines) == 1
    assert "\n::error " in again.stderr.str()
    junit = (project.pytester.path / "junit.xml").read_text()
    assert 'failures="1"' in junit
    assert "failed gate: small / filters:4-8" in junit
    entries = json.loads((project.pytester.path / "again.json").read_text())["benchmarks"]
    accuracies = {record.trial.variant.name: [record.accuracy] for record in project.results.records.values()}
    assert {entry["name"]: entry["extra_info"]["accuracy"] for entry in entries} == accuracies
    assert set(project.results.records) == keys

    project.suite(WITH_ONE_MORE)
    more = project.run("-k", "filters:8")
    more.assert_outcomes(passed=1, deselected=3)
    more.stdout.fnmatch_lines(["*1 trial to train, 1 done*", "*[[]1/1[]] filters:8 seed 1*"])
    assert len(set(project.results.records) - keys) == 1
    assert len(project.rows) == 4, "tables hold every trial that is known"


def test_fault_33_a_builder_that_raises_fails_its_variant_alone_and_lf_runs_it_again(project):
    project.pytester.makepyfile(
        my_models="def build(variant, input_shape, classes):\n    raise KeyError('my own mistake')\n"
    )
    bad = "SUITE = Suite('own', [BASELINE.replace(model='my_models:build'), BASELINE.replace(filters=(4, 8))])"
    project.suite("from harness import BASELINE, Suite\n" + bad)
    result = project.run()
    result.assert_outcomes(passed=2, failed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*my own mistake*", "*my_models.py*"])
    statuses = sorted(row["status"] for row in project.rows)
    assert statuses == ["failed", "ok", "ok"]

    # Mended, the variant's key changes with the source of its module: it alone runs.
    project.pytester.makepyfile(
        my_models="""
import keras

def build(variant, input_shape, classes):
    layers = keras.layers
    return keras.Sequential(
        [keras.Input(input_shape), layers.GlobalAveragePooling2D(), layers.Dense(classes, activation="softmax")]
    )
"""
    )
    mended = project.run("--lf")
    mended.assert_outcomes(passed=1, deselected=2)
    assert sorted(row["status"] for row in project.rows) == ["ok", "ok", "ok"]


def test_x_stops_the_sweep_at_the_first_failed_trial(project):
    project.pytester.makepyfile(my_models="def build(variant, input_shape, classes):\n    return 42\n")
    members = ["BASELINE.replace(model='my_models:build')", *(f"BASELINE.replace(filters=({n},))" for n in range(1, 7))]
    project.suite(f"from harness import BASELINE, Suite\nSUITE = Suite('own', [{', '.join(members)}])\n")
    result = project.run("-x", "--workers", "1")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*1 of 1 trials failed*", "*stopping after 1 failures*"])
    assert len(project.results.records) == 2, "the baseline and the failed one"
    assert "Partial results" in (project.pytester.path / "results/tables/comparison.md").read_text()


def test_fault_22_a_diverged_variant_stays_in_the_table_and_never_wins(project):
    wild = "BASELINE.replace(optimizer='sgd', learning_rate=10.0, l2=10.0)"
    project.suite(f"from harness import BASELINE, Suite\nSUITE = Suite('wild', [{wild}])\n")
    result = project.run("--seeds", "3")
    assert result.ret == 0
    row = project.rows[1]
    assert (row["status"], row["accuracy_verdict"], row["pareto"]) == ("diverged", "unresolved", "no")
    assert row["accuracy"] == ""
    assert "diverged in 3 of 3 seeds" in result.stdout.str()
