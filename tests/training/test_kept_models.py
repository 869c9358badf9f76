"""--save-models: what is kept of a trial predicts, loaded by the printed lines, what its record says."""

import ast
import contextlib
import dataclasses
import io
import json
import zipfile

import numpy as np
import pytest

from harness import BASELINE, InputError, Variant
from harness.budgets import BUDGETS
from harness.cli import run
from harness.results import load_results
from harness.results.kept_models import (
    copy_models,
    kept_models,
    loading_lines,
    model_of,
    models_folder,
    read_probabilities,
    write_model,
)
from harness.results.trials import Trial
from harness.training.devices import find_device, training_environment
from harness.training.split import image_pool
from harness.training.trial import Trainer
from harness.variants.sources import source_fingerprint

SMALL = BASELINE.replace(filters=(4, 8), dense=(16,))
NETS = """
import keras

class Doubled(keras.layers.Layer):
    def __init__(self, by=2.0, **others):
        super().__init__(**others)
        self.by = by

    def call(self, x):
        return self.by * x

    def get_config(self):
        return super().get_config() | {"by": self.by}

class Net(keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.pool, self.out = keras.layers.AveragePooling2D(8), keras.layers.Dense(classes, activation="softmax")
        self.flat = keras.layers.Flatten()

    def call(self, x):
        return self.out(self.flat(self.pool(x)))

def build(variant, input_shape, classes):
    if variant.option("kind") == "subclass":
        return Net(classes)
    inputs = keras.Input(input_shape)
    double = Doubled(3.0) if variant.option("kind") == "layer" else keras.layers.Lambda(lambda x: 3 * x)
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(8)(double(inputs)))
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))
"""
CASES = {
    "with dropout, batch norm and augmentation": (
        SMALL.replace(dropout=0.5, batch_norm=True, augmentation="flip"),
        {},
        ".keras",
    ),
    "averaged weights": (SMALL, {"weights": "averaged", "epochs": 2}, ".keras"),
    "a class of the harness, bfloat16": (
        SMALL.replace(pooling="sum", precision_policy="mixed_bfloat16"),
        {},
        ".keras",
    ),
    "a layer of one's own": (Variant(model="keptnets:build", options={"kind": "layer"}), {}, ".keras"),
    "a model that has no get_config": (
        Variant(model="keptnets:build", options={"kind": "subclass"}),
        {},
        ".weights.h5",
    ),
    "a lambda": (Variant(model="keptnets:build", options={"kind": "lambda"}), {}, ".weights.h5"),
}


def kept_trial(variant, dataset, budget):
    source = source_fingerprint(variant) or ""
    environment = training_environment(find_device("cpu"))
    trial = Trial(variant, source, dataset.name, dataset.fingerprint, 1, budget, environment, keep_model=True)
    return trial, Trainer().run(trial, dataset)


def predicted(lines, images):
    space = {"images": images}
    with contextlib.redirect_stdout(io.StringIO()):  # predict draws a bar
        exec("\n".join(lines), space)
    return space["probabilities"].argmax(axis=1)


@pytest.mark.parametrize("case", CASES)
def test_a_kept_model_is_as_accurate_as_its_record(case, digits, project):
    variant, changes, ending = CASES[case]
    (project / "keptnets.py").write_text(NETS)
    budget = BUDGETS["smoke"].override(**changes)
    trial, record = kept_trial(variant, digits, budget)
    assert record.model.trouble == ""
    path = write_model(project, trial, "a/name:of ../it", record.model)
    assert path.parent == models_folder(project)
    assert path.name.endswith(ending)
    lines = loading_lines(path, trial, digits.classes)
    assert len(lines) <= 4
    _, test = image_pool(digits, budget)
    found = predicted(lines, digits.test_images[test])
    assert (found == digits.test_labels[test]).mean() == record.accuracy
    assert np.array_equal(found, record.predictions.predicted)
    assert np.array_equal(read_probabilities(path, len(test), 10), record.model.probabilities)
    likelihood = record.model.probabilities[np.arange(len(test)), found]
    assert (record.model.probabilities.max(axis=1) - likelihood < 0.001).all()  # float16 has ties


