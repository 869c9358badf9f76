"""Stratified draws: disjoint, complete, in proportion, and the same bits every time."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.datasets.splits import stratified_subset, validation_split
from harness.errors import InputError

label_lists = st.lists(st.integers(0, 6), min_size=1, max_size=200).map(np.array)
seeds = st.integers(0, 2**40)
fractions = st.floats(0.01, 0.99)


@given(labels=label_lists, fraction=fractions, seed=seeds)
def test_train_and_validation_are_disjoint_and_together_complete(labels, fraction, seed):
    train, validation = validation_split(labels, fraction=fraction, seed=seed)

    np.testing.assert_array_equal(np.sort(np.concatenate([train, validation])), np.arange(len(labels)))
    assert (np.diff(train) > 0).all()
    assert (np.diff(validation) > 0).all()


@given(labels=label_lists, fraction=fractions, seed=seeds)
def test_each_class_gives_validation_its_share_within_one_image(labels, fraction, seed):
    _, validation = validation_split(labels, fraction=fraction, seed=seed)

    _, sizes = np.unique(labels, return_counts=True)
    _, drawn = np.unique(np.concatenate([np.unique(labels), labels[validation]]), return_counts=True)
    quotas = sizes * round(fraction * len(labels)) / len(labels)
    # Otherwise a class so rare that it is owed less than an image on a side gets one all the same.
    if quotas.min() >= 1 and (sizes - quotas).min() >= 1:
        assert np.abs(drawn - 1 - quotas).max() < 1


@given(labels=label_lists, fraction=fractions, seed=seeds)
def test_a_class_of_two_images_or_more_is_on_both_sides_and_a_single_image_stays_in_train(labels, fraction, seed):
    train, validation = validation_split(labels, fraction=fraction, seed=seed)

    classes, sizes = np.unique(labels, return_counts=True)
    np.testing.assert_array_equal(np.unique(labels[train]), classes)
    np.testing.assert_array_equal(np.unique(labels[validation]), classes[sizes > 1])


def test_balanced_classes_give_validation_exactly_a_tenth_each():
    _, validation = validation_split(np.repeat(np.arange(10), 5000), seed=3)

    np.testing.assert_array_equal(np.bincount(np.repeat(np.arange(10), 5000)[validation]), np.full(10, 500))


def test_the_same_seed_draws_the_same_split_and_another_seed_another():
    labels = np.arange(300) % 7

    first, again, other = (validation_split(labels, seed=seed)[1] for seed in (1, 1, 2))

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_drawn_bits_are_those_of_every_numpy_version():
    # Computed once; PCG64's raw stream and SeedSequence are promised never to change.
    train, validation = validation_split(np.arange(300) % 7, seed=1)
    subset = stratified_subset(np.arange(300) % 7, 50, seed=1)

    drawn = np.concatenate([train, validation, subset]).astype("<i8")
    assert hashlib.sha256(drawn.tobytes()).hexdigest()[:16] == "34f45138e8869780"


def test_every_image_is_in_some_seeds_validation():
    labels = np.repeat([0, 1], 20)

    drawn = np.concatenate([validation_split(labels, seed=seed)[1] for seed in range(200)])

    # Each of 40 images is expected 20 times; 5 is more than three standard deviations below.
    assert np.bincount(drawn, minlength=40).min() > 5


@given(labels=label_lists, limit=st.integers(1, 250), seed=seeds)
def test_a_subset_keeps_at_most_the_limit_and_each_class_in_proportion(labels, limit, seed):
    kept = stratified_subset(labels, limit, seed=seed)

    total = min(limit, len(labels))
    assert len(kept) == total
    assert (np.diff(kept) > 0).all()
    classes, sizes = np.unique(labels, return_counts=True)
    counts = np.array([np.sum(labels[kept] == label) for label in classes])
    if total >= len(classes):
        assert counts.min() >= 1
    quotas = sizes * total / len(labels)
    if quotas.min() >= 1:
        assert np.abs(counts - quotas).max() < 1


def test_a_limit_above_the_number_of_images_keeps_all():
    np.testing.assert_array_equal(stratified_subset(np.array([1, 0, 1]), 512, seed=1), [0, 1, 2])


def test_a_smoke_subset_of_a_long_tailed_dataset_still_has_every_class():
    labels = np.concatenate([np.zeros(100_000, np.int64), np.arange(1, 200)])

    kept = stratified_subset(labels, 512, seed=1)

    assert len(kept) == 512
    assert len(np.unique(labels[kept])) == 200


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan")])
def test_a_fraction_out_of_range_is_refused_with_the_range(fraction):
    with pytest.raises(InputError, match="allowed is more than 0 and less than 1"):
        validation_split(np.array([0, 1]), fraction=fraction, seed=1)


def test_no_labels_a_negative_seed_and_a_limit_of_zero_are_refused():
    with pytest.raises(InputError, match="at least one label"):
        validation_split(np.array([], np.int64), seed=1)
    with pytest.raises(InputError, match="seed is -1"):
        validation_split(np.array([0, 1]), seed=-1)
    with pytest.raises(InputError, match="limit is 0"):
        stratified_subset(np.array([0, 1]), 0, seed=1)
