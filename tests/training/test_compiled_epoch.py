"""The compiled epoch is `model.fit` without its overhead: the same bits, faster."""

import keras
import numpy as np
import pytest

from harness import BASELINE
from harness.models import build_model
from harness.training.fit_epoch import FitEpoch
from harness.training.prepared import PreparedModel, build_for, make_epoch, weight_values
from harness.training.tensorflow_epoch import TensorFlowEpoch

VARIANTS = [
    BASELINE,
    BASELINE.replace(dropout=0.4),
    BASELINE.replace(batch_norm=True, l2=0.001),
    BASELINE.replace(augmentation="flip+shift"),
]
IMAGES = 330  # ten whole batches of 32 and a rest


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_two_epochs_give_the_bits_of_fit(variant, digits):
    rng = np.random.default_rng(3)
    orders = [rng.permutation(len(digits.train_labels))[:IMAGES] for _ in range(2)]
    compiled = build_for(variant, digits, seed=7)
    epoch = make_epoch(compiled, variant, digits)
    fitted = build_for(variant, digits, seed=7)
    x = digits.train_images.astype(np.float32) / 255
    y = keras.utils.to_categorical(digits.train_labels, 10)
    for order in orders:
        logs = epoch.train(order)
        history = fitted.fit(x[order], y[order], batch_size=variant.batch_size, shuffle=False, verbose=0).history
        assert same(weight_values(compiled), weight_values(fitted))
        assert logs["accuracy"] == pytest.approx(history["accuracy"][0], abs=1e-6)
        assert logs["loss"] == pytest.approx(history["loss"][0], rel=1e-5)


class Doubled(keras.optimizers.SGD):
    """Takes each gradient twice, where Keras sums them over devices."""

    @property
    def inner_optimizer(self):
        return self

    def _all_reduce_sum_gradients(self, grads_and_vars):
        return [(2.0 * gradient, variable) for gradient, variable in super()._all_reduce_sum_gradients(grads_and_vars)]


def test_an_optimizer_that_does_more_with_gradients_than_keras_trains_as_in_fit(digits):
    variant, order = BASELINE.replace(filters=(2,), dense=(2,)), np.arange(64)
    compiled, fitted = (build_for(variant, digits, seed=7) for _ in range(2))
    for model in (compiled, fitted):
        model.compile(Doubled(0.1), "categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    make_epoch(compiled, variant, digits).train(order)
    x = digits.train_images[order].astype(np.float32) / 255
    y = keras.utils.to_categorical(digits.train_labels[order], 10)
    fitted.fit(x, y, batch_size=variant.batch_size, shuffle=False, verbose=0)
    assert same(weight_values(compiled), weight_values(fitted))


@pytest.mark.parametrize("variant", VARIANTS[1:3], ids=lambda variant: variant.name)
def test_the_mean_over_an_epochs_steps_has_the_bits_of_fit_and_leaves_training_alone(variant, digits):
    arguments = {"classes": 10, "batch_size": variant.batch_size, "averaging": True}
    epoch, fitted = (
        kind(build_for(variant, digits, seed=7), digits.train_images, digits.train_labels, **arguments)
        for kind in (TensorFlowEpoch, FitEpoch)
    )
    stepped = make_epoch(build_for(variant, digits, seed=7), variant, digits)
    for first in (0, 200):  # two epochs: each has a mean of its own
        order = np.arange(first, first + 80)
        epoch.train(order)
        fitted.train(order)
        after_steps = []
        for start in range(0, len(order), variant.batch_size):
            stepped.train(order[start : start + variant.batch_size])
            after_steps.append([variable.numpy() for variable in stepped.model.trainable_variables])
        assert same(weight_values(epoch.model), weight_values(stepped.model))
        assert same(epoch.mean_weights(), [sum(values) / np.float32(3) for values in zip(*after_steps, strict=True)])
        assert same(epoch.mean_weights(), fitted.mean_weights())


def test_evaluation_gives_the_figures_of_evaluate(digits):
    model = build_model(BASELINE, seed=1)
    epoch = make_epoch(model, BASELINE, digits)
    epoch.train(np.arange(300))
    indices = np.arange(300, 700)
    ours = epoch.evaluate(indices)
    x = digits.train_images[indices].astype(np.float32) / 255
    y = keras.utils.to_categorical(digits.train_labels[indices], 10)
    keras_own = model.evaluate(x, y, verbose=0, return_dict=True)
    for name in ("accuracy", "precision", "recall", "loss"):
        assert ours[name] == pytest.approx(keras_own[name], rel=1e-5), name


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_model_put_back_to_a_seed_equals_a_fresh_build_of_it(variant, digits):
    order = np.arange(IMAGES)
    prepared = PreparedModel(variant, digits, seed=1)
    prepared.start(1).train(order)
    reused = prepared.start(2)
    reused.train(order)
    fresh = PreparedModel(variant, digits, seed=2).start(2)
    fresh.train(order)
    assert same(weight_values(reused.model), weight_values(fresh.model))
    assert not same(weight_values(reused.model), weight_values(PreparedModel(variant, digits, seed=3).epoch.model))
