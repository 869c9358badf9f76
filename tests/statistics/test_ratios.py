import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score

from harness.statistics import mean_of_ratios, two_way, two_way_of_sums
from harness.statistics.ratios import shares_of_sums

CLASSES = 4


def _predictions(seed, seeds=4, images=300, skill=0.7):
    rng = np.random.default_rng(seed)
    labels = np.random.default_rng(99).integers(CLASSES, size=images)
    guesses = rng.integers(CLASSES, size=(seeds, images))
    return labels, np.where(rng.random((seeds, images)) < skill, labels, guesses)


def _f1_sums(labels, predicted):
    classes = np.arange(CLASSES)[:, None, None]
    true, positive = np.broadcast_to(labels == classes, (CLASSES, *predicted.shape)), predicted == classes
    return np.concatenate([2.0 * (true & positive), true + positive.astype(float)])


def test_mean_of_ratios_is_scikit_learns_macro_f1_and_precision():
    labels, predicted = _predictions(1)
    sums = _f1_sums(labels, predicted).sum(axis=2)
    expected = [f1_score(labels, row, average="macro") for row in predicted]
    assert mean_of_ratios(sums) == pytest.approx(expected)
    positive = predicted == 2
    precision = mean_of_ratios(np.stack([positive & (labels == 2), positive]).sum(axis=2))
    assert precision == pytest.approx([precision_score(labels == 2, row) for row in positive])


def test_the_mean_is_the_exact_difference_of_the_metric():
    labels, first = _predictions(1)
    _, second = _predictions(2, skill=0.8)
    effect = two_way_of_sums(_f1_sums(labels, first), _f1_sums(labels, second))
    scores = [np.mean([f1_score(labels, row, average="macro") for row in arm]) for arm in (first, second)]
    assert effect.mean == pytest.approx(scores[1] - scores[0])
    assert effect.interval().low > 0


def test_a_mean_written_as_a_ratio_gives_the_plain_two_way_model():
    labels, first = _predictions(1)
    _, second = _predictions(2)
    one, two = ((arm == labels).astype(float) for arm in (first, second))
    effect = two_way_of_sums([one, np.ones_like(one)], [two, np.ones_like(two)])
    reference = two_way(two - one)
    assert effect.mean == pytest.approx(reference.mean)
    assert effect.standard_error == pytest.approx(reference.standard_error, rel=1e-6)
    assert np.array(effect.parts) == pytest.approx(np.array(reference.parts), rel=1e-5)


def test_the_shares_move_as_the_metric_does():
    labels, predicted = _predictions(1)
    sums = _f1_sums(labels, predicted).astype(float)
    shares = shares_of_sums(sums)
    for image in range(0, labels.size, 37):
        raised = sums.copy()
        raised[:, :, image] *= 1 + 1e-6
        moved = (mean_of_ratios(raised.sum(axis=2)) - shares.values) / 1e-6
        assert (shares.table[:, image] - shares.values) / labels.size == pytest.approx(moved, abs=1e-5)


def test_swapping_the_arms_mirrors_the_interval():
    labels, first = _predictions(1)
    _, second = _predictions(2)
    arms = _f1_sums(labels, first), _f1_sums(labels, second)
    low, high = two_way_of_sums(*arms).interval()
    assert two_way_of_sums(*arms[::-1]).interval() == pytest.approx((-high, -low))


def test_equal_arms_differ_by_nothing():
    labels, first = _predictions(1)
    effect = two_way_of_sums(_f1_sums(labels, first), _f1_sums(labels, first))
    assert effect.interval() == (0.0, 0.0)
    assert effect.p_value() == 1.0


def test_an_arm_that_predicts_nothing_has_precision_zero_and_no_warning():
    none = np.zeros((2, 3, 50))
    some = np.ones((2, 3, 50))
    with np.errstate(all="raise"):
        assert two_way_of_sums(none, none).interval() == (0.0, 0.0)
        assert two_way_of_sums(none, some).mean == 1.0


@pytest.mark.parametrize(
    ("first", "second"),
    [(np.ones((2, 3, 5)), np.ones((2, 4, 5))), (np.ones((3, 5)), np.ones((3, 5))), (np.ones((2, 3, 0)),) * 2],
)
def test_arms_that_do_not_pair_are_refused(first, second):
    with pytest.raises(ValueError, match="shape"):
        two_way_of_sums(first, second)


def test_a_missing_pair_is_refused_with_its_seed():
    arm = np.ones((2, 3, 5))
    gap = arm.copy()
    gap[1, 2, 0] = np.nan
    with pytest.raises(ValueError, match=r"variant .* \[2\]"):
        two_way_of_sums(arm, gap)
    with pytest.raises(ValueError, match=r"^baseline is not finite in seed row\(s\) \[2\]: leave out both arms"):
        two_way_of_sums(gap, arm)


def test_an_odd_number_of_sums_is_no_ratio():
    with pytest.raises(ValueError, match="3 rows"):
        mean_of_ratios(np.ones((3, 2)))
    with pytest.raises(ValueError, match="0 rows"):
        mean_of_ratios(np.ones((0, 2)))


def test_the_first_seeds_are_the_same_shares_of_fewer():
    labels, predicted = _predictions(1)
    sums = _f1_sums(labels, predicted)
    few, alone = shares_of_sums(sums).of_first(3), shares_of_sums(sums[:, :3])
    assert few.values.tolist() == alone.values.tolist()
    assert few.table == pytest.approx(alone.table)
