"""An optimizer that ends with other weights than it trains, as a moving average: tested is what `fit` leaves."""

import tracemalloc

import keras
import numpy as np
import pytest

from harness import BUDGETS, Variant
from harness.errors import HarnessError
from harness.results.trials import Trial
from harness.training.devices import find_device, training_environment
from harness.training.finalized import check_one_mean, finalized
from harness.training.fit_epoch import FitEpoch
from harness.training.prepared import build_for, variable_values, weight_values
from harness.training.tensorflow_epoch import TensorFlowEpoch
from harness.training.trial import Trainer
from harness.variants.sources import source_fingerprint

AVERAGED = """
import keras

def build(variant, shape, classes):
    inputs = keras.Input(shape)
    outputs = keras.layers.Dense(classes, "softmax")(keras.layers.Dropout(0.1)(keras.layers.Flatten()(inputs)))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(use_ema=True, ema_momentum=0.9), "categorical_crossentropy")
    return model
"""


@pytest.fixture
def variant(tmp_path, monkeypatch):
    (tmp_path / "averaged_nets.py").write_text(AVERAGED)
    monkeypatch.syspath_prepend(tmp_path)
    return Variant(model="averaged_nets:build")


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("kind", [TensorFlowEpoch, FitEpoch])
def test_epochs_end_with_the_moving_average_of_a_fit_as_long_and_train_on_from_their_own_weights(kind, variant, digits):
    model, fitted = (build_for(variant, digits, seed=7) for _ in range(2))
    epoch = kind(model, digits.train_images, digits.train_labels, classes=10, batch_size=32)
    order = np.arange(128)
    for half in (order[:64], order[64:]):
        epoch.train(half)
        trained = weight_values(model)
        with finalized(model):
            ended = weight_values(model)
        assert same(weight_values(model), trained)
        assert not same(ended, trained)
    x = digits.train_images[order].astype(np.float32) / 255
    y = keras.utils.to_categorical(digits.train_labels[order], 10)
    fitted.fit(x, y, batch_size=32, shuffle=False, verbose=0)
    assert same(ended, weight_values(fitted))


def test_random_numbers_that_are_drawn_while_a_model_is_measured_stay_drawn(variant, digits):
    model = build_for(variant, digits, seed=7)
    model.optimizer.build(model.trainable_variables)
    before = variable_values(model.non_trainable_variables)
    with finalized(model):
        model(digits.train_images[:2].astype(np.float32) / 255, training=True)
    assert not same(variable_values(model.non_trainable_variables), before)


class Halving(keras.optimizers.SGD):
    def finalize_variable_values(self, var_list):
        for variable in var_list:
            variable.assign(variable / 2)


def net(optimizer):
    model = keras.Sequential([keras.Input((500,)), keras.layers.Dense(500)])
    model.compile(optimizer, "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def copied_mib(look, model):
    tracemalloc.start()
    try:
        look(model)
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def enter_and_leave(model):
    with finalized(model):
        pass


def check(model):
    check_one_mean("nets:build", model)


@pytest.mark.parametrize("look", [enter_and_leave, check])
def test_weights_are_copied_only_where_the_optimizer_may_end_with_others(look):
    adam = keras.optimizers.Adam
    assert copied_mib(look, net(adam())) < 0.2
    assert copied_mib(look, net(keras.optimizers.LossScaleOptimizer(adam()))) < 0.2


def test_a_moving_average_copies_weights():
    assert copied_mib(enter_and_leave, net(keras.optimizers.Adam(use_ema=True))) > 0.9


@pytest.mark.parametrize("scaled", [False, True])
def test_an_optimizer_with_an_end_of_its_own_ends_so_and_trains_on_from_its_own_weights(scaled):
    model = net(keras.optimizers.LossScaleOptimizer(Halving()) if scaled else Halving())
    trained = weight_values(model)
    with finalized(model):
        assert same(weight_values(model), [value / 2 for value in trained])
    assert same(weight_values(model), trained)
    with pytest.raises(HarnessError, match="leave out one"):
        check(model)


def make_trial(variant, dataset, weights):
    budget = BUDGETS["smoke"].override(weights=weights)
    environment = training_environment(find_device("cpu"))
    source = source_fingerprint(variant)
    return Trial(variant, source, dataset.name, dataset.fingerprint, 1, budget, environment)


def test_a_trial_tests_the_moving_average(variant, digits):
    trainer = Trainer()
    trainer.run(make_trial(variant, digits, "last"), digits)
    tested = weight_values(trainer.model)
    with finalized(trainer.model):
        assert same(weight_values(trainer.model), tested)


def test_a_mean_of_an_optimizer_and_one_of_the_budget_are_refused_together(variant, digits):
    with pytest.raises(HarnessError, match=r"ends with other weights than it trains, as use_ema does.*leave out one"):
        Trainer().run(make_trial(variant, digits, "averaged"), digits)
