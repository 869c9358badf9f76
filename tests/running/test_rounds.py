"""`--seeds auto`: rounds of trials, rows that stop, and the same end however often a run was interrupted.

Trials are drawn instead of trained: each trial's outcome is decided by its variant and seed, as a real one's is.
"""

import dataclasses
import json

import numpy as np
import pytest
from drawn_images import draw_folder

from harness import BASELINE, BUDGETS, Suite, load_results
from harness.comparison.suite_rows import compare
from harness.results.predictions import Predictions
from harness.results.records import Record
from harness.running.finish import finish
from harness.running.job import begin, prepare
from harness.running.job_settings import JobSettings
from harness.running.plan_lines import variant_lines
from harness.running.progress import Progress, describe_plan, describe_round
from harness.running.train import run_rounds
from harness.statistics import two_way
from harness.tables import render_suite
from harness.tables.screen import Screen
from harness.tables.suite_rows import split_tables

SMALL = BASELINE.replace(filters=(4,), dense=(8,))
CLEAR, CLOSE, OPEN, SICK = (SMALL.replace(dropout=share) for share in (0.1, 0.2, 0.3, 0.4))
RIGHT = {SMALL: 0.7, CLEAR: 0.95, CLOSE: 0.71, OPEN: 0.78, SICK: 0.78}
"""Chances to be right."""

ONE, TWO = Suite("one", (CLEAR, CLOSE, OPEN), SMALL), Suite("two", (OPEN, SICK), SMALL)
AUTO = BUDGETS["quick"].override(seeds="auto")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return str(draw_folder(tmp_path_factory.mktemp("data"), train=12, test=60))


@pytest.fixture
def settings(tmp_path, dataset):
    return JobSettings(dataset, AUTO, device="cpu", results=tmp_path / "results")


class Killed(Exception):
    """The process is gone."""


def outcome(trial, labels, *, sick=lambda trial: False):
    if sick(trial):
        return Record(trial, "failed", "out of memory")
    # What a seed is lucky with, both arms are: as with the same split.
    luck = 0.03 * np.random.default_rng(trial.seed).normal()
    rng = np.random.default_rng([trial.seed, round(100 * (trial.variant.dropout or 0))])
    right = rng.random(len(labels)) < RIGHT[trial.variant] + luck + 0.02 * rng.normal()
    predictions = Predictions(np.where(right, labels, 1 - labels).astype(np.uint16), right.astype("u1"), right)
    figures = dict.fromkeys(("accuracy", "precision", "recall", "macro_f1"), float(right.mean()))
    return Record(trial, "ok", epoch=1, params=10, loss=trial.seed, total_s=1.0, predictions=predictions, **figures)


def run(settings, suites=(ONE,), *, declared=(), most=10_000, rounds=None, **outcomes):
    """Run a job as `train` does; killed after `most` trials. Returns how many it ran, and its last plan."""
    job = prepare(settings, suites, declared=declared)
    tried: set[str] = set()
    with begin(job) as store:

        def train(trials):
            for trial in trials:
                if len(tried) == most:
                    raise Killed
                store.add_record(outcome(trial, job.test_set.labels, **outcomes))
                tried.add(trial.key)
            return True

        try:
            plan = run_rounds(job, train, tried, announce=[].append if rounds is None else rounds.append)
        except Killed:
            plan = None
    return len(tried), plan


def rows(settings, **columns):
    frame = compare(load_results(settings.results))
    return frame.set_index(["suite", "full_name"])


def judged(settings):
    """Everything that the tables say, figures included, but when the trials ran."""
    return json.loads(compare(load_results(settings.results)).drop(columns="trained_at").to_json(orient="records"))


def test_rows_stop_at_the_look_that_settles_them_and_the_baseline_follows_the_furthest(settings):
    rounds: list = []
    trained, plan = run(settings, rounds=rounds)
    table = rows(settings)
    clear, baseline = table.loc["one", CLEAR.name], table.loc["one", SMALL.name]
    assert (clear.seeds, clear.accuracy_verdict, clear.accuracy_hint) == (5, "better", "settled at 5 seeds")
    others = table.loc["one"].drop(index=[SMALL.name, CLEAR.name])
    assert baseline.seeds == others.seeds.max() > 5
    assert trained == table.seeds.sum() < 4 * 30
    assert set(table.status) == {"ok"}
    assert not plan.todo
    # Each round is announced with the rows that it is for.
    assert len(rounds) >= 1
    first = describe_round(rounds[0])
    assert first.startswith("judged at 5 seeds: 1 of 3 rows settled, ")
    assert ONE.label(OPEN) in first
    assert ONE.label(CLEAR) not in first


