import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.comparison.verdicts import Verdict, time_verdict
from harness.statistics import Estimate, Part, builds_needed, controlled_ratio, time_ratio
from harness.statistics.correction import corrected_level, corrected_p, equivalence_level


def _times(seed, builds=3, blocks=12, *, slower=1.0, build_spread=0.003, block_spread=0.01):
    rng = np.random.default_rng(seed)
    logs = rng.normal(0, build_spread, (builds, 1)) + rng.normal(0, block_spread, (builds, blocks))
    return 0.004 * slower * np.exp(logs)


def _word(ratio, comparisons=1):
    return time_verdict(ratio.interval(comparisons=comparisons), ratio.equivalence_interval(comparisons=comparisons))


def test_a_known_ratio_is_found():
    ratio = controlled_ratio(_times(1), _times(3), _times(2, slower=1.2))
    assert ratio.ratio == pytest.approx(1.2, rel=0.02)
    assert ratio.ratio_interval().contains(1.2)
    assert _word(ratio) is Verdict.WORSE


@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_the_unit_of_time_changes_nothing(seed, unit):
    baseline, variant = _times(seed), _times(seed + 1)
    plain, scaled = time_ratio(baseline, variant), time_ratio(baseline * unit, variant * unit)
    assert scaled.ratio_interval() == pytest.approx(plain.ratio_interval())


@given(st.integers(0, 1000))
def test_swapping_the_arms_inverts_the_ratio(seed):
    baseline, variant = _times(seed), _times(seed + 1, slower=1.1)
    one, other = time_ratio(baseline, variant), time_ratio(variant, baseline)
    low, high = one.ratio_interval()
    assert other.ratio == pytest.approx(1 / one.ratio)
    assert other.ratio_interval() == pytest.approx((1 / high, 1 / low))
    assert other.p_value() == pytest.approx(one.p_value())


@given(st.integers(0, 1000), st.sampled_from([1.0, 1.02, 1.05]))
def test_interval_p_and_verdict_never_disagree(seed, slower):
    ratio = controlled_ratio(_times(seed), _times(seed + 2), _times(seed + 1, slower=slower))
    interval = ratio.ratio_interval(comparisons=4)
    significant = ratio.p_value(4) < 0.05
    assert significant == (not interval.contains(1.0))
    word = _word(ratio, comparisons=4)
    assert word is not Verdict.UNRESOLVED or not significant


def test_what_both_arms_share_cancels():
    drift = np.linspace(1, 3, 12)
    plain, drifting = (time_ratio(_times(1) * f, _times(2) * f) for f in (1.0, drift))
    assert drifting.mean == pytest.approx(plain.mean)
    assert drifting.standard_error == pytest.approx(plain.standard_error)


def test_a_quarter_of_disturbed_blocks_moves_the_ratio_little():
    variant = _times(2)
    disturbed = variant.copy()
    disturbed[:, ::4] *= 3.0
    moved = time_ratio(_times(1), disturbed).mean - time_ratio(_times(1), variant).mean
    assert abs(moved) < 0.01


def test_one_disturbed_block_of_three_is_ignored():
    assert time_ratio(np.ones((2, 3)), [[1, 1, 9], [1, 5, 1]]).ratio == 1.0


def test_identical_times_are_the_same():
    times = _times(1)
    ratio = controlled_ratio(times, times, times)
    assert ratio.ratio_interval() == (1.0, 1.0)
    assert ratio.p_value() == 1.0
    assert _word(ratio) is Verdict.SAME


def test_both_baseline_arms_give_the_reference_and_halve_its_share_of_the_noise():
    """Of 400 true ratios of 1: the spread is sqrt(1.5 / 2) of one arm's, and does not follow the control's."""
    ratios, plain, controls = [], [], []
    for seed in range(0, 1200, 3):
        baseline, control, variant = (_times(seed + arm, build_spread=0.01) for arm in range(3))
        ratios.append(controlled_ratio(baseline, control, variant).mean)
        plain.append(time_ratio(baseline, variant).mean)
        controls.append(time_ratio(baseline, control).mean)
    assert np.std(ratios) / np.std(plain) == pytest.approx(math.sqrt(1.5 / 2), abs=0.06)
    assert abs(np.corrcoef(ratios, controls)[0, 1]) < 0.12
    assert np.corrcoef(plain, controls)[0, 1] > 0.4


