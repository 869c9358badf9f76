"""The end of a run: its table holds its own trials by key; everything is read, grouped and judged once."""

import collections
import dataclasses

import numpy as np
import pandas as pd
import pytest
from changed_stores import make_older
from drawn_images import draw_folder

from harness import BASELINE, BUDGETS, Suite
from harness.comparison import Margins, compare_all, groups, judge
from harness.comparison.outcome import outcomes_of
from harness.results import load_results
from harness.results.opening import open_store
from harness.results.predictions import Predictions
from harness.results.records import Record
from harness.running import finish as finishing
from harness.running.finish import finish
from harness.running.job import as_stored, begin, prepare
from harness.running.job_settings import JobSettings
from harness.running.machine_speed import MachineSpeed
from harness.running.progress import describe_plan
from harness.running.share import Share
from harness.tables import Screen, render_frame

SMALL = BASELINE.replace(filters=(4,), dense=(8,))
SUITES = (
    Suite("one", (SMALL.replace(dropout=0.5), SMALL.replace(l2=0.01)), baseline=SMALL),
    Suite("two", (SMALL.replace(dropout=0.5),), baseline=SMALL),
)


@pytest.fixture
def settings(tmp_path):
    dataset = draw_folder(tmp_path / "data", train=12, test=10)
    return JobSettings(str(dataset), BUDGETS["quick"].override(seeds=3), device="cpu", results=tmp_path / "results")


def train_by_hand(job, trials=None):
    """Store what the plan has to do, or some of it, as if it had been trained."""
    labels = job.test_set.labels
    with begin(job) as store:
        for trial in job.plan.todo if trials is None else trials:
            right = np.random.default_rng([trial.seed, len(trial.variant.name)]).random(len(labels)) < 0.7
            predictions = Predictions(np.where(right, labels, 1 - labels).astype(np.uint16), right.astype("u1"), right)
            figures = dict.fromkeys(("accuracy", "precision", "recall", "macro_f1"), float(right.mean()))
            store.add_record(
                Record(trial, "ok", epoch=1, params=10, loss=trial.seed, predictions=predictions, **figures)
            )


def test_a_run_with_nothing_to_train_reads_once_groups_once_and_judges_each_pair_once(settings, monkeypatch):
    train_by_hand(prepare(settings, SUITES))
    calls = collections.Counter()

    def count(module, name):
        whole = getattr(module, name)

        def counted(*arguments, **options):
            calls[name] += 1
            return whole(*arguments, **options)

        monkeypatch.setattr(module, name, counted)

    count(finishing, "group_records")
    count(groups, "by_training")
    count(judge, "judge_accuracies")
    count(Record, "from_json")
    job = prepare(settings, SUITES)
    assert not job.plan.todo
    assert "; 3 step times to measure; about " in describe_plan(job.plan, timings=job.untimed)
    begin(job).close()
    outcome = finish(job)
    # 3 variants of 3 seeds; in the suite of two variants and in the suite of one the level is not the same; the page
    # compares the two variants of a suite with each other.
    assert calls == {"from_json": 9, "group_records": 1, "by_training": 1, "judge_accuracies": 4}
    assert outcome.frame.groupby("suite").size().to_dict() == {"one": 3, "two": 2}


def test_a_run_planned_while_another_ended_does_again_nothing_of_what_that_one_did(settings):
    planned, other = (prepare(settings, SUITES) for _ in range(2))
    assert len(planned.plan.todo) == 9
    train_by_hand(other)
    with begin(planned) as store:
        now = as_stored(planned, store, warn=pytest.fail)
        assert not now.plan.todo
        assert as_stored(now, store, warn=pytest.fail) is now
    finish(now)
    # With one of its variants chosen, and of a plan that needs more than the other one trained.
    more = dataclasses.replace(settings, budget=settings.budget.override(seeds=4))
    chosen = prepare(more, [SUITES[0].only([SUITES[0].variants[1]])], declared=[SUITES[0]])
    train_by_hand(prepare(more, SUITES[1:]))
    with begin(chosen) as store:
        now = as_stored(chosen, store, warn=pytest.fail)
    assert [(trial.variant, trial.seed) for trial in now.plan.todo] == [(SUITES[0].variants[1], 4)]
    assert now.declared == (SUITES[0],)


