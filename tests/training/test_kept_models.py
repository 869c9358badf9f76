"""--save-models: what is kept of a trial predicts, loaded by the printed lines, what its record says."""

import ast
import contextlib
import dataclasses
import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from made_results import Made, make_results

from harness import BASELINE, InputError, Variant
from harness.budgets import BUDGETS
from harness.cli import run
from harness.results import load_results
from harness.results.kept_models import (
    NOT_KEPT,
    KeptModel,
    copy_models,
    kept_models,
    model_of,
    models_folder,
    read_probabilities,
    write_model,
)
from harness.results.model_lines import loading_lines
from harness.results.opening import open_store
from harness.results.trials import Trial
from harness.running.models import has_model, kept_lines, write_model_of
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
    copy_models(tmp_path, tmp_path / "joined", {trial.key})
    assert model_of(trial, kept_models(tmp_path / "joined")).read_bytes() == second.read_bytes()


INPUT = {"class_name": "InputLayer", "module": "keras.layers", "config": {"batch_shape": [None, 8, 8, 1]}}
FOREIGN = [
    {"module": "builtins", "registered_name": None},
    {"module": "harness.__main__", "registered_name": None},
    {"module": "nets\nimport evil", "registered_name": "evil"},
    {"module": "for.nets", "registered_name": None},
    {"module": "elsewhere.nets", "registered_name": "elsewhere>Layer"},
]


def described(path, config):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", config if isinstance(config, str) else json.dumps(config))
    return path


def some_trial(variant, digits):
    environment = training_environment(find_device("cpu"))
    return Trial(variant, "", "digits", digits.fingerprint, 1, BUDGETS["smoke"], environment)


def test_the_lines_of_a_strangers_model_import_nothing_that_it_names(digits, project):
    path = described(project / "o'dd.keras", [INPUT, *FOREIGN])
    lines = loading_lines(path, some_trial(SMALL, digits), digits.classes)
    assert lines[0] == "import keras"
    assert lines[1].endswith("compile=False)")
    lines = loading_lines(path, some_trial(SMALL, digits), ("cat\nimport evil", "dog"))
    assert len(ast.parse("\n".join(lines)).body) == 3
    own = some_trial(Variant(model="keptnets:build"), digits)
    with pytest.raises(InputError, match=r"o'dd\.keras holds classes of one's own: .*no module \"keptnets\""):
        loading_lines(path, own, digits.classes)
    (project / "keptnets.py").write_text("import blocks")
    (project / "blocks.py").write_text("import keras")
    path = described(path, [INPUT, *FOREIGN, {"module": "blocks", "registered_name": None}])
    lines = loading_lines(path, own, digits.classes)
    assert lines[0] == "import keras, blocks, keptnets"
    assert lines[1].endswith("custom_objects={**vars(blocks), **vars(keptnets)})")
    lines = loading_lines(path, some_trial(Variant(model="os:getcwd"), digits), digits.classes)
    assert lines[0] == "import keras"


