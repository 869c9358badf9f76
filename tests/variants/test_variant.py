import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.variants import BASELINE, DEFAULTS, RULES, Variant
from harness.variants.rules import (
    ACTIVATIONS,
    AUGMENTATIONS,
    BACKBONES,
    OPTIMIZERS,
    POOLINGS,
    PRECISION_POLICIES,
)

EVERY_FIELD = {
    "filters": (64, 128),
    "kernel_size": 5,
    "dense": (256, 64),
    "pooling": "average",
    "activation": "gelu",
    "batch_norm": True,
    "dropout": 0.5,
    "l1": 0.01,
    "l2": 0.001,
    "augmentation": "flip+shift",
    "optimizer": "sgd",
    "learning_rate": 0.01,
    "batch_size": 128,
    "precision_policy": "mixed_bfloat16",
}


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, exclude_max=True)


cnn_fields = st.fixed_dictionaries(
    {},
    optional={
        "filters": st.lists(st.integers(1, 4096), min_size=1, max_size=8),
        "kernel_size": st.integers(1, 15),
        "dense": st.lists(st.integers(1, 65_536), max_size=8),
        "pooling": st.sampled_from(POOLINGS),
        "activation": st.sampled_from(ACTIVATIONS),
        "batch_norm": st.booleans(),
        "dropout": numbers(0, 1),
        "l1": numbers(0, 10),
        "l2": numbers(0, 10),
        "augmentation": st.permutations(AUGMENTATIONS).map(lambda kinds: "+".join(kinds[:3])),
        "optimizer": st.sampled_from(OPTIMIZERS),
        "learning_rate": numbers(1e-9, 10),
        "batch_size": st.integers(1, 65_536),
        "precision_policy": st.sampled_from(PRECISION_POLICIES),
    },
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
options = st.dictionaries(st.text(min_size=1), scalars | st.lists(scalars, max_size=3), min_size=1, max_size=3)
variants = st.one_of(
    cnn_fields.map(lambda fields: Variant(**fields)),
    st.builds(lambda table: Variant(model="mine:build", options=table), options),
    st.builds(
        lambda network, weights: Variant(backbone=network, weights=weights),
        st.sampled_from(BACKBONES),
        st.none()
        | st.just("imagenet")
        | st.text(st.characters(exclude_characters="\0")).map(lambda t: t + ".weights.h5"),
    ),
)


def test_baseline_is_the_tutorials_cnn():
    assert Variant() == BASELINE
    assert (BASELINE.filters, BASELINE.kernel_size, BASELINE.dense) == ((32, 64), 3, (128,))
    assert (BASELINE.optimizer, BASELINE.learning_rate, BASELINE.batch_size) == ("adam", 0.001, 32)
    assert BASELINE.name == "baseline"


def test_replace_changes_only_what_it_names():
    changed = BASELINE.replace(filters=(64, 128), dropout=0.5)
    assert (changed.filters, changed.dropout, changed.dense) == ((64, 128), 0.5, BASELINE.dense)
    assert changed.replace(filters=(32, 64), dropout=0) == BASELINE
    assert BASELINE.filters == (32, 64)


def test_a_variant_cannot_be_changed():
    with pytest.raises(AttributeError):
        BASELINE.dropout = 0.5  # type: ignore[misc]


@given(variants)
def test_json_and_pickle_bring_the_same_variant_back(variant):
    for copy in (Variant.from_json(variant.to_json()), pickle.loads(pickle.dumps(variant))):
        assert copy == variant
        assert hash(copy) == hash(variant)
        assert (copy.to_json(), copy.name, copy.fingerprint) == (variant.to_json(), variant.name, variant.fingerprint)


@given(variants)
def test_a_name_is_safe_wherever_it_goes(variant):
    assert re.fullmatch(r"[A-Za-z0-9_.\-+:]{1,120}", variant.name)
    assert ".." not in variant.name


@given(variants, variants)
def test_different_content_has_different_names(one, other):
    assert (one.name == other.name) == (one == other)


@pytest.mark.parametrize("field", EVERY_FIELD)
def test_each_field_is_part_of_name_and_fingerprint(field):
    changed = BASELINE.replace(**{field: EVERY_FIELD[field]})
    assert changed != BASELINE
    assert changed.fingerprint != BASELINE.fingerprint
    assert changed.name.startswith(f"{field}:")


def test_one_content_has_one_form():
    plain = Variant(filters=(64, 128), dropout=0.0, l2=1.0, learning_rate=0.001, batch_norm=True)
    loose = Variant(
        filters=np.array([64, 128]),
        dropout=-0.0,
        l2=1,
        learning_rate=np.float32(0.001),
        batch_norm=np.True_,
    )
    assert loose.to_json() == plain.to_json()
    assert all(type(number) is int for number in loose.filters)
    assert type(loose.learning_rate) is float
    assert Variant(filters=64).filters == (64,)
    assert Variant(batch_size=np.int64(64)).batch_size == 64
    assert Variant(augmentation="shift+flip") == Variant(augmentation="flip+shift")


def test_a_json_text_of_fewer_fields_takes_the_defaults():
    assert Variant.from_json('{"dropout":0.5}') == BASELINE.replace(dropout=0.5)


@pytest.mark.parametrize(
    "text",
    ["", "[1]", "{", '"baseline"', '{"fliters":[1]}', '{"dropout":NaN}', pytest.param("[" * 100_000, id="deep")],
)
def test_what_is_no_variants_json_is_refused(text):
    with pytest.raises(InputError):
        Variant.from_json(text)


def test_options_are_read_by_name_whatever_their_order():
    variant = Variant(model="mine:build", options={"width": 2, "blocks": [3, 4]})
    assert variant.options == (("blocks", (3, 4)), ("width", 2))
    assert (variant.option("width"), variant.option("depth", 20)) == (2, 20)
    assert variant == Variant(model="mine:build", options={"blocks": (3, 4), "width": 2})


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), (1, True), (0, False), ([1], 1), ("1", 1), (None, "none"), ([], None)]
)
def test_options_that_python_holds_for_equal_are_told_apart(one, other):
    first, second = (Variant(model="mine:build", options={"x": value}) for value in (one, other))
    assert first != second
    assert first.name != second.name
    assert len({first, second}) == 2


