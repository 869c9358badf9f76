import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.statistics import pareto

NAN = math.nan


def _of(*points):
    """Each point is (gain, half-width, cost, half-width)."""
    gain, wide, cost, broad = np.array(points, float).T
    return pareto(gain, gain - wide, gain + wide, cost, cost - broad, cost + broad)


def test_what_another_beats_in_both_is_not_on_the_front():
    assert _of((0, 0, 1, 0), (0.1, 0.02, 0.5, 0.1), (0.2, 0.02, 2.0, 0.1)) == ["no", "yes", "yes"]


def test_overlapping_intervals_leave_it_open():
    assert _of((0, 0, 1, 0), (0.01, 0.02, 0.5, 0.1)) == ["perhaps", "yes"]
    assert _of((0.0, 0.02, 1.0, 0.1), (0.01, 0.02, 1.05, 0.1)) == ["perhaps", "perhaps"]


def test_intervals_that_touch_neither_beat_surely_nor_can_be_beaten():
    low, high = (0.0, 0.25, 0.5, 0.0), (0.5, 0.25, 1.0, 0.0)  # one ends where the other begins
    assert _of(high, low) == ["yes", "yes"]
    assert _of(low, (*high[:2], 0.25, 0.0)) == ["perhaps", "yes"]


def test_equal_points_do_not_beat_each_other():
    assert _of((0, 0, 1, 0), (0, 0, 1, 0)) == ["yes", "yes"]


def test_better_in_one_and_equal_in_the_other_does_not_beat():
    assert _of((0, 0, 1, 0), (0.1, 0, 1, 0)) == ["yes", "yes"]


def test_a_point_alone_is_on_the_front_and_no_points_are_none():
    assert _of((0, 0, 1, 0)) == ["yes"]
    assert pareto([], [], [], [], [], []) == []


@pytest.mark.parametrize("point", [(NAN, NAN, 1, 0), (0.3, 0, NAN, NAN), (NAN, NAN, NAN, NAN)])
def test_an_unknown_point_is_never_surely_on_the_front(point):
    assert _of(point)[0] == "perhaps"
    assert "yes" not in _of(point, (0.3, 0.0, 1.0, 0.0))[:1]


def test_an_empty_interval_may_reach_anywhere():
    assert _of((0, 0, 1, 0), (-0.5, NAN, 0.5, 0.1)) == ["perhaps", "yes"]
    assert _of((0, 0, 1, 0), (-0.5, NAN, 2.0, 0.1)) == ["yes", "perhaps"]


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="shapes"):
        pareto([0, 1], [0], [0], [1], [1], [1])
    with pytest.raises(ValueError, match="each point needs both"):
        pareto([0], [0], [0], [1, 1], [1, 1], [1, 1])


VALUES = st.one_of(st.integers(-3, 3).map(float), st.just(NAN))
WIDTHS = st.integers(0, 2).map(float)


@given(st.lists(st.tuples(VALUES, WIDTHS, VALUES, WIDTHS), min_size=1, max_size=6))
def test_without_doubt_the_front_is_the_textbooks(points):
    standing = _of(*points)
    sharp = _of(*[(gain, 0, cost, 0) for gain, _, cost, _ in points])
    for i, (gain, _, cost, _) in enumerate(points):
        beaten = any(g > gain and c < cost for g, _, c, _ in points)
        if not any(math.isnan(value) for g, _, c, _ in points for value in (g, c)):
            assert sharp[i] == ("no" if beaten else "yes")
        # Wider intervals only ever turn a sure answer into an open one.
        assert standing[i] in (sharp[i], "perhaps")
