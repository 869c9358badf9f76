import itertools
import sys

import keras
import numpy as np
import pytest

from harness.models import build_model, layer_table, load_builder
from harness.variants import Variant

PLAIN = """
import keras

def build(variant, input_shape, classes):
    return keras.Sequential([
        keras.Input(input_shape),
        keras.layers.Flatten(),
        keras.layers.Dense(variant.option("width", 3), activation="relu"),
        keras.layers.Dense(classes, activation="softmax"),
    ])
"""

COMPILED = (
    PLAIN.replace("return ", "model = ")
    + """
    model.compile(optimizer=keras.optimizers.SGD(0.25), loss="mse", metrics=["mae"])
    return model
"""
)

SUBCLASSED = """
import keras

class Net(keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.flat = keras.layers.Flatten()
        self.out = keras.layers.Dense(classes, activation="softmax")

    def call(self, inputs):
        return self.out(self.flat(inputs))

def build(variant, input_shape, classes):
    return Net(classes)
"""

_numbers = itertools.count()


@pytest.fixture
def write(tmp_path, monkeypatch):
    def write_module(source: str) -> str:
        name = f"own_nets_{next(_numbers)}"
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.chdir(tmp_path)
        return f"{name}:build"

    return write_module


def build(target: str, seed: int = 1, **options: object) -> keras.Model:
    return build_model(Variant(model=target, options=options), (4, 4, 3), 5, seed=seed)


def step(model: keras.Model) -> dict[str, float]:
    model.run_eagerly = True
    result: dict[str, float] = model.train_on_batch(np.ones((5, 4, 4, 3)), np.eye(5), return_dict=True)
    return result


def test_a_model_that_is_not_compiled_gets_the_variants_optimizer_and_the_tutorials_loss(write):
    model = build_model(Variant(model=write(PLAIN), optimizer="rmsprop", learning_rate=0.5), (4, 4, 3), 5)
    assert type(model.optimizer) is keras.optimizers.RMSprop
    assert float(model.optimizer.learning_rate) == 0.5
    assert model.loss == "categorical_crossentropy"
    assert set(step(model)) == {"loss", "accuracy", "precision", "recall"}


def test_a_compiled_model_keeps_optimizer_and_loss_and_gets_our_metrics(write):
    model = build(write(COMPILED))
    assert type(model.optimizer) is keras.optimizers.SGD
    assert float(model.optimizer.learning_rate) == 0.25
    assert model.loss == "mse"
    assert set(step(model)) == {"loss", "accuracy", "precision", "recall"}


def test_a_builder_reads_its_options(write):
    target = write(PLAIN)
    assert [row.params for row in layer_table(build(target, width=7))] == [0, 343, 40]
    assert [row.params for row in layer_table(build(target))] == [0, 147, 20]


def test_the_same_seed_gives_the_same_model(write):
    target = write(PLAIN)
    first, again, other = (build(target, seed).get_weights()[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_subclassed_model_is_built_on_the_way(write):
    model = build(write(SUBCLASSED))
    assert model.count_params() == 245
    assert [(row.name.rstrip("_0123456789"), row.params) for row in layer_table(model)] == [
        ("flatten", 0),
        ("dense", 245),
    ]
    assert np.isfinite(step(model)["loss"])


def test_load_builder_returns_the_users_function(write):
    assert load_builder(write(PLAIN)).__name__ == "build"
