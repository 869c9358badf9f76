"""How many seeds or builds would settle it: by definition the first number with which a verdict is given."""

import math
from dataclasses import replace

import numpy as np
import pytest

from harness.statistics import builds_needed, same_with, seeds_needed, time_ratio, two_way
from harness.statistics.estimate import Part, first_count
from harness.statistics.times import degrees_lent, same_with_builds


@pytest.mark.parametrize("least", [3, 5, 40])
@pytest.mark.parametrize(
    "threshold", [1, 3, 4, 5, 8, 16, 17, 33, 34, 35, 40, 41, 64, 65, 66, 99, 303, 304, 1000, 9999, 123_456, 999_990]
)
def test_the_first_count_is_found_wherever_it_lies(least, threshold):
    asked = []

    def enough(counts):
        asked.append(len(counts))
        return counts >= threshold

    assert first_count(enough, least) == max(least, threshold)
    assert len(asked) <= 5
    assert sum(asked) < 500


def test_a_count_beyond_a_million_is_none():
    assert first_count(lambda counts: counts >= 1_000_000, 3) == 1_000_000
    assert first_count(lambda counts: counts > 1_000_002, 3) is None


def effect(mean, *, seeds=4, spread=0.02, images=200):
    rng = np.random.default_rng(1)
    table = mean + spread * rng.standard_normal((seeds, 1)) + 0.1 * rng.standard_normal((1, images))
    found = two_way(table + 0.05 * rng.standard_normal((seeds, images)))
    return replace(found, mean=mean)


def with_seeds(seeds, of):
    """An effect of this mean and spread over so many seeds."""
    by_seeds, by_images = of.parts
    return replace(of, seeds=seeds, parts=(Part(by_seeds.variance * of.seeds / seeds, seeds - 1.0), by_images))


def settled_by(seeds, of, margin, alpha, comparisons):
    """Whether so many seeds with this mean and spread give a verdict."""
    more = with_seeds(seeds, of)
    inner = more.equivalence_interval(alpha, comparisons)
    return not more.interval(alpha, comparisons).contains(0.0) or -margin <= inner.low <= inner.high <= margin


@pytest.mark.parametrize("alpha", [0.05, 0.2])
@pytest.mark.parametrize("comparisons", [1, 6])
@pytest.mark.parametrize(("mean", "spread"), [(0.03, 0.03), (-0.03, 0.03), (0.0, 0.01), (0.004, 0.012), (0.05, 0.08)])
def test_one_seed_fewer_than_needed_would_not_settle_it(mean, spread, comparisons, alpha):
    found, margin = effect(mean, spread=spread), 0.02
    needed = seeds_needed(found, margin, alpha, comparisons)
    assert needed is None or needed >= found.seeds
    if needed is None:
        assert not settled_by(1_000_000, found, margin, alpha, comparisons)
        return
    assert settled_by(needed, found, margin, alpha, comparisons)
    if needed > found.seeds:
        assert not settled_by(needed - 1, found, margin, alpha, comparisons)


def test_of_few_images_each_number_of_seeds_is_settled_or_not_by_their_own_degrees_of_freedom():
    # Four images: Student's t of three degrees of freedom, 2.35 at twice the level.
    found = effect(0.0, spread=0.05, images=4)
    found = replace(found, parts=(found.parts[0], Part(0.008**2, 3)))
    needed = seeds_needed(found, 0.02)
    assert settled_by(needed, found, 0.02, 0.05, 1)
    assert not settled_by(needed - 1, found, 0.02, 0.05, 1)
    assert seeds_needed(replace(found, parts=(found.parts[0], Part(0.0086**2, 3))), 0.02) is None


