"""What a builder sets globally is set for its own build alone, and every build starts from the same state."""

import os
import random
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness import Variant
from harness.models import build_model
from harness.models.state import known_state

SETS_ALL = """
import os, random, sys
import keras, numpy, tensorflow as tf
from pathlib import Path

def build(variant, input_shape, classes):
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.config.set_floatx("float16")
    keras.config.set_epsilon(0.5)
    keras.config.set_image_data_format("channels_first")
    tf.config.run_functions_eagerly(True)
    tf.config.optimizer.set_jit("autoclustering")
    tf.config.optimizer.set_experimental_options({"constant_folding": False})
    random.random(), numpy.random.random()
    os.environ["LEFT_BEHIND"] = "1"
    os.environ.pop("HOME", None)
    os.chdir("/")
    sys.argv = ["mine"]
    inputs = keras.Input(input_shape)
    x = keras.layers.Conv2D(2, 1, data_format="channels_last")(inputs)
    x = keras.layers.Flatten(data_format="channels_last")(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax", dtype="float32")(x))
"""


def state() -> list[object]:
    return [
        keras.config.dtype_policy().name,
        keras.config.floatx(),
        keras.config.epsilon(),
        keras.config.image_data_format(),
        tf.config.functions_run_eagerly(),
        tf.config.optimizer.get_jit(),
        tf.config.optimizer.get_experimental_options().get("constant_folding"),
        dict(os.environ),
        Path.cwd(),
        list(sys.argv),
    ]


@pytest.fixture
def target(tmp_path, monkeypatch):
    (tmp_path / "sets_all.py").write_text(SETS_ALL)
    monkeypatch.syspath_prepend(tmp_path)
    return "sets_all:build"


def test_what_a_builder_sets_is_its_own_and_gone_after_it(target):
    before = state()
    built = build_model(Variant(model=target), (6, 6, 3), 4, seed=1)
    assert built.layers[1].compute_dtype == "bfloat16"
    assert state() == before
    plain = build_model(Variant(filters=(2,)), (6, 6, 3), 4, seed=1)
    assert {layer.compute_dtype for layer in plain.layers} == {"float32"}


def test_a_build_does_not_disturb_the_callers_random_numbers(target):
    random.seed(5)
    np.random.seed(5)
    wanted = random.random(), np.random.random()
    random.seed(5)
    np.random.seed(5)
    build_model(Variant(model=target), (6, 6, 3), 4, seed=1)
    assert (random.random(), np.random.random()) == wanted


def test_a_build_starts_from_the_known_state_whatever_was_set_before():
    with known_state(None):  # puts back what this test sets
        keras.config.set_dtype_policy("float16")
        keras.config.set_floatx("float64")
        keras.config.set_image_data_format("channels_first")
        tf.config.run_functions_eagerly(True)
        keras.layers.Dense(1)
        with known_state(3):
            found = (keras.config.dtype_policy().name, keras.config.floatx(), keras.config.image_data_format())
            assert found == ("float32", "float32", "channels_last")
            assert not tf.config.functions_run_eagerly()
            first = float(keras.random.uniform(())), float(tf.random.uniform(())), random.random()
            assert keras.layers.Dense(1).name == "dense"
            with known_state(3):
                again = float(keras.random.uniform(())), float(tf.random.uniform(())), random.random()
        assert first == again
        assert keras.config.floatx() == "float64"


def test_without_a_seed_every_build_draws_another():
    first, second = (build_model(Variant(filters=(2,)), (6, 6, 3), 4).get_weights()[0] for _ in range(2))
    assert not np.array_equal(first, second)
