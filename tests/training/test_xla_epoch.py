"""The epoch that XLA compiled trains what `fit` trains with it, random layers too, to rounding."""

import re
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from harness import BASELINE
from harness.errors import HarnessError
from harness.models.augmentation import augmentation_layers
from harness.models.builders import user_errors
from harness.models.compiling import jit_choice
from harness.running.slow_ways import WITHOUT_XLA, slow_ways
from harness.training.chunks import CHUNK_STEPS
from harness.training.devices import Device
from harness.training.fit_epoch import FitEpoch
from harness.training.prepared import build_for, make_epoch, weight_values
from harness.training.xla_epoch import XlaEpoch
from harness.variants.rules import AUGMENTATIONS

SMALL = BASELINE.replace(filters=(2,), dense=(4,), batch_size=8)
IMAGES = CHUNK_STEPS * 8 + 20  # two calls of whole steps, and a rest


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="of TensorFlow")
def test_two_epochs_give_the_figures_of_fit_with_xla(digits):
    variant = SMALL.replace(dropout=0.4, batch_norm=True, augmentation="flip", optimizer="sgd")
    found = []
    for kind in (FitEpoch, XlaEpoch):
        model = build_for(variant, digits, seed=7)
        model.jit_compile = True
        epoch = kind(model, digits.train_images, digits.train_labels, classes=10, batch_size=8, averaging=True)
        for seed in (1, 2):
            logs = epoch.train(np.random.default_rng(seed).permutation(len(digits.train_labels))[:IMAGES])
        weights = [*weight_values(model), *epoch.mean_weights()]
        found.append((weights, logs, epoch.evaluate(np.arange(303)), epoch.predict(digits.test_images[:300])))
    (weights, logs, judged, outputs), (weights_2, logs_2, judged_2, outputs_2) = found
    assert len(weights) == len(weights_2) > 8
    for first, second in [*zip(weights, weights_2, strict=True), (outputs, outputs_2)]:
        np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-5)
    for first, second in ((logs, logs_2), (judged, judged_2)):
        assert first == pytest.approx(second, abs=5e-3)
        assert "precision" in first


def test_a_model_that_keras_compiles_with_xla_is_trained_with_it(digits):
    model = build_for(SMALL, digits, seed=1)
    assert not model.jit_compile  # on a CPU, where it is slower
    assert not isinstance(make_epoch(model, SMALL, digits), XlaEpoch)
    model.jit_compile = True
    assert isinstance(make_epoch(model, SMALL, digits), XlaEpoch)


def test_on_a_gpu_keras_chooses_and_a_model_that_was_compiled_without_xla_stays_without(monkeypatch):
    import tensorflow as tf

    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    assert jit_choice(network) is False
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [kind])
    assert jit_choice(network) == "auto"
    for chosen in (True, False):
        network.compile("sgd", "mse", jit_compile=chosen)
        assert jit_choice(network) is chosen


def test_augmentation_that_keras_compiles_without_xla_is_told_before_training():
    assert tuple(kind for kind in AUGMENTATIONS if not augmentation_layers(kind, 1)[0].supports_jit) == WITHOUT_XLA
    variants = [SMALL, *(SMALL.replace(augmentation=kinds) for kinds in ("flip", "flip+shift+zoom", "mixed"))]
    plan = SimpleNamespace(todo=[SimpleNamespace(variant=variant) for variant in (*variants, *variants)])
    told = slow_ways(plan, Device("gpu"))
    assert [line.partition(":")[0] for line in told] == [variants[2].name.partition(":")[0]] * 2
    assert "(shift, zoom)" in told[0]
    assert "(shift)" in told[1]
    assert slow_ways(plan, Device("cpu")) == ()


def test_an_epochs_time_holds_no_compilation(digits):
    model = build_for(SMALL, digits, seed=1)
    model.jit_compile = True
    epoch, before = make_epoch(model, SMALL, digits), weight_values(model)
    epoch.compile_for(IMAGES, 303)
    assert all(np.array_equal(first, second) for first, second in zip(before, weight_values(model), strict=True))
    programs = [epoch._train._steps, epoch._evaluate._steps]
    assert [program.experimental_get_tracing_count() for program in programs] == [2, 2]
    for seed in (1, 2):
        epoch.train(np.random.default_rng(seed).permutation(len(digits.train_labels))[:IMAGES])
        epoch.evaluate(np.arange(303))
    assert [program.experimental_get_tracing_count() for program in programs] == [2, 2]
    assert not all(np.array_equal(first, second) for first, second in zip(before, weight_values(model), strict=True))


REFUSED = """
import keras
import tensorflow as tf

class Numpy(keras.layers.Layer):
    def call(self, x):
        return tf.ensure_shape(tf.numpy_function(abs, [x], x.dtype), x.shape)

class Sized(keras.layers.Layer):
    def call(self, x):
        return x + tf.reduce_sum(tf.zeros([tf.cast(x[0, 0], tf.int32) + 2], x.dtype))

def net(layer, shape, classes):
    inputs = keras.Input(shape)
    outputs = keras.layers.Dense(classes, "softmax")(layer(keras.layers.Flatten()(inputs)))
    return keras.Model(inputs, outputs)

def numpy(variant, shape, classes):
    return net(Numpy(), shape, classes)

def sized(variant, shape, classes):
    return net(Sized(), shape, classes)
"""


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="of TensorFlow")
@pytest.mark.parametrize(
    ("build", "kind", "why", "line"),
    [
        ("numpy", XlaEpoch, "has no PyFunc", "tf.numpy_function(abs"),
        ("numpy", FitEpoch, "has no PyFunc", "tf.numpy_function(abs"),
        ("sized", XlaEpoch, r"cannot compile this \(Input 0 to .* Fill must be a compile-time constant\)", "tf.zeros("),
    ],
)
def test_what_xla_cannot_compile_of_a_users_model_is_told_with_its_line_and_what_to_do(
    build, kind, why, line, digits, tmp_path, monkeypatch
):
    (tmp_path / "refused_nets.py").write_text(REFUSED)
    monkeypatch.syspath_prepend(tmp_path)
    target = f"refused_nets:{build}"
    model = build_for(BASELINE.replace(model=target), digits, seed=1)
    model.jit_compile = True  # as on a GPU
    remedy = r"set `self.supports_jit = False` in the layer that asks for it, or compile .* with `jit_compile=False`"
    with pytest.raises(HarnessError) as told, user_errors(target):
        kind(model, digits.train_images, digits.train_labels, classes=10, batch_size=8).train(np.arange(8))
    place = rf"{re.escape(str(tmp_path))}/refused_nets.py, line \d+: return .*{re.escape(line)}"
    assert re.search(rf"InvalidArgumentError: XLA, with which Keras .* {why}: {remedy}: {place}", str(told.value))
