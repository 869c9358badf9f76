import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.multitest import multipletests

from harness.comparison.verdicts import Verdict, accuracy_verdict
from harness.statistics import corrected_p, seeds_needed, two_way

TABLES = hnp.arrays(
    np.int8,
    st.tuples(st.integers(3, 6), st.integers(2, 12)),
    elements=st.integers(-1, 1),
)


@pytest.fixture(autouse=True)
def _no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def _table(seeds, images, *, shift=0.0, seed_noise=0.1, seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.normal(shift, seed_noise, (seeds, 1))
    return rows + rng.normal(0, 0.3, images) + rng.normal(0, 0.3, (seeds, images))


def _word(effect, comparisons=1, margin=0.005):
    chances = {"comparisons": comparisons}
    return accuracy_verdict(effect.interval(**chances), effect.equivalence_interval(**chances), margin)


# Against references


@pytest.mark.parametrize(("seeds", "images"), [(3, 20), (5, 40), (10, 12)])
def test_mean_squares_are_those_of_statsmodels(seeds, images):
    table = np.sign(np.round(_table(seeds, images, shift=0.1)))
    rows, columns = np.indices(table.shape)
    frame = pd.DataFrame({"y": table.ravel(), "seed": rows.ravel(), "image": columns.ravel()})
    reference = anova_lm(ols("y ~ C(seed) + C(image)", frame).fit())["mean_sq"]
    ours = two_way(table).mean_squares
    assert (ours.seeds, ours.images, ours.error) == pytest.approx(tuple(reference), rel=1e-9)


def test_shrout_and_fleiss_1979_six_targets_and_four_judges():
    # P. E. Shrout and J. L. Fleiss, "Intraclass correlations: uses in assessing rater reliability",
    # Psychological Bulletin 86 (1979), tables 2 and 3: mean squares of targets, judges and residual.
    ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    squares = two_way(np.array(ratings).T).mean_squares
    assert round(squares.images, 2) == 11.24
    assert round(squares.seeds, 2) == 32.49
    assert round(squares.error, 2) == 1.02


def test_student_1908_extra_hours_of_sleep():
    # Student, "The probable error of a mean", Biometrika 6 (1908): the difference of two drugs in ten
    # patients, mean 1.58. Its t of 4.06 on 9 degrees of freedom, p of 0.00283 and interval of
    # 0.700-2.460 are those of R's t.test(paired = TRUE) on its data set `sleep`. Where every image says
    # the same, the two-way model is the paired t-test on seeds.
    hours = np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])
    effect = two_way(np.repeat(hours[:, None], 20, axis=1))
    assert effect.mean == pytest.approx(1.58)
    assert effect.parts == (pytest.approx((effect.variance, 9)), pytest.approx((0.0, 19)))
    assert effect.mean / effect.standard_error == pytest.approx(4.0621, abs=5e-5)
    assert effect.p_value() == pytest.approx(0.002833, abs=5e-7)
    assert effect.interval() == pytest.approx((0.7001142, 2.4598858), abs=5e-7)


def test_seeds_that_agree_leave_the_paired_t_test_on_images():
    images = _table(1, 30, shift=0.1)[0]
    effect = two_way(np.tile(images, (4, 1)))
    reference = stats.ttest_1samp(images, 0)
    assert effect.image_variance == pytest.approx(effect.variance)
    assert effect.p_value() == pytest.approx(reference.pvalue)
    assert effect.interval() == pytest.approx(tuple(reference.confidence_interval(0.95)))


def test_the_interval_is_that_of_banerjee_1960_on_the_mean_squares():
    effect = two_way(_table(5, 400))
    seeds, images, error = (getattr(effect.mean_squares, name) for name in ("seeds", "images", "error"))
    by_seeds, by_images = seeds / (5 * 400), max(images - error, 0) / (5 * 400)
    assert (effect.seed_variance, effect.image_variance) == pytest.approx((by_seeds, by_images))
    for alpha, comparisons in ((0.05, 1), (0.05, 10), (0.3, 2)):
        few, many = stats.t.isf(alpha / comparisons / 2, [4, 399])
        half = math.sqrt(few**2 * by_seeds + many**2 * by_images)
        assert effect.interval(alpha, comparisons) == pytest.approx((effect.mean - half, effect.mean + half))
        few, many = stats.t.isf(alpha / comparisons, [4, 399])
        half = math.sqrt(few**2 * by_seeds + many**2 * by_images)
        assert effect.equivalence_interval(alpha, comparisons) == pytest.approx(
            (effect.mean - half, effect.mean + half)
        )


