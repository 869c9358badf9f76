"""Looks: the levels add up, a hopeless comparison is told from a settled one, and no look is wrong too often."""

import dataclasses

import hypothesis.strategies as st
import looks
import numpy as np
import pytest
from hypothesis import given
from scipy import stats

from harness.comparison.standing import stand
from harness.margins import Margins
from harness.statistics import Part, alpha_share, chance_to_settle, common_looks, looks_up_to, two_way

LOOKS = looks_up_to(30)
TERMS = {"margin": 0.005, "alpha": 0.05}


@given(st.integers(1, 1000))
def test_looks_grow_to_the_most_and_their_shares_add_up_to_alpha(most):
    plan = looks_up_to(most)
    assert plan[0] == min(5, most)
    assert plan[-1] == most
    assert list(plan) == sorted(set(plan))
    assert sum(alpha_share(look, plan) for look in plan) == pytest.approx(1)


@given(st.integers(1, 100), st.integers(1, 100))
def test_two_arms_end_at_looks_that_either_may_end_at(first, second):
    both = common_looks(looks_up_to(first), looks_up_to(second))
    assert both == common_looks(looks_up_to(second), looks_up_to(first))
    assert both[-1] == min(first, second)
    assert set(both) <= {*looks_up_to(first), *looks_up_to(second)}


def effect(mean, seed_spread, image_spread, seeds=5):
    """A difference with spreads in points: of a seed, and of the mean for the images."""
    known = two_way(np.random.default_rng(1).normal(size=(seeds, 100)))
    parts = Part((seed_spread / 100) ** 2 / seeds, seeds - 1), Part((image_spread / 100) ** 2, 99)
    return dataclasses.replace(known, mean=mean / 100, parts=parts)


def test_the_chance_to_settle_is_that_of_the_mean_at_the_last_look():
    assert chance_to_settle(effect(6, 1, 0.1), LOOKS, **TERMS) == pytest.approx(1, abs=1e-9)
    # The images' part alone is wider than the difference: no seeds would do.
    assert chance_to_settle(effect(0.3, 1, 1), LOOKS, **TERMS) < 0.05
    # Drawn instead of reckoned: where the mean of 30 seeds may lie, and what the last interval then says.
    now = effect(0.9, 1.5, 0.1)
    means = np.random.default_rng(2).normal(0.9, 1.5 * np.sqrt(1 / 5 - 1 / 30), 20_000) / 100
    last = dataclasses.replace(now, seeds=30, parts=(Part(0.015**2 / 30, 29), now.parts[1]))
    half = last.half_width(0.05 * 0.4, 3)
    same = (last.equivalence_interval(0.05 * 0.4, 3).high - last.mean) - 0.005
    settled = np.mean((np.abs(means) > half) | (np.abs(means) <= -same))
    assert chance_to_settle(now, LOOKS, comparisons=3, **TERMS) == pytest.approx(settled, abs=0.01)


@pytest.mark.parametrize(
    ("mean", "seed_spread", "image_spread", "most", "comparisons"),
    [
        (0.9, 1.5, 0.1, 30, 3),
        (0.6, 0.4, 0.05, 6, 1),
        (-0.17, 0.2, 0.05, 6, 1),
        (0, 0.3, 0.2, 12, 1),
        (0.2, 0.4, 0.1, 12, 1),
    ],
)
def test_the_chance_to_settle_is_the_normal_one_of_a_mean_beyond_the_claim_or_within_the_margin(
    mean, seed_spread, image_spread, most, comparisons
):
    now, looks = effect(mean, seed_spread, image_spread), looks_up_to(most)
    level = 0.05 * alpha_share(most, looks) / comparisons
    sizes = np.array([seed_spread / np.sqrt(most), image_spread]) / 100
    claim, inner = (np.hypot(*(sizes * stats.t.isf(chance, [most - 1, 99]))) for chance in (level / 2, level))
    later = stats.norm(mean / 100, seed_spread / 100 * np.sqrt(1 / 5 - 1 / most))
    within = later.cdf(0.005 - inner) - later.cdf(inner - 0.005) if inner < 0.005 else 0
    expected = later.cdf(-claim) + later.sf(claim) + within
    assert 0.01 < expected < 0.99
    assert chance_to_settle(now, looks, comparisons=comparisons, **TERMS) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("mean", [0.0, 0.3, 0.6])