def test_intervals_are_those_of_their_look_and_what_is_shown_adds_up(settings):
    run(settings)
    table, records = rows(settings).loc["one"], load_results(settings.results).records.values()
    labels = prepare(settings, [ONE]).test_set.labels
    for variant, look, share in ((CLEAR, 5, 5 / 30), (OPEN, int(table.seeds[OPEN.name]), None)):
        right = {(one.trial.variant, one.trial.seed): one.predictions.unpacked().predicted == labels for one in records}
        seeds = range(1, look + 1)
        effect = two_way([right[variant, seed] * 1.0 - right[SMALL, seed] for seed in seeds])
        row = table.loc[variant.name]
        share = share or (look - max(one for one in AUTO.looks if one < look)) / 30
        half = effect.half_width(0.05 * share / 3)
        assert (row.accuracy_delta, row.accuracy_ci_high - row.accuracy_delta) == pytest.approx((effect.mean, half))
        assert row.accuracy_p == pytest.approx(min(1, effect.p_value() * 3 / share))
    assert set(table.looks) == {"5, 8, 12, 18, 30"}
    for metric in ("accuracy", "recall"):
        assert table[metric].to_numpy() == pytest.approx((table[metric].iloc[0] + table[f"{metric}_delta"]).to_numpy())


@pytest.mark.parametrize("step", [5, 19])
def test_a_run_killed_at_any_instant_ends_as_an_undisturbed_one(settings, step):
    undisturbed = dataclasses.replace(settings, results=settings.results.with_name("whole"))
    trained, _ = run(undisturbed, (ONE, TWO))
    pieces, plan = 0, None
    while plan is None:
        count, plan = run(settings, (ONE, TWO), most=step)
        pieces += count
    assert pieces == trained
    assert judged(settings) == judged(undisturbed)
    again, _ = run(settings, (ONE, TWO))
    assert again == 0


def test_a_trial_that_rows_of_two_suites_want_runs_once_and_each_row_ends_by_its_own_suite(settings):
    trained, _ = run(settings, (ONE, TWO))
    assert trained == len(load_results(settings.results).records)
    alone = dataclasses.replace(settings, results=settings.results.with_name("alone"))
    run(alone, (ONE,))
    both, one = rows(settings).loc["one"], rows(alone).loc["one"]
    settled = one.index[one.accuracy_verdict.isin(["better", "worse", "same"])]
    assert CLEAR.name in settled
    columns = ["seeds", "accuracy_delta", "accuracy_ci_low", "accuracy_verdict", "accuracy_hint"]
    assert both.loc[settled, columns].equals(one.loc[settled, columns])
    # What one suite needs more of the baseline than the other is none of the other's.
    assert both.seeds[SMALL.name] == both.seeds.drop(SMALL.name).max()


def test_a_chosen_row_is_judged_at_the_level_of_the_whole_suite(settings):
    chosen = Suite("one", (CLEAR,), SMALL)
    run(settings, [chosen], declared=[ONE])
    part = rows(settings).loc["one", CLEAR.name]
    run(settings)
    whole = rows(settings).loc["one", CLEAR.name]
    columns = ["seeds", "accuracy_delta", "accuracy_ci_low", "accuracy_ci_high", "accuracy_p", "accuracy_verdict"]
    assert part[columns].equals(whole[columns])


def test_failed_seeds_count_as_tried_and_are_tried_again_once_by_the_next_run(settings):
    def sick(trial):
        return trial.variant == CLEAR and trial.seed == 2

    run(settings, sick=sick)
    row = rows(settings).loc["one", CLEAR.name]
    assert (row.status, row.message, row.seeds + 1 in AUTO.looks) == ("partial", "out of memory", True)
    assert not row.accuracy_hint.startswith("open")
    again, plan = run(settings, sick=sick)
    assert again == 1
    assert not plan.todo
    again, _ = run(settings)
    assert again == 1
    assert rows(settings).loc["one", CLEAR.name].status == "ok"
    # A variant that always fails is not tried thirty times.
    gone = dataclasses.replace(settings, results=settings.results.with_name("gone"))
    run(gone, [Suite("one", (CLEAR,), SMALL)], sick=lambda trial: trial.variant == CLEAR)
    assert rows(gone).seeds.tolist() == [5, 0]