def test_it_is_printed_as_the_lines_that_make_it():
    assert repr(BASELINE) == "Variant()"
    assert repr(BASELINE.replace(dropout=0.5, filters=[8])) == "Variant(filters=(8,), dropout=0.5)"
    own = Variant(model="mine:build", options={"width": 2, "name": "x"})
    assert repr(own) == "Variant(model='mine:build', options={'name': 'x', 'width': 2})"
    assert eval(repr(own)) == own
    page = BASELINE.replace(dropout=0.5)._repr_html_()
    assert "<th>field</th><th>tutorial&#x27;s CNN</th><th>here</th>" in page
    assert "<td>dropout</td><td>0.0</td><td>0.5</td>" in page
    assert "<td>l2</td>" not in page


def test_rules_and_fields_are_the_same_in_the_same_order():
    assert list(RULES) == list(DEFAULTS)


def test_features_are_reused_only_behind_a_frozen_backbone_without_augmentation():
    frozen = Variant(backbone="VGG16")
    assert frozen.reuses_features
    assert not frozen.replace(fine_tune=True).reuses_features
    assert not frozen.replace(augmentation="flip").reuses_features
    assert not BASELINE.reuses_features


def test_importing_variants_imports_neither_keras_nor_numpy():
    heavy = "{'keras', 'numpy', 'tensorflow', 'psutil'} & set(sys.modules)"
    code = f"import sys, harness.variants; sys.exit(str({heavy}) if {heavy} else 0)"
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).stderr == b""