def test_what_there_is_to_warn_of_only_since_the_plan_is_told_once(settings, tmp_path):
    few = dataclasses.replace(settings, dataset=str(draw_folder(tmp_path / "few")))
    planned = prepare(few, SUITES)
    share = Share(1, 1)
    train_by_hand(
        prepare(dataclasses.replace(few, results=share.store_in(few.results), share=share, beside=few.results), SUITES)
    )
    train_by_hand(prepare(few, SUITES[1:]))
    told: list[str] = []
    with begin(planned) as store:
        now = as_stored(planned, store, warn=told.append)
        assert as_stored(now, store, warn=told.append) is now
    assert [warning.split(":")[0] for warning in planned.warnings] == ["4 test images"]
    (line,) = told
    assert line.startswith("3 of 3 trials to train are done in ")


def test_the_files_leave_smoke_out_where_there_is_more(settings):
    smoke = JobSettings(settings.dataset, BUDGETS["smoke"], device="cpu", results=settings.results)
    table = settings.results / "tables" / "comparison.csv"
    for one, budgets in ((smoke, {"smoke"}), (settings, {"quick"}), (smoke, {"quick"})):
        train_by_hand(prepare(one, SUITES))
        assert set(finish(prepare(one, SUITES), partial="x").frame.budget) == {one.budget.name}
        assert set(pd.read_csv(table).budget) == budgets


def test_a_run_of_fewer_variants_and_seeds_shows_those_alone_and_the_files_hold_all(settings):
    train_by_hand(prepare(settings, SUITES))
    whole = finish(prepare(settings, SUITES), partial="x").frame
    chosen = Suite("one", SUITES[0].variants[:1], SMALL)
    job = prepare(settings, [chosen], declared=SUITES)
    frame = finish(job, partial="x").frame
    assert frame.variant.tolist() == ["baseline", "dropout:0.5"]
    assert frame.full_name.tolist() == [SMALL.name, chosen.variants[0].name]
    assert frame.equals(whole.iloc[:2])
    fewer = JobSettings(settings.dataset, BUDGETS["quick"].override(seeds=2), device="cpu", results=settings.results)
    assert set(finish(prepare(fewer, SUITES), partial="x").frame.seeds) == {2}
    table = (settings.results / "tables" / "comparison.csv").read_text()
    assert table.count("\n") == 6


def test_a_suite_that_a_run_has_not_come_to_has_no_rows(settings):
    train_by_hand(prepare(settings, SUITES[:1]))
    later = Suite("later", (SMALL.replace(l2=0.02),), baseline=SMALL.replace(batch_size=16))
    assert set(finish(prepare(settings, [SUITES[0], later]), partial="x").frame.suite) == {"one"}


def test_an_interrupted_run_says_what_its_figures_are_and_that_the_same_command_goes_on(settings):
    suite = Suite("cut", {"half": SMALL.replace(dropout=0.5), "late": SMALL.replace(l2=0.02)}, baseline=SMALL)
    job = prepare(settings, [suite])
    half, late = suite.variants

    def is_left(trial):
        return trial.variant == late or (trial.variant == half and trial.seed > 2)

    done = [trial for trial in job.plan.todo if not is_left(trial)]
    train_by_hand(job, done)
    for own in (True, False):
        ended = finish(prepare(settings, [suite]), partial="interrupted")
        results = load_results(settings.results)
        outcomes = ended.outcomes if own else outcomes_of(compare_all(results, Margins()), results)
        text = render_frame(ended.frame, "plain", screen=Screen(200), outcomes=outcomes)
        assert "nothing late: not begun: run the same command again" in " ".join(text.split())
        assert "half: accuracy: not all of the 3 seeds are there: run the same command again" in text
        assert "partial: the accuracy is the baseline's plus the difference over the seeds that both have" in text
        assert "--seeds auto" not in text
    train_by_hand(prepare(settings, [suite]))
    ended = finish(prepare(settings, [suite]), partial="x")
    text = render_frame(ended.frame, "plain", screen=Screen(200), outcomes=ended.outcomes)
    assert "same command" not in text
    assert "partial" not in text
    # Of a run of fewer variants the others are not missing.
    chosen = Suite("cut", {"half": half}, SMALL)
    assert finish(prepare(settings, [chosen], declared=[suite]), partial="x").outcomes[0].not_begun == ()


