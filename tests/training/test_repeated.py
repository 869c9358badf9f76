"""A user's model that draws from a generator without a seed: `pytest suites` warns of it, and goes on."""

import numpy as np
import pytest

from harness import Variant
from harness.training.check import check_trains
from harness.training.prepared import build_for
from harness.training.repeated import unlike_its_twin

# Keras is called here by the tests themselves; where the harness calls it, this warning is hidden.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword"),
    pytest.mark.filterwarnings("error:Casting complex values to real"),
]

SOURCE = """
import keras
import numpy as np
from keras import layers as L

RNG = np.random.default_rng()

def net(shape, classes, *, bias="zeros", width=4, seed=None, rate=0.1, x=lambda i: i):
    i = keras.Input(shape)
    y = L.Dense(width, bias_initializer=bias, name="hidden")(L.Flatten()(x(i)))
    y = L.Dropout(rate, seed=seed, name="drop")(y)
    return keras.Model(i, L.Dense(classes, activation="softmax", name="out")(y))

class Noise(L.Layer):
    def call(self, x, training=False):
        # Over 30 powers of ten: two numbers from 0 to 1 are too close to be told apart in one of 250 runs.
        return x * np.float32(10 ** RNG.uniform(-30, 0)) if training else x

class Drawn(L.Layer):
    def __init__(self, normal):
        super().__init__()
        self.normal = normal

    def call(self, x, training=False):
        return x + self.normal(keras.ops.shape(x)) if training else x

def by_keras(variant, shape, classes):
    return net(shape, classes, x=Drawn(keras.random.normal))

def by_tensorflow(variant, shape, classes):
    import tensorflow as tf
    return net(shape, classes, x=Drawn(tf.random.normal))

def sharp(variant, shape, classes):
    return net(shape, classes, x=L.RandomSharpness(0.5))

def constant(variant, shape, classes):
    noise = RNG.normal(size=shape).astype("float32") / 100
    return net(shape, classes, x=L.Lambda(lambda i: i + noise, name="moved"))

def spectrum(variant, shape, classes):
    import tensorflow as tf
    waves = L.Lambda(lambda i: tf.signal.rfft(i[..., 0]), output_shape=(32, 17), dtype="float32")
    return net(shape, classes, x=lambda i: Noise()(L.Lambda(keras.ops.abs, output_shape=(32, 17))(waves(i))))

def rate(variant, shape, classes):
    model = net(shape, classes)
    model.compile(keras.optimizers.Adam(RNG.uniform(1e-4, 1e-2)), "categorical_crossentropy")
    return model

def sound(variant, shape, classes):
    fixed, seeded = np.random.default_rng(3), np.random.default_rng(np.random.randint(2**31))
    bias = keras.initializers.Constant(fixed.normal(size=4) + seeded.normal(size=4) + np.random.rand())
    return net(shape, classes, bias=bias, seed=int(seeded.integers(99)))

def weights(variant, shape, classes):
    return net(shape, classes, bias=keras.initializers.Constant(RNG.normal(size=4)))

def all_weights(variant, shape, classes):
    model = net(shape, classes)
    model.set_weights([RNG.normal(size=one.shape) for one in model.get_weights()])
    return model

def states(variant, shape, classes):
    return net(shape, classes, seed=int(RNG.integers(2**31)))

def widths(variant, shape, classes):
    return net(shape, classes, width=int(RNG.integers(3, 10_000)))

def outputs(variant, shape, classes):
    return net(shape, classes, x=Noise())
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Return the variant of one of the functions."""

    def variant(function):
        (tmp_path / "drawn_nets.py").write_text(SOURCE)
        monkeypatch.syspath_prepend(tmp_path)
        return Variant(model=f"drawn_nets:{function}")

    return variant


@pytest.mark.parametrize(
    ("function", "where"),
    [
        ("sound", ""),
        ("weights", 'layer "hidden" starts from other numbers'),
        ("all_weights", 'layer "hidden" (and 1 more) starts from other numbers'),
        ("states", 'layer "drop" starts from other numbers'),
        ("widths", 'its layers are others from "hidden" on'),
        ("outputs", 'what layer "noise" gives while training is another'),
        ("by_keras", ""),
        ("by_tensorflow", ""),
        ("spectrum", 'what layer "noise" gives while training is another'),
        ("constant", 'what layer "moved" gives while training is another'),
        ("rate", "its optimizer's learning_rate is another"),
    ],
)
def test_a_model_that_is_another_when_it_is_built_again_is_told_with_its_layer(digits, write, function, where):
    variant = write(function)
    model, twin = (build_for(variant, digits, seed=1) for _ in range(2))
    said = unlike_its_twin(model, twin, digits.train_images[:2].astype(np.float32) / 255)
    assert said.startswith(f"built twice with one seed, {where}, so that" if where else "")
    assert bool(said) == bool(where)
    assert "\n" not in said


def test_a_layer_that_draws_at_every_call_is_the_same_model_to_the_quick_check(digits, write):
    assert check_trains(write("sharp"), digits) == ""


def test_the_quick_check_warns_of_it_and_passes(write, pytester, monkeypatch):
    monkeypatch.chdir(pytester.path)
    variant = write("weights")
    source = f"from harness import Suite, Variant\nSUITE = Suite('drawn', [Variant(model={variant.model!r})])\n"
    pytester.makepyfile(suite_drawn=source)
    result = pytester.runpytest_inprocess("suite_drawn.py", "-k", "weights", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(['*drawn_nets:weights: built twice with one seed, layer "hidden" starts from*'])
