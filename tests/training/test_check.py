"""The quick check of `pytest suites`: it passes what trains and tells what does not."""

import pytest

from harness import BASELINE
from harness.errors import HarnessError, InputError
from harness.training.check import CheckError, check_trains


@pytest.mark.parametrize(
    "changes",
    [{}, {"dropout": 0.6}, {"l2": 0.01}, {"batch_norm": True}, {"optimizer": "sgd", "learning_rate": 0.01}],
    ids=str,
)
def test_a_sound_variant_passes(changes, digits):
    check_trains(BASELINE.replace(**changes), digits)


def test_an_exploding_variant_is_told(digits):
    with pytest.raises(CheckError, match=r"gradients explode|does not fall"):
        check_trains(BASELINE.replace(optimizer="sgd", learning_rate=10.0, l2=10.0), digits)


def test_a_learning_rate_without_effect_is_told(digits):
    with pytest.raises(CheckError, match=r"does not fall|no weight moved"):
        check_trains(BASELINE.replace(optimizer="sgd", learning_rate=1e-30), digits)


def test_a_model_too_deep_for_the_images_is_refused(digits):
    with pytest.raises(InputError, match="pool"):
        check_trains(BASELINE.replace(filters=(8,) * 6), digits)


def test_a_builder_that_is_missing_is_told(digits):
    with pytest.raises(HarnessError, match="nowhere"):
        check_trains(BASELINE.replace(model="nowhere.at_all:build"), digits)
