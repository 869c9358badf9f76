"""A table is exactly what was planned: by key, by source, by recipe; and everything is read and judged once."""

import collections
import contextlib
import dataclasses
import sqlite3
import subprocess
import sys

import numpy as np
import pytest
from changed_stores import make_older
from made_results import Made, make_results

from harness import BASELINE, BUDGETS, InputError, Suite, Variant, compare, load_results
from harness.comparison import Margins, group_records
from harness.comparison.folder_rows import compare_folders
from harness.comparison.pair_rows import compare_variants
from harness.comparison.wanted import Wanted
from harness.results.conditions import Conditions
from harness.results.contents import TestSet
from harness.results.opening import open_store
from harness.results.planned import PlannedSuite
from harness.results.predictions import Predictions
from harness.results.provenance import Provenance
from harness.results.records import Record
from harness.results.step_times import RECIPE, StepTimes, timing_key
from harness.results.store import Store
from harness.results.trials import Environment, Trial

OWN = Variant(model="examples.small_resnet:build")
OTHER = BASELINE.replace(dropout=0.5)
ENVIRONMENT = Environment("cpu", "tensorflow", 1, (("keras", "3.15.1"),))
QUICK = BUDGETS["quick"]
LABELS = np.arange(200) % 4
RUN = Provenance("harness sweep", "2026-01-01T00:00:00+00:00", "host", "cpu", (), 2, 8192, "Linux", "3.11.7")


class Folder:
    """A results folder, written row by row."""

    def __init__(self, path, *suites):
        self.path, self.suites = path, suites
        with open_store(path) as store:
            store.begin_run(RUN)
            store.add_test_set("f", None, TestSet(tuple("abcd"), LABELS))
            for suite in suites:
                store.add_suite(suite)

    def add(self, variant, share, *, source="", status="ok", seeds=range(1, 6), environment=ENVIRONMENT, **changes):
        with open_store(self.path) as store:
            store.begin_run(RUN)
            for seed in seeds:
                trial = Trial(variant, source, "drawn", "f", seed, QUICK, environment, **changes)
                right = np.random.default_rng([seed, 3]).random(200) < share
                predicted = np.where(right, LABELS, (LABELS + 1) % 4).astype(np.uint16)
                predictions = Predictions(predicted, np.ones(200, np.uint8), right)
                figures = dict.fromkeys(("accuracy", "precision", "recall", "macro_f1"), float(right.mean()))
                good = {"epoch": 1, "params": 10, "predictions": predictions, "loss": seed / 7, **figures}
                store.add_record(Record(trial, status, **(good if status == "ok" else {"message": f"it {status}"})))

    def plan(self, suite, sources, *, seeds=5, budget=QUICK):
        conditions = Conditions("drawn", "f", budget, ENVIRONMENT)
        with open_store(self.path) as store:
            store.add_plans([PlannedSuite(suite, conditions, (seeds,), sources)])

    def time(self, baseline, variant, ratio, *, baseline_ms=5.0, flops=1e6, recipe=RECIPE["quick"], sources=("", "")):
        rng = np.random.default_rng(len(variant.name))

        def arm(ms):
            return tuple(tuple(ms * np.exp(rng.normal(0, 0.001, 8))) for _ in range(4))

        environment = dataclasses.replace(ENVIRONMENT, threads=2)
        same = {"fingerprint": "f", "budget": QUICK, "environment": environment}
        key = timing_key(baseline, variant, sources=sources, machine=RUN.machine, recipe=recipe, **same)
        arms = (arm(baseline_ms), arm(baseline_ms), arm(baseline_ms * ratio))
        times = StepTimes(key, variant, baseline, "drawn", "f", QUICK, environment, 4, *arms, flops=flops)
        with open_store(self.path) as store:
            store.begin_run(RUN)
            store.add_step_times(dataclasses.replace(times, recipe=recipe, sources=sources))

    def rows(self, **margins):
        return compare(load_results(self.path), **margins).set_index(["suite", "variant"])


SUITE = Suite("s", (OWN,))


def test_b1_an_edited_and_reverted_model_shows_what_was_planned_not_what_was_trained_last(tmp_path):
    folder = Folder(tmp_path, SUITE)
    folder.add(BASELINE, 0.8)
    folder.plan(SUITE, {BASELINE: "", OWN: "first"})
    folder.add(OWN, 0.9, source="first")
    before = folder.rows()
    folder.plan(SUITE, {BASELINE: "", OWN: "edited"})
    folder.add(OWN, 0.5, source="edited")
    assert folder.rows().accuracy["s", OWN.name] == pytest.approx(0.5, abs=0.05)
    folder.plan(SUITE, {BASELINE: "", OWN: "first"})
    assert folder.rows().equals(before)


