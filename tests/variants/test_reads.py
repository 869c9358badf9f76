"""What a builder reads of its variant is noted, and a difference that it never reads is refused by name."""

import copy
import dataclasses
import pickle

import pytest

from harness.errors import HarnessError
from harness.variants import BASELINE, Variant
from harness.variants.reads import Reads, watched

NET = Variant(model="own.nets:build", options={"width": 8, "blocks": 1})
ALL_FIELDS = {field.name for field in dataclasses.fields(Variant)}


def read(take, variant: Variant = NET) -> Reads:
    reads = Reads()
    take(watched(variant, reads))
    return reads


@pytest.mark.parametrize(
    ("take", "fields", "options"),
    [
        (lambda v: v.dropout, {"dropout"}, set()),
        (lambda v: getattr(v, "l2", 0), {"l2"}, set()),
        (lambda v: v.option("width", 3), set(), {"width"}),
        (lambda v: v.option("widht", 3), set(), {"widht"}),
        (lambda v: dict(v.options).get("width"), {"options"}, set()),
        (lambda v: v.replace(l2=0.0).l2, set(), set()),
        (lambda v: v.replace(l2=0.0).l1, {"l1"}, set()),
        (lambda v: v.replace(options={"width": 1}).option("width"), set(), set()),
        (lambda v: copy.deepcopy(copy.copy(v)).dropout, {"dropout"}, set()),
        (lambda v: (v.name, v.fingerprint, repr(v), str(v), f"{v}", hash(v)), set(), set()),
        (lambda v: isinstance(v, Variant), set(), set()),
    ],
)
def test_what_is_read_is_noted_and_labels_are_not(take, fields, options):
    reads = read(take)
    assert (set(reads.fields), set(reads.options)) == (fields, options)


@pytest.mark.parametrize(
    "take",
    [dataclasses.asdict, vars, dataclasses.replace, pickle.dumps, lambda v: v.to_json(), lambda v: v == BASELINE],
)
def test_who_takes_the_whole_reads_all_of_it(take):
    assert set(read(take).fields) == ALL_FIELDS


def test_a_watched_variant_is_the_variant():
    seen = watched(NET, Reads())
    assert seen == NET
    assert hash(seen) == hash(NET)
    assert repr(seen) == repr(NET)
    assert dataclasses.asdict(seen) == dataclasses.asdict(NET)
    assert type(dataclasses.replace(seen, dropout=0.5)) is Variant
    assert seen.replace(dropout=0.5).dropout == 0.5
    assert pickle.loads(pickle.dumps(seen)) == NET
    with pytest.raises(dataclasses.FrozenInstanceError):
        seen.dropout = 0.5


READS = Reads(dict.fromkeys(["dropout", "batch_size"]), dict.fromkeys(["width", "blocks"]))


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        (NET.replace(l2=0.01), 'never read field "l2" (it reads dropout, batch_size):'),
        (NET.replace(options={"width": 8, "blocks": 1, "widht": 64}), 'option "widht" (it reads width, blocks):'),
        (NET.replace(options={"width": 8, "blocks": 1, "depth": None}), 'option "depth" (it reads width, blocks):'),
        (
            NET.replace(options={"width": 8, "blocks": 1, "depth": 3}, l1=0.1),
            'never read option "depth" nor field "l1" (it reads width, blocks, dropout, batch_size):',
        ),
        (NET.replace(learning_rate=0.1), 'field "learning_rate"'),
    ],
)
def test_a_difference_that_is_never_read_is_refused_by_name(variant, words):
    with pytest.raises(HarnessError) as refusal:
        READS.check(variant, NET)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("variant", "baseline"),
    [
        (NET, NET),
        (NET.replace(dropout=0.3, batch_size=8, options={"width": 9}), NET),
        (NET.replace(l2=0.1), NET.replace(l2=0.1, dropout=0.1)),
        (NET, BASELINE.replace(l2=0.1, filters=(8,))),
        (NET, NET.replace(model="own.others:build", options={"depth": 3})),
    ],
)
def test_what_is_read_or_equal_is_no_fault(variant, baseline):
    READS.check(variant, baseline)


def test_an_option_left_out_that_the_baseline_has_must_be_read_too():
    with pytest.raises(HarnessError, match='option "depth"'):
        READS.check(NET, NET.replace(options={"width": 8, "blocks": 1, "depth": 3}))


def test_options_taken_as_a_whole_are_read():
    Reads({"options": None}).check(NET.replace(options={"other": 1}), NET)


def test_an_activation_that_no_layer_has_is_refused():
    with pytest.raises(ValueError, match="activation: 'tanh' has no effect"):
        Variant(backbone="VGG16", dense=(), activation="tanh")