def test_several_comparisons_settle_as_one_does_at_its_part_of_alpha(mean):
    now, margin = effect(mean, 0.9, 0.05), 0.005
    found = chance_to_settle(now, LOOKS, margin=margin, alpha=0.05, comparisons=5)
    assert found == pytest.approx(chance_to_settle(now, LOOKS, margin=margin, alpha=0.01))
    assert found < chance_to_settle(now, LOOKS, margin=margin, alpha=0.05)


def test_the_chance_to_settle_where_there_is_no_spread_or_next_to_nothing_to_know_it_by():
    assert chance_to_settle(two_way(np.zeros((5, 9))), LOOKS, **TERMS) == 1
    assert chance_to_settle(effect(0.4, 0, 0.1), LOOKS, **TERMS) == 1
    assert chance_to_settle(effect(0.4, 0, 0.3), LOOKS, **TERMS) == 0
    # Wherever the mean of 30 seeds will lie, it is surely not zero, or within the margin, or both.
    assert chance_to_settle(effect(-0.3, 0.3, 0.03), LOOKS, **TERMS) == 1
    assert chance_to_settle(effect(0.3, 1, 1, seeds=2), LOOKS, **TERMS) == 1
    assert chance_to_settle(effect(0.3, 1, 1, seeds=3), LOOKS, **TERMS) < 0.05
    rng = np.random.default_rng(1)
    assert chance_to_settle(two_way(rng.normal(9, 1, (5, 1))), LOOKS, **TERMS) == 0
    assert chance_to_settle(two_way(rng.normal(9, 0.01, (5, 2))), LOOKS, **TERMS) > 0.9


def test_a_row_stops_where_it_is_settled_or_hopeless_and_what_it_was_given_up_for_may_still_settle_it():
    found = {5: effect(0.3, 1, 1), 8: effect(0.3, 1, 1, 8), 12: effect(9, 1, 1, 12)}

    def end(*reached):
        return stand(found.__getitem__, reached, LOOKS, comparisons=1, margins=Margins())

    assert dataclasses.astuple(end()) == (0, True)
    assert dataclasses.astuple(end(5)) == (5, False)
    # Another suite took its seeds further.
    assert dataclasses.astuple(end(5, 8)) == (8, False)
    assert dataclasses.astuple(end(5, 8, 12)) == (12, False)
    found[5] = effect(1, 1, 0.1)
    assert dataclasses.astuple(end(5)) == (5, True)


def test_a_row_waits_for_further_looks_until_there_is_none():
    found = dict.fromkeys(LOOKS, effect(0.7, 2, 0.1))

    def end(*reached, comparisons=1, margins=Margins()):  # noqa: B008
        return dataclasses.astuple(stand(found.__getitem__, reached, LOOKS, comparisons=comparisons, margins=margins))

    assert [end(*LOOKS[:count]) for count in range(1, 6)] == [*((look, True) for look in LOOKS[:-1]), (30, False)]
    # What would settle one comparison is hopeless among many.
    assert end(5, comparisons=10_000) == (5, False)
    assert end(5, 8, comparisons=10_000) == (8, False)
    # A claim of one is open among many, and within a wider margin it is the same.
    found[5] = effect(2.8, 1, 0.1)
    assert end(5, 8) == (5, False)
    assert end(5, 8, comparisons=3) == (8, True)
    found[5] = effect(0.1, 0.5, 0.1)
    assert end(5, 8) == (8, True)
    assert end(5, 8, margins=Margins(accuracy=0.02)) == (5, False)


def test_all_looks_together_are_wrong_no_more_often_than_one_test():
    rng = np.random.default_rng(3)
    rows = [row for _ in range(50) for row in looks.suite(360, 0.2, 0.0, rng)]
    wrong = np.mean([not looks.covers(row, 0.0, 1) for row in rows])
    assert wrong <= 0.05
    # Each look at the whole level, as when seeds are added by hand until something is settled.
    naive = np.mean([any(not look.interval(0.05).contains(0) for look in row) for row in rows])
    assert naive > 0.08