@pytest.mark.parametrize("comparisons", [1, 6])
def test_the_same_is_what_so_many_seeds_would_put_within_the_margin(comparisons):
    found, words = effect(0.004, spread=0.01, images=1000), []
    for seeds in range(3, 40):
        inner = with_seeds(seeds, found).equivalence_interval(0.05, comparisons)
        words.append(-0.02 <= inner.low <= inner.high <= 0.02)
        assert same_with(found, seeds, 0.02, 0.05, comparisons) == words[-1]
    assert set(words) == {True, False}
    assert not same_with(effect(0.2), 1000, 0.02)
    assert not same_with(effect(-0.2), 1000, 0.02)
    assert same_with(two_way(np.zeros((3, 9))), 3, 0.0)


def test_of_two_seeds_the_spread_is_known_and_of_one_it_is_not():
    assert seeds_needed(effect(0.2, seeds=1), 0.02) == 3
    assert seeds_needed(effect(0.02, seeds=2, spread=0.1), 0.02) > 3


def ratio(mean, *, builds=3, spread=0.03, trust=0.0, bound=0.0):
    rng = np.random.default_rng(2)
    times = np.exp(spread * rng.standard_normal((builds, 1))) * np.exp(0.001 * rng.standard_normal((builds, 8)))
    return replace(time_ratio(np.ones((builds, 8)), times), mean=mean, trust=trust, bound=bound)


def settled_by_builds(builds, of, margin, alpha, comparisons):
    df = builds - 1 + float(degrees_lent(builds - 1, of.trust))
    more = replace(of, parts=(Part(of.build_variance / builds, df),))
    claim = more.interval(alpha, comparisons)
    inner = more.equivalence_interval(alpha, comparisons)
    # The margin is of the ratio: as a log its lower edge lies further away than its upper one.
    edge = -math.log(1 - margin) if of.mean < 0 else math.log(1 + margin)
    return not claim.contains(0.0) or abs(of.mean) + (inner.high - inner.low) / 2 <= edge


@pytest.mark.parametrize("comparisons", [1, 6])
@pytest.mark.parametrize("trust", [0.0, 1.0])
@pytest.mark.parametrize("bound", [0.0, 0.004])
@pytest.mark.parametrize(
    ("mean", "spread", "margin"),
    [
        *((0.03, 0.03, 0.02), (-0.03, 0.03, 0.02), (0.0, 0.02, 0.02), (-0.3, 0.05, 0.3)),
        *((-0.15, 0.6, 0.3), (0.12, 0.6, 0.3)),
    ],
)
def test_one_build_fewer_than_needed_would_not_settle_it(mean, spread, margin, bound, trust, comparisons):
    found = ratio(mean, spread=spread, trust=trust, bound=bound)
    needed = builds_needed(found, margin, 0.05, comparisons)
    assert needed is not None
    assert settled_by_builds(needed, found, margin, 0.05, comparisons)
    if needed > found.builds:
        assert not settled_by_builds(needed - 1, found, margin, 0.05, comparisons)


@pytest.mark.parametrize("mean", [0.018, -0.018, 0.015, 0.2])
@pytest.mark.parametrize("comparisons", [1, 6])
def test_the_same_is_what_so_many_builds_would_put_within_the_margin(mean, comparisons):
    found, words = ratio(mean, spread=0.01, trust=0.5), []
    for builds in range(2, 40):
        more = replace(found, parts=(Part(found.build_variance / builds, builds - 1 + degrees_lent(builds - 1, 0.5)),))
        inner = more.equivalence_interval(0.05, comparisons)
        words.append(math.log(0.98) <= inner.low <= inner.high <= math.log(1.02))
        assert same_with_builds(found, builds, 0.02, 0.05, comparisons) == words[-1]
    assert set(words) == ({False} if mean == 0.2 else {True, False})
    assert same_with_builds(found, 12, 0.02, 0.05) == same_with_builds(found, 12, 0.02, 0.05, 1)


def test_a_bound_beyond_the_margin_is_never_settled():
    found = ratio(0.0, bound=0.05)
    assert builds_needed(found, 0.02) is None