def test_corrected_p_is_that_of_multipletests():
    effects = [two_way(_table(5, 50, shift=shift, seed=i)) for i, shift in enumerate((0, 0.1, 0.2, 0.5))]
    alone = [effect.p_value() for effect in effects]
    rejected, reference, _, _ = multipletests(alone, alpha=0.05, method="bonferroni")
    assert [effect.p_value(4) for effect in effects] == pytest.approx(reference.tolist())
    assert [corrected_p(p, 4) for p in alone] == pytest.approx(reference.tolist())
    assert [not effect.interval(0.05, 4).contains(0) for effect in effects] == rejected.tolist()
    assert rejected.any()
    assert not rejected.all()


# Whatever the table


@given(TABLES)
def test_interval_p_and_verdict_agree_on_every_table(table):
    effect = two_way(table)
    low, high = effect.interval(comparisons=3)
    p = effect.p_value(3)
    assert low <= effect.mean <= high
    assert (p < 0.05) == (not low <= 0 <= high)
    word = _word(effect, comparisons=3)
    assert word is not Verdict.UNRESOLVED or p >= 0.05


@given(TABLES)
def test_swapping_the_arms_mirrors_everything(table):
    effect, mirrored = two_way(table), two_way(-table)
    assert mirrored.mean == -effect.mean
    low, high = effect.interval()
    assert mirrored.interval() == pytest.approx((-high, -low))
    assert mirrored.p_value() == pytest.approx(effect.p_value())


