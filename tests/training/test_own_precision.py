"""A user's builder that chooses a precision itself: the record, and the tables, say what was trained."""

import dataclasses

import pytest

from harness import BUDGETS, Suite, Variant, run_trial
from harness.comparison import Margins, compare
from harness.comparison.folder_rows import compare_folders
from harness.models import build_model
from harness.models.precision import computed_in
from harness.results import load_results
from harness.results.contents import TestSet
from harness.results.opening import open_store
from harness.results.provenance import collect_provenance
from harness.results.records import Record

SOURCE = """
import keras
from keras import layers as L

def build(variant, shape, classes):
    policy = variant.option("policy", variant.precision_policy)
    if variant.option("everywhere", False):
        keras.config.set_dtype_policy(policy)
    i = keras.Input(shape)
    y = L.Dense(4, dtype=policy)(L.Flatten()(L.Rescaling(1.0, dtype="float64")(i)))
    for other in variant.option("others", ()):
        y = keras.Sequential([L.Dense(4, dtype=other)])(y)
    return keras.Model(i, L.Dense(classes, activation="softmax", dtype="float32")(y))
"""


@pytest.fixture
def net(tmp_path, monkeypatch):
    (tmp_path / "precise_nets.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    return lambda **fields: Variant(model="precise_nets:build", **fields)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, "float32"),
        ({"policy": "mixed_bfloat16"}, "mixed_bfloat16"),
        ({"policy": "mixed_float16", "everywhere": True}, "mixed_float16"),
        ({"others": ["mixed_bfloat16"]}, "mixed_bfloat16"),
        ({"policy": "bfloat16", "others": ["float32", "mixed_bfloat16"]}, "bfloat16+mixed_bfloat16"),
    ],
)
def test_the_layers_that_are_trained_say_what_a_model_computes_in(net, options, found):
    assert computed_in(build_model(net(options=options), (4, 4, 1), 3, seed=1)) == found


def test_a_record_and_its_tables_say_what_was_trained_and_nothing_where_that_is_what_was_asked(net, digits, tmp_path):
    budget = dataclasses.replace(BUDGETS["smoke"], max_images=64)
    plain, mixed = net(), net(options={"policy": "mixed_bfloat16"})
    asked = net(precision_policy="mixed_bfloat16")
    records = [run_trial(variant, digits, seed=1, budget=budget) for variant in (plain, mixed, asked)]
    assert [one.precision_policy for one in records] == ["", "mixed_bfloat16", ""]
    again = [Record.from_json(one.to_json(), one.predictions) for one in records]
    assert [one.precision_policy for one in again] == ["", "mixed_bfloat16", ""]
    with open_store(tmp_path / "results") as store:
        store.begin_run(collect_provenance())
        store.add_suite(Suite("own", [mixed, asked], plain))
        labels = digits.test_labels[: len(records[0].predictions.predicted)]
        store.add_test_set(digits.fingerprint, budget.max_images, TestSet(digits.classes, labels))
        store.add_records(records)
    results = load_results(tmp_path / "results")
    shown = ["float32", "mixed_bfloat16", "mixed_bfloat16"]
    assert compare(results)["precision_policy"].tolist() == shown
    assert sorted(compare_folders(results, results, Margins()).frame["precision_policy"]) == shown