@pytest.mark.parametrize(
    "config",
    [
        [INPUT | {"config": "x"}],
        [INPUT | {"config": {"batch_shape": 5}}],
        [INPUT | {"config": {"batch_shape": [None, "x'); evil(", 3]}}],
        [INPUT | {"config": {"batch_shape": [True]}}],
        "5",
        "[" * 100_000,
        '{"a":' * 900 + "1" + "}" * 900,
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
    ids=range(8),
)
def test_a_file_that_is_no_model_is_refused_in_a_line_that_names_it(config, digits, tmp_path):
    path = described(tmp_path / "a.keras", config)
    with pytest.raises(InputError, match=r"a\.keras is damaged \(\S.*\): remove it") as told:
        loading_lines(path, some_trial(SMALL, digits), digits.classes)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("shape", [5, [8, 8], [8.0, 8.0, 1.0], "8x8x1", None])
def test_weights_without_a_shape_are_refused_in_a_line_that_names_them(shape, digits, tmp_path):
    path = tmp_path / "a.weights.h5"
    with h5py.File(path, "w") as file:
        if shape is not None:
            file.attrs["input_shape"] = shape
    with pytest.raises(InputError, match=r"a\.weights\.h5 is damaged \(\S.*\): remove it"):
        loading_lines(path, some_trial(SMALL, digits), digits.classes)


UNSAVED = """
import keras

class Unsaved(keras.layers.Dense):
    def save_own_variables(self, store):
        raise NotImplementedError("no saving")

def build(variant, input_shape, classes):
    out = Unsaved(classes, activation="softmax")
    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(), out])
"""


def test_the_command_that_tells_of_models_names_their_folder(project):
    for folder, told in (("results", ""), ("old runs", " --results 'old runs'")):
        (line,) = kept_lines(Path(folder))
        assert f"`harness model VARIANT{told}` tells" in line


def test_a_model_that_cannot_be_saved_is_remembered_until_it_can(digits, project):
    (project / "unsavednets.py").write_text(UNSAVED)
    trial, lost = kept_trial(Variant(model="unsavednets:build"), digits, BUDGETS["smoke"])
    tmp_path = project / "results"
    told = write_model_of(lost, "small", tmp_path)
    assert "no saving" in told.model.trouble
    assert has_model(tmp_path, None)(trial)
    assert not kept_models(tmp_path)
    assert kept_lines(tmp_path)[1].startswith("no models of 1 trial: Keras cannot save them")
    (said,) = models_folder(tmp_path).glob(f"*{NOT_KEPT}")
    assert "no saving" in said.read_text()
    passing = KeptModel(trouble="the disk is full")
    write_model_of(dataclasses.replace(lost, trial=dataclasses.replace(trial, seed=2), model=passing), "s", tmp_path)
    assert not has_model(tmp_path, None)(dataclasses.replace(trial, seed=2))
    write_model(tmp_path, trial, "small", KeptModel(b"a model", ".keras"))
    assert [path.suffix for path in models_folder(tmp_path).iterdir()] == [".keras"]
    assert len(kept_lines(tmp_path)) == 1


@pytest.mark.parametrize("what", ["file", "link", "dangling"])
def test_models_that_cannot_be_written_are_refused_before_anything_is(what, project, capsys):
    (project / "suites").mkdir()
    (project / "suites" / "suite_small.py").write_text(SUITE)
    models = models_folder(project / "results")
    models.parent.mkdir()
    if what == "file":
        models.write_text("in the way")
    else:
        models.symlink_to(project / "suites" if what == "link" else project / "nowhere")
    assert run(SWEEP) == 4
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert "results/models" in line
    assert list(models.parent.iterdir()) == [models]
    assert not (project / "nowhere").exists()


@pytest.mark.parametrize(("protocol", "seed"), [("validation", 2), ("tutorial", 1)])
def test_no_model_is_chosen_by_its_test_images(protocol, seed, tmp_path, capsys):
    made = make_results(
        tmp_path / "made",
        Made(accuracies={BASELINE: 0.8}, seeds=(1, 2), budget=BUDGETS["quick"].override(protocol=protocol)),
    )
    better = {}
    with open_store(made) as store:
        store.begin_run(next(iter(load_results(made).provenances.values())))
        for record in load_results(made).records.values():
            last = dataclasses.replace(record.history[-1], val_accuracy=0.5 + record.trial.seed / 10)
            better[record.trial.seed] = dataclasses.replace(record, history=(*record.history[:-1], last))
            store.add_record(better[record.trial.seed])
    for one in better.values():
        write_model(
            made, one.trial, "baseline", KeptModel((described(tmp_path / "a.keras", [INPUT])).read_bytes(), ".keras")
        )
    assert run(["model", "baseline", "--results", str(made)]) == 0
    path, what, *_ = capsys.readouterr().out.splitlines()
    assert f"-seed-{seed}-" in path
    assert ("the best of them on validation images" in what) == (protocol == "validation")
    assert ("the lowest that is kept" in what) == (protocol == "tutorial")


def test_keeping_models_changes_no_trial(digits):
    """One trainer takes the trials of a variant in a row: what saving does to its model must not reach the next."""

    def bits(keep):
        trainer = Trainer()
        variant = BASELINE.replace(filters=(3,), dense=(), dropout=0.4, optimizer="momentum")
        trials = [
            dataclasses.replace(some_trial(variant, digits), seed=seed, budget=BUDGETS["smoke"].override(epochs=1))
            for seed in (1, 2, 1)
        ]
        records = [trainer.run(dataclasses.replace(one, keep_model=keep), digits) for one in trials]
        assert [record.model is not None for record in records] == [keep] * 3
        return [
            (record.loss, [dataclasses.replace(epoch, seconds=0) for epoch in record.history]) for record in records
        ]

    with_models, without = bits(True), bits(False)
    assert with_models == without
    assert without[0] == without[2] != without[1]


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
    assert run(SWEEP[:-1]) == 0
    capsys.readouterr()
    before = {key: one.accuracy for key, one in load_results("results").records.items()}
    assert len(before) == 2
    assert run(["model", "dropped"]) == 4
    assert "run the same command again with --save-models" in capsys.readouterr().err
    assert run(PLAN) == 0
    assert "for its model, as --save-models asks" in capsys.readouterr().out

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
