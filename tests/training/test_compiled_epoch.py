"""The compiled epoch is `model.fit` without its overhead: the same bits, faster."""

import keras
import numpy as np
import pytest

from harness import BASELINE
from harness.models import build_model
from harness.training.prepared import PreparedModel, build_for, make_epoch, weight_values

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