@given(TABLES, st.randoms(use_true_random=False))
def test_the_order_of_images_and_seeds_changes_nothing(table, random):
    rows, columns = list(range(table.shape[0])), list(range(table.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    effect, shuffled = two_way(table), two_way(table[rows][:, columns])
    assert shuffled.mean == pytest.approx(effect.mean, abs=1e-12)
    assert shuffled.interval() == pytest.approx(effect.interval(), abs=1e-9)


@given(TABLES, st.floats(0.01, 1000))
def test_the_unit_of_the_differences_changes_no_p(table, unit):
    assert two_way(table * unit).p_value() == pytest.approx(two_way(table).p_value(), rel=1e-6, abs=1e-12)


# Odd cases


def test_numbers_of_half_the_precision_are_reckoned_with_all_of_it():
    table = _table(4, 30).astype(np.float32)
    assert two_way(table) == two_way(table.astype(np.float64))


@pytest.mark.parametrize("seeds", [1, 2])
def test_under_three_seeds_the_interval_is_empty(seeds):
    effect = two_way(_table(seeds, 50, shift=0.5))
    assert effect.interval().empty
    assert math.isnan(effect.p_value())
    assert _word(effect) is Verdict.UNRESOLVED


def test_three_seeds_give_an_interval():
    effect = two_way(_table(3, 50, shift=0.5, seed_noise=0.01))
    assert effect.interval().low > 0
    assert _word(effect) is Verdict.BETTER


def test_equal_predictions_are_the_same():
    effect = two_way(np.zeros((3, 100)))
    assert effect.interval() == (0.0, 0.0)
    assert effect.p_value() == 1.0
    assert (effect.seed_variance, effect.image_variance) == (0.0, 0.0)
    assert _word(effect) is Verdict.SAME
    # Within a margin of nothing too: its edges belong to it.
    assert _word(effect, margin=0.0) is Verdict.SAME
    assert seeds_needed(effect, 0.0) == 3


def test_a_constant_difference_has_no_width():
    effect = two_way(np.full((4, 100), -0.25))
    assert effect.interval() == pytest.approx((-0.25, -0.25))
    assert effect.p_value() == 0.0


def test_seeds_that_agree_only_in_their_means_are_not_taken_for_certain():
    effect = two_way(np.eye(3)[:, [0, 1, 2, 0, 1, 2]])
    assert effect.mean_squares.seeds == pytest.approx(0, abs=1e-30)
    assert effect.mean == pytest.approx(1 / 3)
    assert effect.standard_error > 0.05


def test_a_single_image_says_nothing_of_other_images():
    effect = two_way([[0.1], [0.2], [0.3]])
    assert effect.mean == pytest.approx(0.2)
    assert effect.interval().empty
    assert math.isnan(effect.parts[1].df)
    assert seeds_needed(effect, 0.005) is None


def test_a_missing_pair_is_refused_with_its_row():
    table = _table(4, 10)
    table[2, 5] = math.nan
    with pytest.raises(ValueError, match=r"row\(s\) \[2\]"):
        two_way(table)


@pytest.mark.parametrize("table", [np.zeros(5), np.zeros((0, 4)), np.zeros((3, 0)), np.zeros((2, 2, 2))])
def test_what_is_no_table_is_refused(table):
    with pytest.raises(ValueError, match="shape"):
        two_way(table)


# How many seeds would settle it


def _effect_of_the_reference_run(mean):
    # Five seeds; standard error 0.50 points from seeds and 0.07 from images, as dropout 0.4 on CIFAR-10.
    table = _table(5, 1000, seed_noise=0.01)
    deviations = table - table.mean()
    rows = deviations.mean(axis=1, keepdims=True)
    rest = deviations - rows
    rest -= rest.mean(axis=0, keepdims=True)
    columns = np.random.default_rng(1).normal(size=1000)
    columns = (columns - columns.mean()) / columns.std()
    rest /= np.sqrt((rest**2).sum() / (4 * 999))
    wanted = math.sqrt(0.0007**2 * 5000 + 1) * columns * math.sqrt(999 / 1000 / 5)
    return two_way(mean + rows / rows.std(ddof=1) * 0.005 * math.sqrt(5) + rest + wanted)


def test_seeds_needed_for_the_reference_run():
    effect = _effect_of_the_reference_run(0.0)
    assert math.sqrt(effect.seed_variance) == pytest.approx(0.005)
    assert math.sqrt(effect.image_variance) == pytest.approx(0.0007)
    # Around zero, at twice the level: sqrt((1.746 * 1.118)^2 / 17 + (1.645 * 0.07)^2) = 0.487 points, within 0.5.
    assert seeds_needed(effect, 0.005) == 17
    # A mean of 2 points is settled at once, one of 1 point sooner than none.
    assert seeds_needed(_effect_of_the_reference_run(0.02), 0.005) == 5
    assert 5 < seeds_needed(_effect_of_the_reference_run(0.01), 0.005) < 20


def test_more_comparisons_need_more_seeds():
    effect = _effect_of_the_reference_run(0.0)
    assert seeds_needed(effect, 0.005, comparisons=10) > seeds_needed(effect, 0.005)


def test_where_images_are_too_few_no_number_of_seeds_settles_it():
    table = np.tile(_table(1, 60, seed_noise=0.0)[0], (5, 1)) + _table(5, 60, seed_noise=0.02) * 0.01
    effect = two_way(table - table.mean())
    assert effect.image_variance > 0.9 * effect.variance
    assert seeds_needed(effect, 0.005) is None


@pytest.mark.parametrize("seeds", [1, 2])
def test_too_few_seeds_need_at_least_three(seeds):
    assert seeds_needed(two_way(_table(seeds, 50, shift=0.9)), 0.005) >= 3


@settings(max_examples=50)
@given(TABLES)
def test_what_is_settled_needs_no_more_seeds(table):
    effect = two_way(table)
    settled = _word(effect, margin=0.2) is not Verdict.UNRESOLVED
    assert settled == (seeds_needed(effect, 0.2) == table.shape[0])


def test_the_seeds_asked_for_do_settle_it():
    rng = np.random.default_rng(5)
    settled = 0
    for _ in range(100):
        images = rng.normal(0, 0.3, 500)

        def more(seeds, images=images):
            noise = rng.normal(0, 0.02, (seeds, 1)) + rng.normal(0, 0.3, (seeds, 500))
            return images - images.mean() + 0.012 + noise

        needed = seeds_needed(two_way(more(8)), 0.005)
        low, high = two_way(more(needed)).interval() if needed and needed > 8 else (1.0, 1.0)
        settled += not low <= 0 <= high
    # "About": at the present mean, so that half of the reruns or more end settled.
    assert settled >= 50