def test_a_second_analysis_of_the_same_trials_is_never_silent(settings):
    fixed = dataclasses.replace(settings, budget=BUDGETS["quick"])
    run(fixed)
    assert set(rows(settings).judged_before) == {""}
    run(settings)
    said = rows(settings).loc["one", CLEAR.name].judged_before
    assert said.startswith("judged before by other looks (5 seeds; now auto up to 30 seeds): ")
    assert said.endswith("may be wrong in 10% of suites")
    run(dataclasses.replace(settings, budget=BUDGETS["quick"].override(seeds="auto", max_seeds=40)))
    said = rows(settings).loc["one", CLEAR.name].judged_before
    assert "(5 seeds, auto up to 30 seeds; now auto up to 40 seeds)" in said
    (table,) = split_tables(compare(load_results(settings.results)))
    assert "all variants: judged before" in render_suite(table, screen=Screen(200))
    outcome = finish(prepare(settings, [ONE]), partial="x")
    assert "auto up to 40 seeds" in outcome.frame.judged_before.iloc[1]


def test_training_anew_goes_through_the_looks_anew(settings):
    trained, _ = run(settings)
    before = judged(settings)
    again, _ = run(dataclasses.replace(settings, retrain=True))
    assert (again, judged(settings)) == (trained, before)


def test_an_edited_suite_trains_what_is_new_and_what_its_stricter_level_leaves_open(settings):
    run(settings, [Suite("one", (CLEAR,), SMALL)])
    before = len(load_results(settings.results).records)
    run(settings)
    fresh = dataclasses.replace(settings, results=settings.results.with_name("fresh"))
    trained, _ = run(fresh)
    assert before == 10
    assert len(load_results(settings.results).records) == trained
    assert judged(settings) == judged(fresh)


def test_a_plan_says_from_how_many_trials_to_how_many_and_what_is_left_of_it_when_rows_have_stopped(settings):
    plan = prepare(settings, [ONE]).plan
    compared, work = describe_plan(plan).splitlines()
    assert compared.endswith("4 variants, 20 to 120 trials")
    assert work.startswith("20 to 120 trials to train, 0 done; about ")
    assert "to do: seeds 1-5; then up to 25 more, until it is settled" in variant_lines(plan, {})[1]
    run(settings, most=20)
    left = prepare(settings, [ONE])
    assert left.plan.todo
    compared, work = describe_plan(left.plan).splitlines()
    assert len(left.plan.todo) < int(work.split()[2]) < 100
    assert variant_lines(left.plan, left.results.records)[1].endswith("done: seeds 1-5")
    run(settings)
    assert describe_plan(prepare(settings, [ONE]).plan).splitlines()[1].startswith("0 trials to train, ")


def test_a_row_that_an_interrupted_run_left_behind_goes_first(settings):
    run(settings, most=17)
    plan = prepare(settings, [ONE]).plan
    assert [(trial.variant, trial.seed) for trial in plan.todo] == [(OPEN, 3), (OPEN, 4), (OPEN, 5)]
    assert next(row for row in plan.rows if row.variant == CLOSE).standing.open


def test_what_a_round_settled_is_said_below_the_drawn_line_and_its_trials_are_counted(settings, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    first, rounds, written = prepare(settings, [ONE]).plan, [], []
    run(settings, rounds=rounds)
    progress = Progress(len(first.todo), written.append, live=True, plan=first)
    progress.trial_done(Record(first.todo[0], "ok", accuracy=0.5, total_s=1.0))
    progress.next_round(rounds[0])
    _, drawn, cleared, said = written
    assert cleared == "\r" + " " * (len(drawn.rstrip()) - 1) + "\r"
    assert said == describe_round(rounds[0]) + "\n"
    progress.trial_done(Record(rounds[0].todo[0], "ok", accuracy=0.5, total_s=1.0))
    assert f"2 of {len(first.todo) + len(rounds[0].todo)} done" in written[-1]


def test_an_interrupted_table_is_judged_at_the_last_whole_look_and_says_that_it_goes_on(settings):
    run(settings, most=13)
    table = rows(settings).loc["one"]
    assert table.accuracy_verdict[CLEAR.name] == "better"
    waiting = table.loc[CLOSE.name]
    assert (waiting.status, waiting.accuracy_verdict) == ("partial", "unresolved")
    assert waiting.accuracy_hint == "judged from 5 seeds on: 3 are there"
    assert np.isnan(waiting.accuracy_ci_low)
    run(settings, most=9)
    table = rows(settings).loc["one"]
    assert table.accuracy_hint[OPEN.name] == "open at 5 of at most 30 seeds: the same command goes on"
    assert table.seeds[OPEN.name] == 5
    (shown,) = split_tables(compare(load_results(settings.results)))
    assert render_suite(shown, screen=Screen(200)).count(f"{ONE.label(OPEN)}: ") == 1