def test_of_one_build_a_controlled_ratio_has_no_interval():
    one = controlled_ratio(_times(1, builds=1), _times(3, builds=1), _times(2, builds=1))
    assert one.ratio_interval().empty
    assert one.ratio == pytest.approx(1, rel=0.05)


def test_one_build_gives_no_interval_without_a_control():
    ratio = time_ratio(_times(1, builds=1), _times(2, builds=1))
    assert ratio.ratio_interval().empty
    assert math.isnan(ratio.p_value())
    assert builds_needed(ratio, 0.02) is None
    assert ratio.bounded_by(time_ratio(_times(1), _times(3))).ratio_interval().empty


@pytest.mark.parametrize(("builds", "df"), [(2, 2), (3, 4), (4, 5), (5, 5), (6, 5), (8, 7)])
def test_a_control_lends_what_few_builds_lack_and_nothing_to_six(builds, df):
    alone = time_ratio(_times(1, builds), _times(2, builds))
    bounded = alone.bounded_by(time_ratio(_times(3), _times(4, build_spread=0.2)))
    assert (bounded.parts[0].df, bounded.trust) == (df, 1)
    if builds >= 6:
        assert bounded.parts[0].df == alone.parts[0].df


def test_a_control_that_is_quieter_lends_less_the_quieter_it_is():
    alone, control = time_ratio(_times(1), _times(2)), time_ratio(_times(1), _times(4))
    quiet = alone.bounded_by(control, variance_share=0.5 * alone.build_variance / np.square(control.build_logs).mean())
    assert (quiet.trust, quiet.parts[0].df) == pytest.approx((0.25, 2.5))
    assert quiet.standard_error == pytest.approx(alone.standard_error)
    silent = alone.bounded_by(time_ratio(_times(1), _times(1)))
    assert silent == alone


def test_a_restless_control_widens_the_interval():
    alone = time_ratio(_times(1), _times(2))
    bounded = alone.bounded_by(time_ratio(_times(1), _times(3, build_spread=0.2)))
    assert bounded.half_width() > alone.half_width()


def test_no_claim_is_finer_than_the_controls_own_deviation():
    baseline = np.ones((3, 8))
    control = time_ratio(baseline, baseline * 1.03)
    slightly = time_ratio(baseline, baseline * 1.03).bounded_by(control)
    assert slightly.p_value() == 1.0
    assert slightly.ratio_interval().contains(1.0)
    assert _word(slightly) is Verdict.UNRESOLVED
    assert builds_needed(time_ratio(baseline, baseline).bounded_by(control), 0.02) is None


def test_two_builds_give_the_interval_of_students_t_on_one_degree_of_freedom():
    ratio = time_ratio([[1.0], [1.0]], [[1.1], [1.2]])
    reference = stats.ttest_1samp(np.log([1.1, 1.2]), 0)
    assert ratio.interval() == pytest.approx(tuple(reference.confidence_interval(0.95)))
    assert ratio.p_value() == pytest.approx(reference.pvalue)


def test_more_blocks_are_asked_for_in_whole_builds():
    ratio = time_ratio(_times(1, build_spread=0.02), _times(2, build_spread=0.02))
    assert _word(ratio) is Verdict.UNRESOLVED
    builds = builds_needed(ratio, 0.02)
    assert builds > 3
    enough, fewer = (
        Estimate(ratio.mean, (Part(ratio.build_variance / count, count - 1),)) for count in (builds, builds - 1)
    )
    assert _word(enough) is not Verdict.UNRESOLVED
    assert _word(fewer) is Verdict.UNRESOLVED


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_an_impossible_time_is_refused(bad):
    times = _times(1)
    times[1, 2] = bad
    with pytest.raises(ValueError, match=rf"a time is {bad}: times must be above 0|^variant is not finite"):
        time_ratio(_times(1), times)


def test_blocks_without_a_partner_are_refused_with_their_shapes():
    with pytest.raises(ValueError, match=r"shapes \(3, 12\) and \(3, 11\): each block needs both arms"):
        time_ratio(_times(1, blocks=12), _times(1, blocks=11))
    with pytest.raises(ValueError, match=r"shapes \(1, 2\) and \(1, 1\): each block needs both arms"):
        time_ratio([[1.0, 1.0]], [[1.0]])


