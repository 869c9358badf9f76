import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from harness.comparison.verdicts import Verdict, verdict
from harness.statistics import Estimate, Interval, Part, corrected_level
from harness.statistics import estimate as estimate_module
from harness.statistics.estimate import level_reaching

SIZES = st.floats(1e-6, 1e6)
MEANS = st.one_of(st.just(0.0), SIZES, SIZES.map(lambda x: -x))
PARTS = st.builds(Part, st.one_of(st.just(0.0), SIZES), st.floats(1, 1e6))
ESTIMATES = st.builds(
    Estimate,
    mean=MEANS,
    parts=st.lists(PARTS, min_size=1, max_size=3).map(tuple),
    bound=st.one_of(st.just(0.0), SIZES),
)
ALPHAS = st.floats(1e-4, 0.5)
COUNTS = st.integers(1, 50)


def _student(mean, standard_error, df):
    return Estimate(mean, (Part(standard_error**2, df),))


@given(ESTIMATES, ALPHAS, COUNTS)
def test_interval_p_and_verdict_never_disagree(estimate, alpha, comparisons):
    low, high = estimate.interval(alpha, comparisons)
    p = estimate.p_value(comparisons)
    assert 0 <= p <= 1
    assert (p < alpha) == (not low <= 0 <= high)
    interval, equivalence = estimate.interval(alpha, comparisons), estimate.equivalence_interval(alpha, comparisons)
    assert interval.low <= equivalence.low <= equivalence.high <= interval.high
    word = verdict(interval, equivalence, -1e-3, 1e-3, larger_is_better=True)
    if word in (Verdict.BETTER, Verdict.WORSE):
        assert p < alpha
        assert (word is Verdict.BETTER) == (estimate.mean > 0)
    if word is Verdict.UNRESOLVED:
        assert p >= alpha


@given(ESTIMATES, ALPHAS, COUNTS)
def test_more_comparisons_never_narrow_an_interval_or_lower_p(estimate, alpha, comparisons):
    more = comparisons + 1
    assert estimate.half_width(alpha, more) >= estimate.half_width(alpha, comparisons)
    low, high = estimate.interval(alpha, more)
    assert estimate.half_width(alpha, more) == pytest.approx((high - low) / 2, abs=1e-9 * (1 + abs(estimate.mean)))
    assert estimate.p_value(more) >= estimate.p_value(comparisons)


@given(st.floats(-8, 8), st.floats(0.5, 2000), ALPHAS)
def test_interval_and_p_are_those_of_scipys_student_t(mean, df, alpha):
    estimate = _student(mean, 1.0, df)
    low, high = stats.t.interval(1 - alpha, df, loc=mean)
    assert estimate.interval(alpha) == pytest.approx((low, high), rel=1e-9, abs=1e-9)
    assert estimate.p_value() == pytest.approx(2 * stats.t.sf(abs(mean), df), rel=1e-9, abs=1e-300)


@given(st.floats(-4, 4), st.floats(1e-3, 1), st.integers(2, 40), st.integers(2, 5000), ALPHAS)
def test_each_part_has_the_quantile_of_its_own_degrees_of_freedom(mean, share, few, many, alpha):
    estimate = Estimate(mean, (Part(share, few), Part(1 - share, many)))
    half = math.sqrt(share * stats.t.isf(alpha / 2, few) ** 2 + (1 - share) * stats.t.isf(alpha / 2, many) ** 2)
    assert estimate.half_width(alpha) == pytest.approx(half, rel=1e-8)
    assert estimate.standard_error == pytest.approx(1)
    p = estimate.p_value()
    assert p == 1 or estimate.half_width(p) == pytest.approx(abs(mean), rel=1e-6)


