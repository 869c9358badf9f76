"""The compiled epoch of JAX trains what `model.fit` trains, to rounding: XLA fuses its operations otherwise."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

PROGRAM = """
from harness.training.devices import configure_process
configure_process("cpu", threads=1)
import numpy as np
from harness import BASELINE
from harness.datasets import load_dataset
from harness.training.fit_epoch import FitEpoch
from harness.training.jax_epoch import JaxEpoch
from harness.training.prepared import build_for, weight_values

data, order = load_dataset("digits"), np.random.default_rng(3).permutation(1000)[:330]
variant = BASELINE.replace(filters=(8,), dense=(16,), dropout=0.4, batch_norm=True, optimizer="sgd")
done = []
for kind in (FitEpoch, JaxEpoch):
    model = build_for(variant, data, seed=7)
    arguments = (data.train_images, data.train_labels)
    epoch = kind(model, *arguments, classes=10, batch_size=32, averaging=True)
    before = weight_values(model)
    epoch.run_block(order[:64])
    if kind is JaxEpoch:
        assert all(np.array_equal(a, b) for a, b in zip(before, weight_values(model))), "a block leaves the model"
    else:
        epoch = kind(build_for(variant, data, seed=7), *arguments, classes=10, batch_size=32, averaging=True)
    started = weight_values(epoch.model)
    epoch.compile_for(len(order), 700)
    assert all(np.array_equal(a, b) for a, b in zip(started, weight_values(epoch.model))), "no step was asked for"
    if kind is JaxEpoch:
        programs = [epoch._train._cache_size(), epoch._evaluate._cache_size()]
    logs = epoch.train(order)
    means = epoch.mean_weights()
    assert len(means) == len(epoch.model.trainable_variables) > 0
    weights = [*weight_values(epoch.model), *means]
    judged = epoch.evaluate(np.arange(700))
    if kind is JaxEpoch:
        assert programs == [epoch._train._cache_size(), epoch._evaluate._cache_size()], "compiled ahead"
    done.append((weights, logs, judged, epoch.predict(data.test_images)))
(weights, logs, judged, outputs), (weights_2, logs_2, judged_2, outputs_2) = done
for first, second in [*zip(weights, weights_2), (outputs, outputs_2)]:
    np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-4)
for first, second in ((logs, logs_2), (judged, judged_2)):
    assert first.keys() == second.keys()
    for name in first:
        assert abs(first[name] - second[name]) < 5e-3, (name, first, second)
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_an_epoch_with_dropout_and_a_last_smaller_batch_gives_the_weights_of_fit():
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
