import keras
import numpy as np
import pytest

from harness.models import build_model
from harness.models.augmentation import augmentation_layers
from harness.variants import BASELINE
from harness.variants.rules import AUGMENTATIONS

POLICIES = [*AUGMENTATIONS, "mixed", "flip+shift"]
# Smooth pictures from blocks of 8x8 pixels, with neither 0 nor 1: what leaves the range shows.
PICTURES = np.kron(np.random.default_rng(0).uniform(0.1, 0.9, (32, 4, 4, 3)), np.ones((8, 8, 1))).astype(np.float32)


def augment(policy: str, seed: int = 1) -> keras.Model:
    return keras.Sequential([keras.Input((32, 32, 3)), *augmentation_layers(policy, seed)])


def images(model: keras.Model, *, training: bool) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(PICTURES, training=training))


@pytest.mark.parametrize("policy", POLICIES)
def test_the_same_seed_gives_the_same_pictures_and_each_epoch_others(policy):
    model = augment(policy)
    first, second = images(model, training=True), images(model, training=True)
    again = augment(policy)
    assert np.array_equal(images(again, training=True), first)
    assert np.array_equal(images(again, training=True), second)
    assert not np.array_equal(first, second)
    assert not np.array_equal(images(augment(policy, seed=2), training=True), first)


@pytest.mark.parametrize("policy", POLICIES)
def test_pictures_keep_their_range_and_shape_and_change_one_by_one(policy):
    changed = images(augment(policy), training=True)
    assert changed.shape == PICTURES.shape
    assert changed.min() >= 0
    assert changed.max() <= 1
    differences = np.abs(changed - PICTURES).mean(axis=(1, 2, 3))
    assert (differences > 1e-4).sum() >= 8
    assert len(set(differences.round(5))) > 8
    assert differences.max() < 0.5


@pytest.mark.parametrize("policy", POLICIES)
def test_at_test_time_pictures_pass_unchanged(policy):
    assert np.array_equal(images(augment(policy), training=False), PICTURES)


@pytest.mark.parametrize("policy", POLICIES)
def test_augmentation_stands_in_the_model_so_in_its_step_and_is_idle_when_it_predicts(policy):
    plain = build_model(BASELINE.replace(filters=(4,), dense=()), seed=1)
    augmented = build_model(BASELINE.replace(filters=(4,), dense=(), augmentation=policy), seed=1)
    assert augmented.count_params() == plain.count_params()
    assert np.array_equal(augmented(PICTURES, training=False), plain(PICTURES, training=False))
    assert not np.allclose(augmented(PICTURES, training=True), plain(PICTURES, training=True))


def test_half_of_the_pictures_have_a_box_erased():
    model = augment("erasing")
    erased = [(np.abs(images(model, training=True) - PICTURES).max(axis=(1, 2, 3)) > 0).mean() for _ in range(20)]
    # 640 coins: a share outside 0.42..0.58 has a chance below 1 in 10,000.
    assert np.mean(erased) == pytest.approx(0.5, abs=0.08)


def test_no_augmentation_is_no_layer():
    assert augmentation_layers("none", 1) == []
