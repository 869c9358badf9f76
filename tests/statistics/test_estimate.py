import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.comparison.verdicts import Verdict, verdict
from harness.statistics import Estimate, Interval, corrected_level

SIZES = st.floats(1e-6, 1e6)
MEANS = st.one_of(st.just(0.0), SIZES, SIZES.map(lambda x: -x))
ESTIMATES = st.builds(
    Estimate,
    mean=MEANS,
    standard_error=st.one_of(st.just(0.0), SIZES),
    df=st.floats(1, 1e6),
    bound=st.one_of(st.just(0.0), SIZES),
)
ALPHAS = st.floats(1e-4, 0.5)
COUNTS = st.integers(1, 50)


@given(ESTIMATES, ALPHAS, COUNTS)
def test_interval_p_and_verdict_never_disagree(estimate, alpha, comparisons):
    low, high = estimate.interval(alpha, comparisons)
    p = estimate.p_value(comparisons)
    assert 0 <= p <= 1
    assert (p < alpha) == (not low <= 0 <= high)
    word = verdict(low, high, -1e-3, 1e-3, larger_is_better=True)
    if word in (Verdict.BETTER, Verdict.WORSE):
        assert p < alpha
        assert (word is Verdict.BETTER) == (estimate.mean > 0)
    if word is Verdict.UNRESOLVED:
        assert p >= alpha


@given(ESTIMATES, ALPHAS, COUNTS)
def test_more_comparisons_never_narrow_an_interval_or_lower_p(estimate, alpha, comparisons):
    more = comparisons + 1
    assert estimate.half_width(alpha, more) >= estimate.half_width(alpha, comparisons)
    assert estimate.p_value(more) >= estimate.p_value(comparisons)


@given(st.floats(-8, 8), st.floats(0.5, 2000), ALPHAS)
def test_interval_and_p_are_those_of_scipys_student_t(mean, df, alpha):
    estimate = Estimate(mean, 1.0, df)
    low, high = stats.t.interval(1 - alpha, df, loc=mean)
    assert estimate.interval(alpha) == pytest.approx((low, high), rel=1e-9, abs=1e-9)
    assert estimate.p_value() == pytest.approx(2 * stats.t.sf(abs(mean), df), rel=1e-9, abs=1e-300)


def test_no_difference_and_no_spread_is_certainly_none():
    assert Estimate(0.0, 0.0, 4.0).interval() == (0.0, 0.0)
    assert Estimate(0.0, 0.0, 4.0).p_value(7) == 1.0


def test_a_difference_without_spread_is_certain():
    assert Estimate(0.5, 0.0, 4.0).interval() == (0.5, 0.5)
    assert Estimate(0.5, 0.0, 4.0).p_value(7) == 0.0


def test_without_degrees_of_freedom_nothing_is_said():
    estimate = Estimate(0.5, 0.1, math.nan)
    assert estimate.interval().empty
    assert not estimate.interval().contains(0.5)
    assert math.isnan(estimate.p_value())


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan])
def test_a_level_that_is_no_level_is_refused(alpha):
    with pytest.raises(ValueError, match="alpha"):
        Estimate(0.0, 1.0, 4.0).interval(alpha)


@pytest.mark.parametrize("comparisons", [0, -3])
def test_fewer_than_one_comparison_is_refused(comparisons):
    with pytest.raises(ValueError, match="comparisons"):
        corrected_level(0.05, comparisons)
    with pytest.raises(ValueError, match="comparisons"):
        Estimate(1.0, 1.0, 4.0).p_value(comparisons)


def test_the_edges_belong_to_an_interval():
    assert Interval(0.0, 1.0).contains(1.0)
    assert not Interval(0.0, 1.0).contains(1.1)