def test_b1_holds_between_two_folders_too(tmp_path):
    folders = [Folder(tmp_path / name, SUITE) for name in ("old", "new")]
    for folder in folders:
        folder.plan(SUITE, {BASELINE: "", OWN: "first"})
        folder.add(BASELINE, 0.8)
        folder.add(OWN, 0.9, source="first")
    folders[1].add(OWN, 0.5, source="edited")
    found = compare_folders(*(load_results(folder.path) for folder in folders), Margins())
    assert found.frame.set_index("variant").accuracy_delta[OWN.name] == 0


def test_b2_a_new_source_that_failed_everywhere_is_failed_though_the_old_one_was_good(tmp_path):
    folder = Folder(tmp_path, SUITE)
    folder.add(BASELINE, 0.8)
    folder.add(OWN, 0.9, source="old")
    folder.add(OWN, 0.0, source="new", status="failed")
    row = folder.rows().loc["s", OWN.name]
    assert (row.status, row.seeds, row.message) == ("failed", 0, "it failed")
    folder.plan(SUITE, {BASELINE: "", OWN: "new"})
    assert folder.rows().loc["s", OWN.name].status == "failed"


def test_b3_trials_of_two_recipes_never_share_a_table(tmp_path):
    folder = Folder(tmp_path, Suite("s", (OTHER,)))
    folder.add(BASELINE, 0.8, recipe=1)
    folder.add(OTHER, 0.9, recipe=1)
    folder.add(BASELINE, 0.6, recipe=2)
    frame = compare(load_results(tmp_path))
    assert frame.groupby("recipe").variant.apply(list).to_dict() == {1: ["baseline", OTHER.name], 2: ["baseline"]}
    assert {group.conditions.recipe for group in group_records(load_results(tmp_path))} == {1, 2}


def test_b3_step_times_of_an_older_way_of_measuring_are_never_shown(tmp_path):
    folder = Folder(tmp_path, Suite("s", (OTHER,)))
    folder.add(BASELINE, 0.8)
    folder.add(OTHER, 0.9)
    folder.time(BASELINE, OTHER, 2.0, recipe=RECIPE["quick"] - 1)
    assert folder.rows().step_time_ratio.isna()["s", OTHER.name]
    folder.time(BASELINE, OTHER, 1.5)
    assert folder.rows().step_time_ratio["s", OTHER.name] == pytest.approx(1.5, rel=0.01)


def test_b3_step_times_of_another_source_are_never_shown(tmp_path):
    folder = Folder(tmp_path, SUITE)
    folder.add(BASELINE, 0.8)
    folder.add(OWN, 0.9, source="now")
    folder.time(BASELINE, OWN, 2.0, sources=("", "before"))
    assert folder.rows().step_time_ratio.isna()["s", OWN.name]
    folder.time(BASELINE, OWN, 1.2, sources=("", "now"))
    assert folder.rows().step_time_ratio["s", OWN.name] == pytest.approx(1.2, rel=0.01)


def test_a_measurement_stored_before_recipes_were_is_known_by_its_key(tmp_path):
    folder = Folder(tmp_path, SUITE)
    folder.add(OWN, 0.9, source="now")
    folder.time(BASELINE, OWN, 1.2, sources=("", "now"), recipe=3)
    make_older(tmp_path / "harness.sqlite", 2)
    with contextlib.closing(sqlite3.connect(tmp_path / "harness.sqlite")) as connection, connection:
        connection.execute("UPDATE timings SET step_times = json_remove(step_times, '$.recipe', '$.sources')")
    (times,) = load_results(tmp_path).step_times.values()
    assert (times.recipe, times.sources) == (3, ("", "now"))


@pytest.mark.parametrize("diverged", [OTHER, BASELINE])
def test_b4_a_diverged_seed_silences_every_metric_whichever_of_the_two_diverged(tmp_path, diverged):
    folder = Folder(tmp_path, Suite("s", (OTHER,)))
    for variant, share in ((BASELINE, 0.5), (OTHER, 0.9)):
        folder.add(variant, share, seeds=range(1, 5))
        folder.add(variant, share, seeds=[5], status="diverged" if variant == diverged else "ok")
    row = folder.rows().loc["s", OTHER.name]
    metrics = ("accuracy", "precision", "recall", "macro_f1")
    assert {row[f"{metric}_verdict"] for metric in metrics} == {"unresolved"}
    assert all("diverged in 1 of 5 seeds" in row[f"{metric}_hint"] for metric in metrics)
    assert row[[f"{metric}_{end}" for metric in metrics for end in ("ci_low", "ci_high", "p")]].isna().all()
    assert row.accuracy_delta > 0.2