def test_a_newer_model_of_a_trial_takes_the_place_of_the_older(digits, tmp_path):
    trial, record = kept_trial(SMALL, digits, BUDGETS["smoke"])
    first = write_model(tmp_path, trial, "old", record.model)
    second = write_model(tmp_path, trial, "new", record.model)
    beside = second.with_name(second.name.replace(".keras", ".probabilities.npy"))
    assert set(models_folder(tmp_path).iterdir()) == {second, beside}
    assert first != second
    assert model_of(trial, kept_models(tmp_path)) == second
    assert model_of(dataclasses.replace(trial, seed=2), kept_models(tmp_path)) is None
    with zipfile.ZipFile(second) as archive:
        assert b"optimizer" not in archive.read("model.weights.h5")
    copy_models(tmp_path, tmp_path / "joined")
    assert model_of(trial, kept_models(tmp_path / "joined")).read_bytes() == second.read_bytes()


def test_the_lines_of_a_strangers_model_hold_nothing_of_it_but_names(digits, tmp_path):
    environment = training_environment(find_device("cpu"))
    trial = Trial(SMALL, "", "digits", digits.fingerprint, 1, BUDGETS["smoke"], environment)
    parts = [
        {"class_name": "InputLayer", "module": "os, evil", "config": {"batch_shape": [None, "x'); evil(", 3]}},
        {"module": "nets\nimport evil", "registered_name": "evil"},
        {"module": "own.nets", "registered_name": None},
    ]
    path = tmp_path / "o'dd.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(parts))
    lines = loading_lines(path, trial, digits.classes)
    assert lines[0] == "import keras, own.nets"
    assert lines[1].endswith("compile=False, custom_objects=vars(own.nets))")
    assert "evil" not in "".join(lines)
    lines = loading_lines(path, trial, ("cat\nimport evil", "dog"))
    assert len(ast.parse("\n".join(lines)).body) == 3
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(InputError, match="is damaged"):
        loading_lines(path, trial, digits.classes)


SUITE = """
from harness import BASELINE, Suite
SMALL = BASELINE.replace(filters=(4, 8), dense=(16,))
SUITE = Suite("small", {"dropped": SMALL.replace(dropout=0.5)}, baseline=SMALL)
"""
SWEEP = ["sweep", "--budget", "smoke", "--workers", "1", "--save-models"]
PLAN = ["plan", "--budget", "smoke", "--save-models"]


@pytest.mark.slow
def test_trials_stored_without_a_model_are_trained_again_for_it_and_give_the_same(project, capsys, digits):
    (project / "suites").mkdir()
    (project / "suites" / "suite_small.py").write_text(SUITE)
    models = models_folder(project / "results")
    models.parent.mkdir()
    models.write_text("in the way")  # what cannot be written costs no record
    assert run(SWEEP) == 0
    said = capsys.readouterr().out
    assert said.count("its model is not kept: ") == 2
    assert "results/models" in said
    before = {key: one.accuracy for key, one in load_results("results").records.items()}
    assert len(before) == 2
    assert run(["model", "dropped"]) == 4
    assert "run the same command again with --save-models" in capsys.readouterr().err
    assert run(PLAN) == 0
    assert "for its model, as --save-models asks" in capsys.readouterr().out

    models.unlink()
    assert run(SWEEP) == 0
    assert "models: results/models (2); `harness model VARIANT` tells how" in capsys.readouterr().out
    results = load_results("results")
    assert {key: one.accuracy for key, one in results.records.items()} == before
    capsys.readouterr()
    assert run(PLAN) == 0
    assert "0 trials to train, 2 done" in capsys.readouterr().out
    assert run(["model", "dropped"]) == 0
    path, what, _, *lines = capsys.readouterr().out.splitlines()
    assert what.startswith("small / dropped, seed 1 of 1: accuracy ")
    record = next(one for one in results.records.values() if one.trial.variant.dropout)
    _, test = image_pool(digits, record.trial.budget)
    assert (predicted(lines, digits.test_images[test]) == digits.test_labels[test]).mean() == record.accuracy
    assert run(["model", "dropped", "--seed", "7"]) == 4
    (project / path).write_bytes(b"no model")
    assert run(["model", "dropped"]) == 4
    assert f"{path} is damaged" in capsys.readouterr().err
