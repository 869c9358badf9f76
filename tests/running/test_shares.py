"""Shares of a sweep: each a store of its own, joined to what one run would have left.

Trials are drawn instead of trained: each trial's outcome is decided by its variant and seed, as a real one's is.
"""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas  # noqa: F401  # before pytester, which takes out what came with it
import pytest
from drawn_images import draw_folder
from hypothesis import given
from hypothesis import strategies as st

from harness import BASELINE, BUDGETS, Suite, load_results
from harness.cli import run as harness
from harness.comparison import compare
from harness.datasets.facts import DatasetFacts
from harness.results.merging import merge, missing_trials
from harness.results.opening import read_store
from harness.results.predictions import Predictions
from harness.results.records import Record
from harness.results.trials import Environment
from harness.running.job import begin, prepare
from harness.running.job_settings import JobSettings
from harness.running.plan import make_plan
from harness.running.share import Share, stores_of_shares

SMALL = BASELINE.replace(filters=(4,), dense=(8,))
MORE = [SMALL.replace(dropout=share) for share in (0.1, 0.2, 0.3)]
ONE, TWO = Suite("one", tuple(MORE[:2]), SMALL), Suite("two", tuple(MORE[1:]), SMALL)
SHARES = [Share(number, 4) for number in (1, 2, 3, 4)]
FACTS = DatasetFacts("digits", "f" * 16, tuple("0123456789"), (32, 32, 3), 1000)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return str(draw_folder(tmp_path_factory.mktemp("data"), train=12, test=60))


@pytest.fixture
def settings(tmp_path, dataset):
    return JobSettings(dataset, BUDGETS["quick"], device="cpu", results=tmp_path / "results")


def of_share(settings, share):
    return replace(settings, results=share.store_in(settings.results), share=share, beside=settings.results)


def drawn(trial, labels):
    rng = np.random.default_rng([trial.seed, round(100 * (trial.variant.dropout or 0))])
    right = rng.random(len(labels)) < 0.8
    predictions = Predictions(np.where(right, labels, 1 - labels).astype(np.uint16), right.astype("u1"), right)
    figures = dict.fromkeys(("accuracy", "precision", "recall", "macro_f1"), float(right.mean()))
    return Record(trial, "ok", epoch=1, params=10, loss=trial.seed, total_s=1.0, predictions=predictions, **figures)


def train(settings, *, most=1000):
    """Do what a job has to do, or the first of it, and leave it as a killed process would; return what it trained."""
    job = prepare(settings, [ONE, TWO])
    store, trained = begin(job), []
    for trial in job.plan.todo[:most]:
        store.add_record(drawn(trial, job.test_set.labels))
        trained.append(trial.key)
    store.close()
    return trained


def table(folder):
    return json.loads(compare(load_results(folder)).drop(columns="trained_at").to_json(orient="records"))


@given(st.integers(1, 9), st.integers(1, 6), st.integers(1, 12))
def test_shares_hold_every_trial_once_and_as_many_of_each_variant(members, seeds, of):
    suite = Suite("many", tuple(SMALL.replace(l2=0.001 * number) for number in range(1, members)), SMALL)
    budget = BUDGETS["quick"].override(seeds=seeds)
    plans = [
        make_plan([suite], FACTS, budget, Environment("cpu", "tensorflow", 1, ()), {}, workers=1, share=Share(one, of))
        for one in range(1, of + 1)
    ]
    found = [trial.key for plan in plans for trial in plan.todo]
    assert sorted(found) == sorted(trial.key for trial in plans[0].trials)
    for counts in (
        [len(plan.todo) for plan in plans],
        *([sum(trial.variant == one for trial in plan.todo) for plan in plans] for one in suite.members),
    ):
        assert max(counts) - min(counts) <= 1


def test_four_shares_one_of_them_cut_short_and_run_again_merge_to_one_run(settings, tmp_path):
    trained = []
    for share in SHARES:
        own = of_share(settings, share)
        if share.number == 2:
            trained += train(own, most=2)
        # What is merged meanwhile changes no share.
        if share.number == 4:
            merge(stores_of_shares(settings.results), settings.results)
        trained += train(own)
        assert train(own) == []
    whole = replace(settings, results=tmp_path / "whole")
    assert sorted(trained) == sorted(train(whole))
    assert len(trained) == len(set(trained)) == 20
    assert harness(["merge", "--results", str(settings.results)]) == 0
    assert not prepare(settings, [ONE, TWO]).plan.todo
    assert table(settings.results) == table(whole.results)