def test_b5_a_baseline_that_was_not_timed_against_itself_has_no_figures_of_another_variant(tmp_path):
    folder = Folder(tmp_path, Suite("s", (OTHER,)))
    folder.add(BASELINE, 0.8)
    folder.add(OTHER, 0.9)
    folder.time(BASELINE, OTHER, 2.0, flops=7e6)
    rows = folder.rows()
    assert np.isnan(rows.flops["s", "baseline"])
    assert rows.flops["s", OTHER.name] == 7e6
    assert rows.step_time_ms["s", "baseline"] == pytest.approx(5.0, rel=0.01)


def test_a_baseline_of_several_suites_has_one_step_in_ms_and_compare_shows_it_too(tmp_path):
    wide = BASELINE.replace(filters=(64, 128))
    suites = (Suite("one", (OTHER,)), Suite("two", (wide,)))
    folders = [Folder(tmp_path / name, *suites) for name in ("old", "new")]
    for folder, speed in zip(folders, (1.0, 1.3), strict=True):
        for variant in (BASELINE, OTHER, wide):
            folder.add(variant, 0.8)
        folder.time(BASELINE, OTHER, 1.1, baseline_ms=5.0 * speed)
        folder.time(BASELINE, wide, 2.0, baseline_ms=7.0 * speed)  # while the machine was slower
    old, new = (folder.rows() for folder in folders)
    assert old.step_time_ms["one", "baseline"] == old.step_time_ms["two", "baseline"]
    found = compare_folders(*(load_results(folder.path) for folder in folders), Margins()).frame.set_index("variant")
    for suite, variant in (("one", OTHER), ("two", wide)):
        assert found.step_time_old_ms[variant.name] == old.step_time_ms[suite, variant.name]
        assert found.step_time_ms[variant.name] == new.step_time_ms[suite, variant.name]
        ratio = new.step_time_ms[suite, variant.name] / old.step_time_ms[suite, variant.name]
        assert found.step_time_ratio[variant.name] == pytest.approx(ratio)


def test_a_trial_planned_under_two_budgets_stands_in_both_tables(tmp_path):
    folder = Folder(tmp_path, Suite("s", (OTHER,)))
    for variant in (BASELINE, OTHER):
        folder.add(variant, 0.8)
    for budget in (QUICK, BUDGETS["full"].override(epochs=5)):
        folder.plan(Suite("s", (OTHER,)), {BASELINE: "", OTHER: ""}, budget=budget)
    assert compare(load_results(tmp_path)).groupby("budget").size().to_dict() == {"quick": 2, "full+epochs:5": 2}


def test_what_was_read_before_is_not_read_again(tmp_path, monkeypatch):
    folder = Folder(tmp_path, Suite("s", (OTHER,)))
    folder.add(BASELINE, 0.8)
    first = load_results(tmp_path)
    folder.add(OTHER, 0.9)
    read = collections.Counter()
    whole = Record.from_json.__func__

    def counted(cls, text, predictions, **options):
        record = whole(cls, text, predictions, **options)
        read[record.trial.label] += 1
        return record

    monkeypatch.setattr(Record, "from_json", classmethod(counted))
    both = load_results(tmp_path, known=first)
    assert read == {f"{OTHER.name} seed {seed}": 1 for seed in range(1, 6)}
    assert both.records.keys() == load_results(tmp_path).records.keys()


def test_predictions_of_a_store_are_those_that_were_stored(tmp_path):
    made = load_results(make_results(tmp_path, Made()))
    record = next(iter(made.records.values()))
    again = Predictions.from_bytes(record.predictions.unpacked().to_bytes())
    for name in ("predicted", "positives", "true_positive"):
        assert np.array_equal(getattr(again, name), getattr(record.predictions, name))


def test_an_edited_suite_leaves_the_tables_of_other_conditions_as_they_were(tmp_path):
    wide = BASELINE.replace(filters=(64, 128))
    folder = Folder(tmp_path, Suite("s", (OTHER,)))
    for variant, share in ((BASELINE, 0.5), (OTHER, 0.9)):
        folder.add(variant, share)
    folder.plan(Suite("s", (OTHER,)), {BASELINE: "", OTHER: ""})
    before = folder.rows()
    edited = Suite("s", tuple(wide.replace(l2=0.1 * number) for number in range(1, 9)), baseline=wide)
    with open_store(tmp_path) as store:
        store.add_suite(edited)
    folder.plan(edited, dict.fromkeys(edited.members, ""), budget=BUDGETS["smoke"])
    assert folder.rows().equals(before)


def test_a_run_that_ended_before_its_first_trial_hides_nothing(tmp_path):
    folder = Folder(tmp_path, SUITE)
    folder.add(BASELINE, 0.8)
    folder.add(OWN, 0.9, source="old")
    folder.plan(SUITE, {BASELINE: "", OWN: "old"})
    before = folder.rows()
    folder.plan(SUITE, {BASELINE: "", OWN: "edited"})
    assert folder.rows().equals(before)
    folder.add(OWN, 0.0, source="edited", status="failed", seeds=[1])
    assert folder.rows().loc["s", OWN.name].status == "failed"


