import numpy as np
import pytest
from crossed_bootstrap import crossed_bootstrap

from harness.statistics import two_way_of_sums


def _arms(seed=0, seeds=5, images=400):
    rng = np.random.default_rng(seed)
    ease = rng.random(images)
    arms = []
    for gain in (0.0, 0.1):
        right = rng.random((seeds, images)) < ease + gain
        sure = right | (rng.random((seeds, images)) < 0.4)
        arms.append(np.stack([right & sure, sure]).astype(float))
    return arms


def test_the_bootstrap_agrees_with_the_delta_method():
    arms = _arms()
    bootstrap = crossed_bootstrap(*arms, rng=np.random.default_rng(1), resamples=4000)
    effect = two_way_of_sums(*arms)
    assert bootstrap.mean == pytest.approx(effect.mean)
    assert bootstrap.standard_error == pytest.approx(effect.standard_error, rel=0.1)


def test_seeds_that_agree_leave_the_whole_variance_to_images():
    arms = [np.repeat(arm[:, :1], 3, axis=1) for arm in _arms()]
    bootstrap = crossed_bootstrap(*arms, rng=np.random.default_rng(1), resamples=4000)
    assert bootstrap.standard_error == pytest.approx(two_way_of_sums(*arms).standard_error, rel=0.06)


def test_the_same_generator_gives_the_same_interval():
    arms = _arms()
    first, second = (crossed_bootstrap(*arms, rng=np.random.default_rng(3), resamples=300) for _ in range(2))
    assert first == second


def test_a_metric_without_a_slope_has_an_interval():
    def in_whole_points(sums):
        return np.round(sums[0] / sums[1], 2)

    stepped = crossed_bootstrap(*_arms(), in_whole_points, rng=np.random.default_rng(2))
    smooth = two_way_of_sums(*_arms())
    assert stepped.mean == pytest.approx(smooth.mean, abs=0.01)
    assert stepped.standard_error == pytest.approx(smooth.standard_error, rel=0.3)


def test_equal_arms_differ_by_nothing():
    arm = _arms()[0]
    bootstrap = crossed_bootstrap(arm, arm, rng=np.random.default_rng(0), resamples=50)
    assert bootstrap.interval() == (0.0, 0.0)
    assert bootstrap.p_value() == 1.0


def test_under_three_seeds_the_interval_is_empty():
    bootstrap = crossed_bootstrap(*_arms(seeds=2), rng=np.random.default_rng(0), resamples=50)
    assert bootstrap.interval().empty


def test_one_resample_is_refused():
    with pytest.raises(ValueError, match="resamples is 1"):
        crossed_bootstrap(*_arms(), rng=np.random.default_rng(0), resamples=1)
