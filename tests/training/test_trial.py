"""A trial's life: the record it leaves."""

import dataclasses
import re

import numpy as np
import pytest
from sklearn.metrics import f1_score, recall_score

from harness import BASELINE, BUDGETS, InputError, compare, run_trial
from harness.results.records import Record
from harness.training.split import split_images
from harness.training.trial import Trainer

SMOKE = BUDGETS["smoke"]


@pytest.fixture(scope="module")
def record(digits):
    return run_trial(BASELINE, digits, seed=1, budget=SMOKE.override(epochs=2))


def test_a_record_holds_the_trial_and_its_figures(record, digits):
    assert record.status == "ok"
    assert record.params == 315_722
    assert record.trial.fingerprint == digits.fingerprint
    assert record.trial.environment.threads == 1
    assert len(record.history) == 2
    assert record.train_time_s == pytest.approx(sum(epoch.seconds for epoch in record.history))
    assert 300 < record.peak_memory_mib < 4000


def test_the_chosen_epoch_has_the_best_validation_accuracy_then_the_lowest_loss(record):
    ranks = [(epoch.val_accuracy, -epoch.val_loss) for epoch in record.history]
    assert record.epoch == ranks.index(max(ranks)) + 1


def test_test_figures_follow_from_the_predictions(record, digits):
    _, _, test = split_images(digits, record.trial.budget, 1)
    labels, predictions = digits.test_labels[test], record.predictions
    assert len(labels) == 512
    assert record.accuracy == (predictions.predicted == labels).mean()
    assert record.recall == predictions.true_positive.mean()
    assert record.precision == pytest.approx(predictions.true_positive.sum() / predictions.positives.sum())
    assert record.macro_f1 == pytest.approx(f1_score(labels, predictions.predicted, average="macro"))
    assert record.recall <= recall_score(labels, predictions.predicted, average="micro")


def test_the_same_trial_twice_gives_the_same_predictions(record, digits):
    again = run_trial(BASELINE, digits, seed=1, budget=SMOKE.override(epochs=2))
    assert again.trial.key == record.trial.key
    assert np.array_equal(again.predictions.predicted, record.predictions.predicted)
    assert again.loss == record.loss
    assert [e.val_loss for e in again.history] == [e.val_loss for e in record.history]


def test_a_trainer_that_ran_another_seed_before_gives_the_same_record(record, digits):
    trainer = Trainer()
    trainer.run(dataclasses.replace(record.trial, seed=2), digits)
    again = trainer.run(dataclasses.replace(record.trial, seed=1), digits)
    assert again.loss == record.loss


def test_a_record_survives_json(record):
    back = Record.from_json(record.to_json(), None)
    assert back.trial == record.trial
    assert back.trial.key == record.trial.key
    assert back.history == record.history
    assert back.accuracy == record.accuracy


def test_splits_depend_on_the_seed_alone(digits):
    full = BUDGETS["full"]
    first, again, other = (split_images(digits, full, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[1], other[1])
    assert np.array_equal(first[2], np.arange(797))
    assert len(first[0]) + len(first[1]) == 1000
    assert not set(first[0]) & set(first[1])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"dataset": "digits"}, "give a Dataset, as load_dataset('digits')"),
        ({"budget": "quick"}, 'give a Budget, as BUDGETS["quick"]; presets: smoke, quick, full'),
        ({"variant": "baseline"}, "give a Variant"),
        ({"seed": "1"}, "give a whole number, 1 or more"),
    ],
)
def test_an_argument_of_another_type_is_refused_with_what_to_give(digits, changes, says):
    arguments = {"variant": BASELINE, "dataset": digits, "seed": 1, "budget": SMOKE} | changes
    with pytest.raises(InputError, match=re.escape(says)):
        run_trial(**arguments)


def test_a_preset_or_results_that_there_are_not_are_refused_with_what_there_is():
    with pytest.raises(InputError, match="use smoke, quick, full; did you mean"):
        BUDGETS["quik"]
    with pytest.raises(InputError, match="load_results\\('results'\\) returns"):
        compare("results")