@given(st.floats(-0.5, 0.5), st.integers(3, 30), ALPHAS)
def test_the_equivalence_interval_is_that_of_two_one_sided_tests(mean, count, alpha):
    estimate = _student(mean, 0.1, count - 1)
    below = stats.t.sf((0.3 - mean) / 0.1, count - 1)
    above = stats.t.sf((0.3 + mean) / 0.1, count - 1)
    within = estimate.equivalence_interval(alpha).low >= -0.3 and estimate.equivalence_interval(alpha).high <= 0.3
    assert within == (max(below, above) <= alpha) or max(below, above) == pytest.approx(alpha)


def test_no_difference_and_no_spread_is_certainly_none():
    assert _student(0.0, 0.0, 4.0).interval() == (0.0, 0.0)
    assert _student(0.0, 0.0, 4.0).p_value(7) == 1.0


def test_a_difference_without_spread_is_certain():
    assert _student(0.5, 0.0, 4.0).interval() == (0.5, 0.5)
    assert _student(0.5, 0.0, 4.0).p_value(7) == 0.0


def test_without_degrees_of_freedom_nothing_is_said():
    estimate = _student(0.5, 0.1, math.nan)
    assert estimate.interval().empty
    assert not estimate.interval().contains(0.5)
    assert math.isnan(estimate.p_value())


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan])
def test_a_level_that_is_no_level_is_refused(alpha):
    with pytest.raises(ValueError, match="alpha"):
        _student(0.0, 1.0, 4.0).interval(alpha)


@pytest.mark.parametrize("comparisons", [0, -3])
def test_fewer_than_one_comparison_is_refused(comparisons):
    with pytest.raises(ValueError, match="comparisons"):
        corrected_level(0.05, comparisons)
    with pytest.raises(ValueError, match="comparisons"):
        _student(1.0, 1.0, 4.0).p_value(comparisons)
    with pytest.raises(ValueError, match="comparisons"):
        _student(0.0, 1.0, 4.0).p_value(comparisons)


def test_the_edges_belong_to_an_interval():
    assert Interval(0.0, 1.0).contains(0.0)
    assert Interval(0.0, 1.0).contains(1.0)
    assert not Interval(0.0, 1.0).contains(1.1)


def test_the_interval_of_a_ratio_has_finite_ends_unless_its_log_has_none():
    low, high = Interval(math.log(0.5), math.inf).exp()
    assert (low, high) == (pytest.approx(0.5), math.inf)
    assert tuple(Interval(-math.inf, 0.0).exp()) == (0.0, 1.0)
    assert Interval(0.0, 1000.0).exp().high == math.exp(700)
    assert Interval(math.nan, math.nan).exp().empty


def test_a_part_of_no_variance_says_nothing_of_p():
    alone = _student(2.0, 1.0, 10)
    assert Estimate(2.0, (*alone.parts, Part(0.0, 500))).p_value() == alone.p_value()
    assert Estimate(2.0, (*alone.parts, Part(0.0, 1))).p_value() == alone.p_value()


@pytest.mark.parametrize(
    ("mean", "parts"),
    [
        (2.0, ((0.5, 4), (0.3, 700))),
        (6.0, ((0.9, 4), (0.1, 99))),
        (1.0, ((0.2, 9), (0.3, 39), (0.1, 400))),
        (9, ((0.5, 30), (0.3, 700))),
    ],
)
def test_p_is_found_in_a_few_steps(mean, parts, monkeypatch):
    asked = []

    def counted(level, shares, step=estimate_module._square_and_slope):
        asked.append(level)
        return step(level, shares)

    monkeypatch.setattr(estimate_module, "_square_and_slope", counted)
    p = level_reaching(mean, [Part(*part) for part in parts])

    def missed(log_p):
        half = math.sqrt(sum(variance * stats.t.isf(math.exp(log_p) / 2, df) ** 2 for variance, df in parts))
        return half - mean

    assert p == pytest.approx(math.exp(optimize.brentq(missed, -90, -1e-9, xtol=1e-14)), rel=1e-9)
    assert len(asked) <= 8