def test_an_older_store_is_copied_and_brought_up_to_date(settings):
    train_by_hand(prepare(settings, SUITES))
    store = settings.results / "harness.sqlite"
    make_older(store, 1)
    before = store.read_bytes()
    job = prepare(settings, SUITES)
    assert not job.plan.todo
    assert store.read_bytes() == before
    begin(job).close()
    assert (settings.results / "harness.sqlite.schema-1").read_bytes() == before
    assert finish(job, partial="x").frame.groupby("suite").size().to_dict() == {"one": 3, "two": 2}


def test_what_another_machine_trained_is_not_told_as_this_ones_pace(settings, monkeypatch, tmp_path):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    more = dataclasses.replace(settings, budget=settings.budget.override(seeds=4))

    def told(job):
        return describe_plan(job.plan).splitlines()[1]

    job = prepare(settings, SUITES)
    elsewhere = dataclasses.replace(job.provenance, host="elsewhere")
    with open_store(settings.results) as store:
        store.begin_run(elsewhere)
        store.add_test_set(job.dataset.fingerprint, settings.budget.max_images, job.test_set)
        labels = job.test_set.labels.astype(np.uint16)
        predictions = Predictions(labels, np.full(len(labels), 255, "u1"), np.ones(len(labels), bool))
        figures = dict.fromkeys(("accuracy", "precision", "recall", "macro_f1"), 1.0)
        for trial in job.plan.todo:
            store.add_record(
                Record(trial, "ok", epoch=1, params=10, loss=1.0, total_s=600.0, predictions=predictions, **figures)
            )
    assert told(prepare(more, SUITES)).endswith(
        "(a guess: nothing was trained on this machine's CPU with tensorflow yet)"
    )
    # A share, whose records are in the folder beside its own, knows as little of them, and this machine's as well.
    share = dataclasses.replace(more, results=tmp_path / "share", beside=settings.results)
    assert "guess" in told(prepare(share, SUITES))
    with open_store(settings.results) as store:
        store.begin_run(job.provenance)
        for record in load_results(settings.results).records.values():
            store.add_record(dataclasses.replace(record, trained_on=None))
    for one in (more, share):
        assert "guess" not in told(prepare(one, SUITES))


def test_the_end_of_a_run_is_expected_and_remembered_by_the_rows_of_the_whole_folder(settings, monkeypatch):
    noted = []
    monkeypatch.setattr(
        MachineSpeed, "note", lambda speed, part, **seconds: noted.append((part, seconds["expected_s"]))
    )
    train_by_hand(prepare(settings, SUITES))
    finish(prepare(settings, SUITES), partial="x")
    smoke = dataclasses.replace(settings, budget=BUDGETS["smoke"])
    later = Suite("later", (SMALL.replace(l2=0.02),), baseline=SMALL)
    # Seven rows: its own two and the five there are; of a budget whose rows no table shows beside others none more.
    chosen = Suite("one", SUITES[0].variants[:1], SMALL)
    for one, suites, declared in ((smoke, SUITES, ()), (settings, [chosen], SUITES), (settings, [later], ())):
        job = prepare(one, suites, declared=declared)
        train_by_hand(job)
        finish(job, partial="" if suites == [later] else "x")
        table = (settings.results / "tables" / "comparison.csv").read_text()
        assert job.plan.rows_to_write == table.count("\n") - 1
    assert job.plan.rows_to_write == 7
    assert noted == [("end", job.plan.estimator.on_average().finish_s(7))]
    assert job.plan.estimator.on_average().finish_s(7) > job.plan.estimator.on_average().finish_s(2)