def test_a_controlled_ratio_is_what_its_definition_says_worked_out_by_hand():
    """Three builds of three blocks: of three blocks the middle one counts, so each build's log can be read off."""
    noise = np.array([[0.9, 0.0, -0.7], [0.5, 0.0, -0.8], [0.6, 0.0, -0.9]])
    twin, own = np.array([0.02, -0.04, 0.03]), np.array([0.10, 0.30, 0.16])
    ratio = controlled_ratio(np.ones((3, 3)), np.exp(twin[:, None] + noise), np.exp(own[:, None] + noise))
    # Of the builds 0.014425, of the control 0.75 * 0.0029 / 3 = 0.000725: their ratio is 29 / 577.
    assert ratio.blocks == 3
    assert ratio.mean == pytest.approx(0.185)
    assert ratio.build_logs == pytest.approx([0.09, 0.32, 0.145])  # (own + own - twin) / 2
    assert ratio.bound == pytest.approx(0.01 / 3)
    assert ratio.trust == pytest.approx((29 / 577) ** 2)
    assert ratio.build_variance == pytest.approx(0.014425)  # the control deviates less: it lends nothing to it
    assert (ratio.parts[0].variance, ratio.parts[0].df) == pytest.approx((0.0048083333, 2.0050521282))
    logs = np.array([0.10, 0.12, 0.14])
    own = logs + twin / 2
    wild = controlled_ratio(np.ones((3, 3)), np.exp(twin[:, None] + noise), np.exp(own[:, None] + noise))
    # The builds' variance is 0.0004, below the control's 0.000725: both have two degrees of freedom, and count alike.
    assert wild.build_variance == pytest.approx(0.0005625)
    assert wild.parts[0].df == 4


@pytest.mark.parametrize(("builds", "blocks"), [(2, 8), (8, 5), (4, 2)])
def test_the_blocks_of_each_build_are_trimmed_by_a_quarter_of_their_own_number(builds, blocks):
    first, twin, own = (_times(seed, builds, blocks) for seed in (1, 2, 3))
    cut = {8: 2, 5: 1, 2: 0}[blocks]

    def trimmed(one, other):
        return np.sort(np.log(one / other), axis=1)[:, cut : blocks - cut].mean(axis=1)

    assert time_ratio(first, own).build_logs == pytest.approx(trimmed(own, first))
    both = (trimmed(own, first) + trimmed(own, twin)) / 2
    assert controlled_ratio(first, twin, own).build_logs == pytest.approx(both)


def test_a_control_counts_in_full_unless_its_share_of_the_variance_is_said():
    alone, control = time_ratio(_times(1), _times(2)), time_ratio(_times(1), _times(4))
    assert alone.bounded_by(control) == alone.bounded_by(control, variance_share=1.0)
    assert alone.bounded_by(control) != alone.bounded_by(control, variance_share=0.5)


def test_one_build_has_no_interval_and_keeps_what_its_control_says():
    one = controlled_ratio([[1.0, 1.0]], [[1.1, 1.1]], [[2.0, 2.0]])
    assert one.bound == pytest.approx(np.log(1.1))
    assert not one.known
    assert time_ratio([[1.0, 4.0]], [[2.0, 4.0]]).mean == pytest.approx(np.log(2) / 2)  # of two blocks none is cut


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, 1.5])
def test_an_alpha_outside_0_to_1_is_refused_with_its_value(alpha):
    with pytest.raises(ValueError, match=f"alpha is {alpha}: it must lie strictly between 0 and 1"):
        corrected_level(alpha)


@pytest.mark.parametrize("comparisons", [0, -1])
def test_fewer_than_one_comparison_is_refused_with_the_number(comparisons):
    for correct in (corrected_level, equivalence_level, corrected_p):
        with pytest.raises(ValueError, match=f"comparisons is {comparisons}: it must be at least 1"):
            correct(0.05, comparisons)


def test_one_comparison_is_not_corrected():
    assert (corrected_level(0.05), equivalence_level(0.05), corrected_p(0.2)) == (0.05, 0.1, 0.2)


def test_a_correction_never_leaves_what_a_probability_may_be():
    assert equivalence_level(0.1, 4) == 0.05
    assert equivalence_level(0.9) == 1.0
    assert corrected_p(0.5, 3) == 1.0