def test_a_folders_table_has_the_seeds_that_its_variants_newest_run_asked_for(tmp_path):
    suite = Suite("s", (OTHER,))
    folder = Folder(tmp_path, suite)
    for variant in suite.members:
        folder.add(variant, 0.8, seeds=range(1, 11))
    folder.plan(suite, dict.fromkeys(suite.members, ""), seeds=10)
    assert set(folder.rows().seeds) == {10}
    folder.plan(suite, {OTHER: ""}, seeds=3)
    assert folder.rows().seeds.to_dict() == {("s", "baseline"): 10, ("s", OTHER.name): 3}
    assert set(folder.rows().status) == {"ok"}


def test_two_folders_of_two_backends_are_compared_backend_by_backend(tmp_path):
    jax = dataclasses.replace(ENVIRONMENT, backend="jax")
    for name in ("old", "new"):
        folder = Folder(tmp_path / name, Suite("s", (OTHER,)))
        for environment, share in ((ENVIRONMENT, 0.9), (jax, 0.5)):
            for variant in (BASELINE, OTHER):
                folder.add(variant, share, environment=environment)
    both = [load_results(tmp_path / name) for name in ("old", "new")]
    found = compare_folders(*both, Margins())
    assert found.frame.groupby("backend").size().to_dict() == {"jax": 2, "tensorflow": 2}
    chosen = compare_folders(*both, Margins(), Wanted(backend="tensorflow")).frame
    assert chosen.accuracy.tolist() == pytest.approx([0.9, 0.9], abs=0.05)


def test_a_store_whose_writer_was_killed_between_write_and_commit_is_read_again(tmp_path):
    folder = Folder(tmp_path, Suite("s", (OTHER,)))
    folder.add(BASELINE, 0.8)
    killed = (
        "import sqlite3, os, sys\n"
        "store = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "store.execute('PRAGMA cache_size = 1')\n"
        "store.execute('BEGIN IMMEDIATE')\n"
        "store.execute('CREATE TABLE spill (text)')\n"
        "store.executemany('INSERT INTO spill VALUES (?)', [('x' * 4000,)] * 500)\n"
        "os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", killed, str(tmp_path / "harness.sqlite")], check=False)
    assert (tmp_path / "harness.sqlite-journal").stat().st_size > 0
    assert len(load_results(tmp_path).records) == 5
    (tmp_path / "harness.sqlite").write_bytes(b"")
    with pytest.raises(InputError, match="is empty"):
        load_results(tmp_path)


def test_what_is_added_while_a_store_is_read_is_not_in_the_snapshot(tmp_path, monkeypatch):
    folder = Folder(tmp_path, Suite("s", (OTHER,)))
    folder.add(BASELINE, 0.8)
    folder.plan(SUITE, {BASELINE: ""})
    whole = Store.trials

    def slowly(store, **options):
        rows = whole(store, **options)
        yield next(rows)
        folder.plan(Suite("later", (OTHER,)), {OTHER: ""})  # another process begins a run and stores its rows
        folder.add(OTHER, 0.9)
        yield from rows

    monkeypatch.setattr(Store, "trials", slowly)
    found = load_results(tmp_path)
    assert len(found.records) == len(found.provenances) == 5
    assert [plan.suite.name for plan in found.plans] == ["s"]
    monkeypatch.undo()
    assert len(load_results(tmp_path, known=found).records) == 10


def test_two_variants_that_stopped_by_looks_are_compared_at_their_common_look_and_level(tmp_path):
    suite = Suite("s", (OWN, OTHER))
    folder = Folder(tmp_path, suite)
    for variant, seeds in ((BASELINE, 12), (OWN, 12), (OTHER, 8)):
        folder.add(variant, {BASELINE: 0.8, OWN: 0.79, OTHER: 0.78}[variant], seeds=range(1, seeds + 1))
    with open_store(folder.path) as store:
        conditions = Conditions("drawn", "f", QUICK, ENVIRONMENT)
        store.add_plans([PlannedSuite(suite, conditions, (5, 8, 12, 18, 30), dict.fromkeys(suite.members, ""))])
    results = load_results(folder.path)
    row = compare_variants(results, OWN.name, OTHER.name, Margins()).iloc[1]
    assert (row.seeds, row.status) == (8, "ok")
    # Nothing will go on to settle it.
    assert "same command" not in row.accuracy_hint
    found = compare_folders(results, results, Margins()).frame.set_index("variant")
    assert found.seeds.to_dict() == {BASELINE.name: 5, OWN.name: 5, OTHER.name: 5}
