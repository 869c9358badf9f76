"""When a mean curve reaches its target: against a plain search on a fine grid, and the odd cases."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from harness.statistics import NEVER, Estimate, Part, Reaching, TimeToReach, best_so_far

SURE = Estimate(0.0, (Part(0.0, 3),))


def curves_of(number):
    rng = np.random.default_rng([3, number])
    seeds, epochs = rng.integers(3, 9), rng.integers(1, 9)
    rising = np.cumsum(rng.normal(0.02, 0.03, (seeds, epochs)), axis=1)
    return rising - rng.uniform(0, 0.15) + rng.normal(0, 0.02, (seeds, 1)), 10 ** rng.uniform(-4, -0.05)


def on_a_grid(curves, level):
    """Return low end, estimate and high end by looking at 20,001 places."""
    seeds, epochs = curves.shape
    at = np.linspace(1, epochs, 20_001)
    straight = np.array([np.interp(at, np.arange(1, epochs + 1), curve) for curve in curves])
    mean = straight.mean(axis=0)
    half = stats.t.isf(level / 2, seeds - 1) * straight.std(axis=0, ddof=1) / np.sqrt(seeds)
    may, may_not = mean + half >= 0, mean - half < 0
    first = [at[found.argmax()] if found.any() else NEVER for found in (may, mean >= 0)]
    last = NEVER if may_not[-1] else at[20_000 - may_not[::-1].argmax() + 1] if may_not.any() else 1.0
    return *first, last


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_interval_and_estimate_are_those_of_a_plain_search(start):
    ends = []
    for number in range(start, start + 50):
        curves, level = curves_of(number)
        reaching = Reaching.of(curves)
        interval = reaching.interval(level)
        found = interval.low, reaching.epochs, interval.high
        assert found == pytest.approx(on_a_grid(curves, level), abs=1e-3)
        assert interval.low <= reaching.epochs <= interval.high
        ends += found
    assert 0.1 < np.isinf(ends).mean() < 0.9
    assert sum(end == 1 for end in ends) > 3


def test_p_is_the_level_at_which_the_interval_reaches_a_ratio_of_one():
    told = 0
    for number in range(200):
        curves, _ = curves_of(number)
        time = TimeToReach(Reaching.of(curves), curves.shape[1], Estimate(0.1 - number / 1000, (Part(1e-4, 3),)))
        p = time.p_value()
        if 1e-13 < p < 0.99:
            told += 1
            assert time.interval(p * 0.9999).contains(0.0)
            assert not time.interval(p * 1.0001).contains(0.0)
        assert p < 0.99 or time.interval(0.98).contains(0.0)
        assert time.p_value(4) == pytest.approx(min(1.0, 4 * p))
    assert told > 100


def test_a_ratio_of_just_one_has_a_p_of_one():
    time = TimeToReach(Reaching.of([[-0.12, 0.1], [-0.1, 0.12], [-0.09, 0.09]]), 2, SURE)
    time = replace(time, epoch_time=Estimate(-math.log(time.ratio), SURE.parts))
    assert time.ratio == pytest.approx(1)
    assert (time.p_value(), time.p_value(3)) == pytest.approx((1, 1))
    near = replace(time, epoch_time=replace(time.epoch_time, mean=time.epoch_time.mean + 0.001))
    assert 0.9 < (p := near.p_value()) < 0.99
    assert near.interval(p * 0.9999).contains(0.0)
    assert not near.interval(p * 1.0001).contains(0.0)


def test_more_comparisons_share_the_level_and_the_equivalence_interval_has_twice_of_it():
    time = TimeToReach(Reaching.of([[-0.12, 0.1], [-0.1, 0.12], [-0.09, 0.09]]), 2, Estimate(0.1, (Part(1e-3, 3),)))
    assert time.interval(0.05, 4) == time.interval(0.0125) != time.interval(0.05)
    assert time.equivalence_interval(0.05, 4) == time.interval(0.025)
    assert time.interval() == time.interval(0.05, 1)
    assert time.equivalence_interval() == time.interval(0.1)
    # Of a level of all there is, next to nothing is left.
    assert tuple(time.equivalence_interval(0.9)) == pytest.approx((math.log(time.ratio),) * 2, abs=1e-9)


def test_what_no_seed_comes_near_is_never_reached_and_nothing_else():
    curves = np.array([[-0.4, -0.3], [-0.4, -0.31], [-0.41, -0.3]])
    time = TimeToReach(Reaching.of(curves), 2, SURE)
    assert tuple(time.interval()) == (math.inf, math.inf)
    assert time.ratio == NEVER
    assert time.reaching.seeds_reaching == 0
    assert time.p_value() < 0.01


def test_half_of_the_seeds_leave_it_open_whether_it_is_reached():
    curves = np.array([[-0.2, -0.01], [-0.2, 0.01], [-0.21, -0.011], [-0.19, 0.012]])
    reaching = Reaching.of(curves)
    interval = reaching.interval(0.05)
    assert reaching.seeds_reaching == 2
    assert 1 < interval.low < reaching.epochs < 2
    assert interval.high == NEVER


def test_what_is_reached_within_the_first_epoch_counts_as_one():
    time = TimeToReach(Reaching.of([[0.1, 0.2], [0.11, 0.2], [0.12, 0.2]]), 2, SURE)
    assert time.ratio == pytest.approx(0.5)
    assert tuple(time.interval().exp()) == pytest.approx((0.5, 0.5))


def test_what_just_reaches_the_target_reaches_it():
    reaching = Reaching.of([[-0.1, 0.0, -0.1], [-0.1, 0.0, -0.2]])
    assert (reaching.epochs, reaching.seeds_reaching) == (2, 2)
    assert Reaching.of([[0.0, -0.1]]).epochs == 1
    assert Reaching.of([[-0.2, -0.1, 0.0]]).epochs == 3


def test_what_falls_back_below_the_target_is_not_surely_reached():
    reaching = Reaching.of([[0.1, -0.1], [0.11, -0.1], [0.12, -0.11]])
    assert (reaching.epochs, *reaching.interval(0.05)) == (1, 1, NEVER)


def test_seeds_that_agree_to_the_last_digit_are_no_certainty():
    agreeing = Reaching.of([[-0.1, 0.0], [-0.12, 0.0], [-0.1, 0.0]])
    assert agreeing.interval(0.05).high == NEVER
    # The least spread of other epochs stands for that of the first, which then is surely below; the largest is not.
    spread = np.array([-1, 0, 1])[:, None] * [0.0, 0.001, 0.1]
    assert 1 < Reaching.of(spread + np.array([-0.05, 0.0, 0.05])).interval(0.05).low < 2
    alike = Reaching.of([[-0.1, 0.0]] * 3)
    assert not alike.known
    assert alike.interval(0.05).empty
    assert math.isnan(TimeToReach(alike, 2, SURE).p_value())


@pytest.mark.parametrize("seeds", [1, 2])
def test_under_three_seeds_there_is_an_estimate_and_no_interval(seeds):
    reaching = Reaching.of([[-0.1, 0.1], [-0.1, 0.12]][:seeds])
    assert 1 < reaching.epochs < 2
    assert reaching.interval(0.05).empty


def test_a_step_time_of_one_build_gives_no_interval():
    time = TimeToReach(
        Reaching.of([[-0.1, 0.1], [-0.1, 0.12], [-0.1, 0.11]]), 2, Estimate(0.2, (Part(math.nan, math.nan),))
    )
    assert time.interval().empty
    assert time.ratio == pytest.approx(time.reaching.epochs / 2 * math.exp(0.2))


def test_both_uncertainties_add_as_squares_on_either_side():
    curves = np.array([[-0.2, -0.05, 0.08], [-0.2, -0.02, 0.1], [-0.22, -0.04, 0.09], [-0.19, -0.03, 0.1]])
    reaching, step = Reaching.of(curves), Estimate(0.3, (Part(1e-3, 3),))
    found, alone = TimeToReach(reaching, 3, step).interval(), TimeToReach(reaching, 3, SURE).interval()
    middle, half = math.log(reaching.epochs / 3), step.half_width()
    assert 1 < reaching.interval(0.05).low < reaching.interval(0.05).high < 3
    assert middle + 0.3 - found.low == pytest.approx(math.hypot(middle - alone.low, half))
    assert found.high - middle - 0.3 == pytest.approx(math.hypot(alone.high - middle, half))


def test_the_best_so_far_is_what_a_shorter_training_would_have_kept():
    assert best_so_far(np.array([[0.5, 0.4, 0.6], [0.3, 0.2, 0.1]])).tolist() == [[0.5, 0.5, 0.6], [0.3, 0.3, 0.3]]


@pytest.mark.parametrize("wrong", [[0.1, 0.2], [[0.1, math.nan]], [[]]])
def test_curves_are_a_table_of_finite_numbers(wrong):
    with pytest.raises(ValueError, match=r"^curves (has|is)"):
        Reaching.of(wrong)
