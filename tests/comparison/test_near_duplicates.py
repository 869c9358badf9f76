"""Test images that show the same picture are one sample: intervals count them once, values all of them."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_results import Made, make_results

from harness import BASELINE, BUDGETS, compare, load_results
from harness.comparison.columns import METRICS
from harness.comparison.folder_rows import compare_folders
from harness.comparison.judge import Margins, judge_accuracies
from harness.results.contents import TestSet
from harness.results.records import Record
from harness.results.trials import Environment, Trial
from harness.statistics.effect import two_way
from harness.statistics.ratios import Shares
from harness.tables.folder_table import folder_table
from harness.tables.suite_table import render_suite
from harness.training.evaluation import measure, predictions_of

LABELS = np.arange(200) % 4
OTHER = BASELINE.replace(l2=0.01)


def records(variant, taste, images):
    """Return a record per seed, of some of the images, the same one more than once where it is named so.

    Seeds of a variant mostly agree on an image; another variant has another taste.
    """
    made = {}
    likings = np.random.default_rng(taste).normal(size=(len(LABELS), 4))
    for seed in (1, 2, 3, 4):
        outputs = np.exp(2 * likings + np.random.default_rng([seed, taste]).normal(size=likings.shape) / 2)
        outputs[np.arange(len(LABELS)), LABELS] *= 8
        outputs /= outputs.sum(axis=1, keepdims=True)
        predictions = predictions_of(outputs[images].astype(np.float32), LABELS[images])
        figures = dataclasses.asdict(measure(predictions, outputs[images].astype(np.float32), LABELS[images]))
        trial = Trial(variant, "", "made", "abc", seed, BUDGETS["quick"], Environment("cpu", "tensorflow", 1, ()))
        made[seed] = Record(trial, "ok", epoch=1, predictions=predictions, **figures)
    return made


def judged(images, groups=None):
    test_set = TestSet(tuple("abcd"), LABELS[images], groups)
    arms = (records(variant, taste, images) for variant, taste in ((BASELINE, 1), (OTHER, 2)))
    return judge_accuracies(*arms, test_set, comparisons=1, margins=Margins())


@pytest.mark.parametrize("metric", METRICS)
def test_an_interval_is_the_same_however_often_each_image_is_there(metric):
    once, thrice = np.arange(200), np.tile(np.arange(200), 3)

    expected, alone, grouped = (
        getattr(found, metric) for found in (judged(once), judged(thrice), judged(thrice, thrice))
    )

    assert (grouped.value, grouped.low, grouped.high, grouped.p) == pytest.approx(
        (expected.value, expected.low, expected.high, expected.p)
    )
    assert alone.high - alone.low < 0.9 * (expected.high - expected.low)


def test_the_value_is_over_all_images_whatever_the_sizes_of_the_groups():
    images = np.r_[np.arange(200), np.full(40, 7)]

    alone, grouped = judged(images), judged(images, images)

    for metric in METRICS:
        assert getattr(grouped, metric).value == pytest.approx(getattr(alone, metric).value)
    assert grouped.accuracy.high - grouped.accuracy.low > alone.accuracy.high - alone.accuracy.low


def test_the_tables_of_a_folder_say_how_many_images_intervals_count(tmp_path):
    groups = [*range(290), 0, 0, 0, 0, 0, 1, 1, 1, 1, 1]
    folders = [make_results(tmp_path / name, Made(groups=one)) for name, one in (("old", None), ("new", groups))]

    alone, grouped = (compare(load_results(folder)) for folder in folders)

    said = "12 of 300 test images are near-duplicates: counted as 2"
    assert (grouped.near_duplicates == said).all()
    assert (alone.near_duplicates == "").all()
    assert grouped.accuracy.equals(alone.accuracy)
    assert not grouped.accuracy_ci_low.equals(alone.accuracy_ci_low)
    assert f"- {said} in intervals" in render_suite(grouped)
    assert "near-duplicates" not in render_suite(alone)
    across = compare_folders(load_results(folders[0]), load_results(folders[1]), Margins())
    assert f"- {said} in intervals" in folder_table(across.frame, ["old and new"])


@given(st.lists(st.integers(0, 9), min_size=2, max_size=30), st.integers(2, 4), st.integers(0, 1000))
def test_groups_keep_each_seeds_value_and_one_group_says_nothing_of_images(groups, seeds, seed):
    table = np.random.default_rng(seed).normal(size=(seeds, len(groups)))

    grouped = Shares(table.mean(axis=1), table).by_group(np.array(groups))

    assert grouped.table.shape == (seeds, len(set(groups)))
    assert grouped.table.mean(axis=1) == pytest.approx(table.mean(axis=1))
    if len(set(groups)) == 1:
        assert np.isnan(two_way(grouped.table).image_variance)
