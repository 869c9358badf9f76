"""The tutorial's protocol: trained on all of train, watched on test, the last epoch reported, and marked as such."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from harness import BASELINE, BUDGETS, InputError, run_trial
from harness.budgets import Budget, choose_budget, selected_on_test
from harness.results.records import trial_from_dict, trial_to_dict
from harness.tables import render_suite
from harness.training.split import split_images

SMOKE = BUDGETS["smoke"]
TUTORIAL = SMOKE.override(epochs=3, protocol="tutorial")


@pytest.fixture(scope="module")
def record(digits):
    return run_trial(BASELINE, digits, seed=1, budget=TUTORIAL)


def test_the_last_epoch_counts_and_its_validation_is_the_test(record):
    assert record.epoch == 3
    last = record.history[-1]
    assert last.val_accuracy == pytest.approx(record.accuracy, abs=1e-6)
    assert last.val_loss == pytest.approx(record.loss, abs=1e-5)
    assert last.val_precision == pytest.approx(record.precision, abs=1e-6)
    assert last.val_recall == pytest.approx(record.recall, abs=1e-6)


def test_all_of_train_is_trained_on_and_none_of_test(digits):
    whole = dataclasses.replace(TUTORIAL, max_images=None)
    train, validation, test = split_images(digits, whole, 1)
    assert np.array_equal(train, np.arange(1000))
    assert np.array_equal(validation, 1000 + np.arange(797))
    assert np.array_equal(test, np.arange(797))


def test_the_usual_protocol_holds_validation_out_of_train(digits):
    train, validation, _ = split_images(digits, SMOKE, 1)
    assert len(np.intersect1d(train, validation)) == 0
    assert validation.max() < 1000


def test_the_two_protocols_are_different_trials_and_survive_the_store(record):
    usual = dataclasses.replace(record.trial, budget=SMOKE.override(epochs=3))
    assert record.trial.key != usual.key
    assert trial_from_dict(json.loads(json.dumps(trial_to_dict(record.trial)))) == record.trial


def test_records_older_than_the_protocol_keep_their_key_and_are_read():
    assert SMOKE.training == {"epochs": 1, "max_images": 512}
    fields = dataclasses.asdict(SMOKE)
    del fields["protocol"]
    assert Budget(**fields) == SMOKE


def test_the_tutorials_protocol_brings_its_30_epochs_unless_a_budget_is_named():
    assert choose_budget(None, protocol="tutorial").epochs == 30
    assert choose_budget(None).label == "quick"
    assert choose_budget("quick", protocol="tutorial").label == "quick+tutorial"
    assert choose_budget(None, protocol="tutorial", epochs=10).label == "full+epochs:10+tutorial"


def test_an_unknown_protocol_is_refused_with_the_nearest():
    with pytest.raises(
        InputError, match="protocol is 'tutoral': use validation or tutorial; did you mean \"tutorial\""
    ):
        SMOKE.override(protocol="tutoral")  # type: ignore[arg-type]


def test_every_table_says_that_it_was_selected_on_test(results_frame):
    marked = render_suite(results_frame("full+tutorial"))
    assert "full+tutorial" in marked
    assert "selected on test" in marked
    assert "selected on test" not in render_suite(results_frame("full"))
    assert selected_on_test("full+tutorial")


@pytest.fixture
def results_frame():
    from harness.comparison import COLUMNS

    def frame(budget: str) -> pd.DataFrame:
        texts = {"suite": "s", "variant": "baseline", "baseline": "baseline", "dataset": "digits", "budget": budget}
        empty = dict.fromkeys(COLUMNS, float("nan"))
        words = dict.fromkeys(("machine", "message", "pareto", "accuracy_verdict", "step_time_verdict"), "")
        row = empty | words | texts | {"seeds": 1, "status": "ok", "device": "cpu"}
        return pd.DataFrame([row], columns=list(COLUMNS))

    return frame
