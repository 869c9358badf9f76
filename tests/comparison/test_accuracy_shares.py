"""What images add to each metric: against scikit-learn, and against each class's table of its own."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from harness.comparison.shares import right_shares, variant_shares
from harness.results.contents import TestSet
from harness.results.predictions import Predictions
from harness.statistics.ratios import shares_of_sums

CLASSES, IMAGES, SEEDS = 5, 60, 3
LABELS = np.random.default_rng(0).integers(0, CLASSES - 1, IMAGES)  # of the last class there is none


def drawn(seed, *, sure=0.7):
    """Return predictions of which some have no class, or two, above 0.5 (as rounding may give)."""
    rng = np.random.default_rng(seed)
    guess = rng.integers(0, CLASSES - 2, IMAGES)  # a class that is there and that nobody predicts
    predicted = np.where(rng.random(IMAGES) < 0.5, LABELS, guess).astype(np.uint16)
    positives = (rng.random(IMAGES) < sure).astype(np.uint8)
    return Predictions(predicted, positives, (predicted == LABELS) & (positives > 0))


SEEN = tuple(drawn(seed) for seed in range(1, SEEDS + 1))
TESTED = TestSet(tuple("abcde"), LABELS)


def test_the_metrics_are_scikit_learns():
    found = variant_shares(SEEN, TESTED)
    predicted = [one.predicted for one in SEEN]
    assert found.metrics["accuracy"].values == pytest.approx([np.mean(row == LABELS) for row in predicted])
    every = {"average": "macro", "labels": range(CLASSES), "zero_division": 0}
    assert found.metrics["macro_f1"].values == pytest.approx([f1_score(LABELS, row, **every) for row in predicted])
    # Keras's: of what was predicted with a probability above 0.5, whatever its class.
    right = [np.array(row == LABELS) for row in predicted]
    above = [one.positives > 0 for one in SEEN]
    both = list(zip(right, above, strict=True))
    assert found.metrics["precision"].values == pytest.approx([precision_score(hit, sure) for hit, sure in both])
    assert found.metrics["recall"].values == pytest.approx(
        [recall_score(np.ones(IMAGES), hit & sure) for hit, sure in both]
    )
    for metric, shares in found.metrics.items():
        assert found.mean(metric) == pytest.approx(np.mean(shares.values))
        assert shares.table.shape == (SEEDS, IMAGES)
        assert shares.table.mean(axis=1) == pytest.approx(shares.values)


def test_macro_f1_is_what_a_table_per_class_gives():
    predicted = np.stack([one.predicted for one in SEEN]).astype(int)
    classes = np.arange(CLASSES)[:, None, None]
    true, chosen = np.broadcast_to(classes == LABELS, (CLASSES, *predicted.shape)), predicted == classes
    whole = shares_of_sums(np.concatenate([2.0 * (true & chosen), true.astype(float) + chosen]))
    found = variant_shares(SEEN, TESTED).metrics["macro_f1"]
    assert found.values == pytest.approx(whole.values)
    assert found.table == pytest.approx(whole.table)


def test_precision_says_something_where_each_seed_has_a_probability_above_a_half():
    assert variant_shares(SEEN, TESTED).has_precision
    assert not variant_shares((*SEEN, drawn(9, sure=0.0)), TESTED).has_precision


def test_images_of_a_group_are_one_column_of_every_metric_and_of_accuracy_alone():
    groups = np.arange(IMAGES)
    groups[[7, 9]] = 2
    together = TestSet(TESTED.classes, LABELS, groups)
    found, alone = variant_shares(SEEN, together), variant_shares(SEEN, TESTED)
    for metric, shares in found.metrics.items():
        assert shares.table == pytest.approx(alone.metrics[metric].by_group(groups).table)
        assert shares.table.shape == (SEEDS, IMAGES - 2)
    for tested, whole in ((together, found), (TESTED, alone)):
        right = right_shares(SEEN, tested)
        assert right.values == pytest.approx(whole.metrics["accuracy"].values)
        assert right.table == pytest.approx(whole.metrics["accuracy"].table)