def test_merging_again_changes_nothing(settings):
    train(of_share(settings, SHARES[0]))
    stores = stores_of_shares(settings.results)
    counts = []
    for _ in range(3):
        merge(stores, settings.results)
        with read_store(settings.results) as store:
            counts.append(Counter(row.table for row in store.readable_rows()))
    assert counts[0] == counts[1] == counts[2]
    assert counts[0]["runs"] == 1


def test_what_failed_in_the_main_run_is_not_trained_again_by_a_share_that_has_it(settings):
    own = of_share(settings, SHARES[0])
    assert train(own)
    job = prepare(settings, [ONE, TWO])
    with begin(job) as store:
        for trial in job.plan.todo:
            store.add_record(Record(trial, "failed", "no memory"))
    assert train(own) == []
    assert train(of_share(settings, SHARES[1]))  # a failure is none of what another share need not train


def test_what_no_share_has_is_named_and_trained_by_a_sweep(settings, capsys):
    for share in SHARES[:3]:
        train(of_share(settings, share))
    # Whoever forgets to merge is told before anything is trained again.
    (warning,) = [text for text in prepare(settings, [ONE, TWO]).warnings if "merge" in text]
    assert warning.startswith("15 of 20 trials to train are done in ")
    assert harness(["merge", "--results", str(settings.results)]) == 0
    printed = capsys.readouterr().out
    missing = {trial.key for trial in prepare(of_share(settings, SHARES[3]), [ONE, TWO]).plan.todo}
    assert printed.count("missing: one / ") == 3
    assert "missing: one / baseline: seed 4\n" in printed
    job = prepare(settings, [ONE, TWO])
    assert {trial.key for trial in job.plan.todo} == missing
    assert not any("merge" in text for text in job.warnings)
    train(settings)
    assert missing_trials(load_results(settings.results)) == []


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "1/0", "a/b", "1/4/2", "-1/4", "1/99999", "", "1/4 "])
def test_a_share_that_is_none_is_refused_with_what_it_may_be(text, capsys):
    assert harness(["worker", "--share", text]) == 4
    assert f'--share is "{text}": use I/N' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--seeds", "auto"], "give --seeds 5, merge, and `harness sweep --seeds auto` goes on"),
        (["--budget", "full"], "--seeds auto (as --budget full has it)"),
        (["--live", "9"], "a share has no report of its own"),
        (["--time"], "step times are not taken in shares"),
    ],
)
def test_what_shares_cannot_do_is_refused_with_what_to_do(arguments, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert harness(["worker", "--share", "1/2", *arguments]) == 4
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["live = 60", "seeds = 2"], "no suite"),
        (["live = 60", "max-seeds = 12", 'seeds = "auto"'], "--seeds auto (as pyproject.toml has it)"),
        (['budget = "full"'], "--seeds auto (as --budget full has it)"),
    ],
)
def test_what_a_project_says_for_its_sweeps_stops_no_share_but_seeds(lines, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("\n".join(["[tool.harness]", *lines]))
    (tmp_path / "suites").mkdir()
    assert harness(["worker", "--share", "1/2"]) != 0
    said = capsys.readouterr().err
    assert told in said
    assert "live" not in said


def test_a_merge_that_is_refused_leaves_nothing(settings, tmp_path, capsys):
    train(of_share(settings, SHARES[0]))
    other = tmp_path / "other"
    job = prepare(replace(settings, results=other), [ONE, TWO])
    with begin(job) as store:
        trial = next(iter(load_results(stores_of_shares(settings.results)[0]).records.values())).trial
        store.add_record(replace(drawn(trial, job.test_set.labels), loss=99.0))
    into = tmp_path / "new"
    share = str(stores_of_shares(settings.results)[0])
    assert harness(["merge", share, str(other), "--results", str(into)]) == 4
    assert f"two results of one trial differ: {trial.label}" in capsys.readouterr().err
    assert harness(["merge", share, str(tmp_path / "nowhere"), "--results", str(into)]) == 4
    assert harness(["merge", "--results", str(into)]) == 4
    assert "holds no store of a share" in capsys.readouterr().err
    assert not into.exists()


def test_a_merge_of_whole_results_says_how_to_see_them(tmp_path, capsys):
    reference = Path(__file__).parents[2] / "results" / "reference" / "cifar10"
    assert harness(["merge", str(reference), "--results", str(tmp_path / "both")]) == 0
    said = capsys.readouterr().out
    assert "share" not in said
    assert f"harness tables --results {tmp_path / 'both'}" in said
