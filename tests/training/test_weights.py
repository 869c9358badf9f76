"""Which weights are tested: the best epoch's, the last step's, or their mean over the last epoch's steps."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import keras
import numpy as np
import pytest

from harness import BASELINE, BUDGETS, Dataset, InputError
from harness.budgets import Budget, choose_budget
from harness.results.conditions import Conditions
from harness.results.records import Record, trial_from_dict, trial_to_dict
from harness.results.trials import Environment, Trial
from harness.training.checkpoints import Checkpoints
from harness.training.devices import find_device, training_environment
from harness.training.prepared import PreparedModel, assign_values
from harness.training.split import split_images
from harness.training.trial import Trainer
from harness.variants import Variant

# Its second epoch of three is the best one, by far: steps too large for what is left to learn.
VARIANT = BASELINE.replace(filters=(4,), dense=(8,), optimizer="sgd", learning_rate=5.0)
BUDGET = Budget("smoke", epochs=3, seeds=1, max_images=200)


def make_trial(dataset: Dataset, weights: str, epochs: int = 3, variant: Variant = VARIANT) -> Trial:
    budget = dataclasses.replace(BUDGET, epochs=epochs, weights=weights)
    environment = training_environment(find_device("cpu"))
    return Trial(variant, "", dataset.name, dataset.fingerprint, 1001, budget, environment)


@pytest.fixture(scope="module")
def records(digits: Dataset) -> dict[str, Record]:
    trainer = Trainer()
    return {weights: trainer.run(make_trial(digits, weights), digits) for weights in ("best", "last", "averaged")}


def test_all_three_are_one_training(records):
    training = [[(epoch.loss, epoch.accuracy) for epoch in record.history] for record in records.values()]
    assert training[0] == training[1] == training[2]
    assert len({record.trial.key for record in records.values()}) == 3


def test_the_last_epoch_is_reported_where_the_best_is_an_earlier_one(records):
    assert [records[weights].epoch for weights in ("best", "last", "averaged")] == [2, 3, 3]
    assert [e.val_loss for e in records["best"].history] == [e.val_loss for e in records["last"].history]
    assert records["last"].loss != records["best"].loss


def test_averaged_validates_each_epoch_with_the_mean_over_its_steps_and_tests_the_last(records, digits):
    record = records["averaged"]
    train, validation, test = split_images(digits, BUDGET, 1001)
    shuffling = np.random.default_rng([1001, 1])
    epoch = PreparedModel(VARIANT, digits, seed=1001).start(1001)
    variables = epoch.model.trainable_variables
    for metrics in record.history:
        order, steps = train[shuffling.permutation(len(train))], []
        for start in range(0, len(order), 32):
            epoch.train(order[start : start + 32])
            steps.append([variable.numpy() for variable in variables])
        assign_values(variables, [sum(step) / np.float32(len(steps)) for step in zip(*steps, strict=True)])
        assert epoch.evaluate(validation)["loss"] == metrics.val_loss
        predicted = epoch.predict(digits.test_images[test]).argmax(axis=1)
        assign_values(variables, steps[-1])
    assert np.array_equal(predicted, record.predictions.predicted)


def test_batch_normalization_has_the_statistics_of_the_mean_and_training_goes_on_with_its_own(digits):
    variant = BASELINE.replace(filters=(4,), dense=(8,), batch_norm=True, dropout=0.3)
    plain, trainer = (Trainer() for _ in range(2))
    usual = plain.run(make_trial(digits, "last", 2, variant), digits)
    record = trainer.run(make_trial(digits, "averaged", 2, variant), digits)
    # Neither the pass that finds the statistics nor its draws of dropout reach the second epoch.
    assert [epoch.loss for epoch in record.history] == [epoch.loss for epoch in usual.history]
    layer = next(one for one in trainer.model.layers if isinstance(one, keras.layers.BatchNormalization))
    train, _, _ = split_images(digits, BUDGET, 1001)
    seen = keras.Model(trainer.model.inputs[0], layer.input)(digits.train_images[train] / np.float32(255)).numpy()
    np.testing.assert_allclose(layer.moving_mean.numpy(), seen.mean(axis=(0, 1, 2)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance.numpy(), seen.var(axis=(0, 1, 2)), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("weights", ["last", "averaged"])
def test_a_trial_that_goes_on_from_a_shorter_one_ends_the_same(weights, records, digits: Dataset, tmp_path: Path):
    states = Checkpoints(tmp_path)
    first = Trainer(states).run(make_trial(digits, weights, epochs=2), digits)
    record = Trainer(states).run(make_trial(digits, weights), digits)
    assert record.history[:2] == first.history  # seconds too: they were not trained again
    assert (record.epoch, record.loss) == (records[weights].epoch, records[weights].loss)
    assert np.array_equal(record.predictions.predicted, records[weights].predictions.predicted)


def test_records_and_plans_older_than_the_choice_keep_their_keys_and_texts():
    usual = BUDGETS["quick"]
    assert usual.training == {"epochs": 5, "max_images": None}
    assert usual.to_dict() == {
        "name": "quick", "epochs": 5, "seeds": 5, "max_images": None, "protocol": "validation"
    }  # fmt: skip
    assert usual.override(weights="best") == usual
    assert usual.override(weights="best").label == "quick"
    environment = Environment("cpu", "tensorflow", 1, (("keras", "3.15.0"),))
    # The key that a record of this trial had before weights could be chosen.
    assert Trial(BASELINE, "", "digits", "f" * 16, 1, usual, environment).key.startswith("1d43c7e5fbda213f")


def test_another_choice_is_another_trial_and_other_conditions_and_survives_the_store(records):
    trial = records["averaged"].trial
    assert trial_from_dict(json.loads(json.dumps(trial_to_dict(trial)))) == trial
    assert Conditions.of(trial) != Conditions.of(records["best"].trial)
    assert Conditions.of(trial).label == "digits, smoke+epochs:3+weights:averaged, cpu"


def test_weights_that_the_tutorials_protocol_does_not_test_are_refused():
    assert choose_budget(None, protocol="tutorial", weights="last") == choose_budget(None, protocol="tutorial")
    for weights in ("best", "averaged"):
        with pytest.raises(InputError, match=f"weights is '{weights}': the tutorial's protocol tests the last"):
            choose_budget(None, protocol="tutorial", weights=weights)
    with pytest.raises(InputError, match="weights is 'mean': use best, last or averaged"):
        BUDGETS["quick"].override(weights="mean")
