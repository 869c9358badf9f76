"""Trials that equal the baseline's get no verdict; what is not defined is nan and unresolved, never 0."""

import dataclasses
import math

import numpy as np
import pytest

from harness import BASELINE, BUDGETS
from harness.comparison.judge import NO_PRECISION, Margins, judge_accuracies
from harness.comparison.pairs import SAME_PREDICTIONS, SAME_TRIAL, seeds_of_both, tried, up_to
from harness.results.contents import TestSet
from harness.results.records import Record
from harness.results.trials import Environment, Trial
from harness.training.evaluation import measure, predictions_of

LABELS = np.arange(200) % 4
OTHER = BASELINE.replace(l2=0.01)


def records(variant, *, seeds=(1, 2, 3), confidence=0.7, shift=0):
    """Return a record per seed; of each image's true class the probability is `confidence` or, where wrong, little."""
    made = {}
    for seed in seeds:
        right = np.random.default_rng(seed + shift).random(len(LABELS)) < 0.8
        outputs = np.full((len(LABELS), 4), (1 - confidence) / 3, np.float32)
        outputs[np.arange(len(LABELS)), np.where(right, LABELS, (LABELS + 1) % 4)] = confidence
        predictions = predictions_of(outputs, LABELS)
        figures = dataclasses.asdict(measure(predictions, outputs, LABELS))
        trial = Trial(variant, "", "made", "abc", seed, BUDGETS["quick"], Environment("cpu", "tensorflow", 1, ()))
        made[seed] = Record(trial, "ok", epoch=1, predictions=predictions, **figures)
    return made


def compared(first, second):
    return judge_accuracies(first, second, TestSet(tuple("abcd"), LABELS), comparisons=1, margins=Margins())


def changed(found, **values):
    return {seed: dataclasses.replace(record, **values) for seed, record in found.items()}


@pytest.mark.parametrize("seeds", [(1,), (1, 2, 3)])
def test_a_variant_whose_trials_equal_the_baselines_gets_no_verdict(seeds):
    found = compared(records(BASELINE, seeds=seeds), records(OTHER, seeds=seeds))
    for metric in (found.accuracy, found.precision, found.recall, found.macro_f1):
        assert (metric.value, metric.verdict, metric.hint) == (0.0, "unresolved", SAME_TRIAL)
        assert math.isnan(metric.low)
        assert math.isnan(metric.p)


def test_equal_predictions_with_another_loss_are_told_apart_from_an_equal_trial():
    found = compared(records(BASELINE), changed(records(OTHER), loss=0.123))
    assert (found.accuracy.verdict, found.accuracy.hint) == ("unresolved", SAME_PREDICTIONS)


def test_one_equal_loss_of_several_makes_no_equal_trial():
    variant = records(OTHER)
    variant[2] = dataclasses.replace(variant[2], loss=0.123)
    assert compared(records(BASELINE), variant).accuracy.hint == SAME_PREDICTIONS


def test_what_diverged_is_told_with_its_arm_unless_it_is_the_variant():
    broken = {3: dataclasses.replace(records(OTHER)[3], status="diverged", message="loss was nan")}
    found = compared(records(BASELINE), records(OTHER) | broken)
    assert found.accuracy.hint == "diverged in 1 of 3 seeds: loss was nan"
    both = compared(records(BASELINE) | broken, records(OTHER, seeds=(1, 2)) | broken)
    assert both.accuracy.hint == "; ".join(
        [f"{arm}diverged in 1 of 3 seeds: loss was nan" for arm in ("baseline: ", "")]
    )


def test_seeds_are_tried_up_to_the_first_that_one_arm_lacks():
    def up_to_three_but(*left_out):
        return {seed: one for seed, one in records(OTHER).items() if seed not in left_out}

    whole = records(BASELINE)
    found = [tried(whole, up_to_three_but(*one)) for one in ((), (3,), (2,), (1,), (1, 2, 3))]
    assert found == [3, 2, 1, 0, 0]
    assert tried({}, {}) == 0
    assert tried(up_to_three_but(2), whole) == 1


def test_records_up_to_a_seed_are_those_of_it_and_below():
    whole = records(BASELINE)
    assert [list(up_to(seeds, whole)) for seeds in range(5)] == [[], [1], [1, 2], [1, 2, 3], [1, 2, 3]]
    assert up_to(4, {}) == up_to(0, {}) == {}
    assert up_to(2, {3: whole[3], 1: whole[1]}) == {1: whole[1]}


def test_seeds_of_both_come_in_their_order_and_without_those_that_failed():
    backwards = dict(reversed(records(BASELINE).items()))
    assert seeds_of_both(backwards, records(OTHER)) == [1, 2, 3]
    failed = records(OTHER) | {2: dataclasses.replace(records(OTHER)[2], status="failed")}
    assert seeds_of_both(backwards, failed) == [1, 3]
    assert seeds_of_both(failed, backwards) == [1, 3]


def test_one_seed_that_differs_makes_it_a_comparison():
    variant = records(OTHER)
    variant[3] = records(OTHER, seeds=(3,), shift=40)[3]
    found = compared(records(BASELINE), variant)
    assert found.accuracy.hint not in (SAME_TRIAL, SAME_PREDICTIONS)
    assert math.isfinite(found.accuracy.low)


def test_the_same_variant_in_two_folders_may_give_the_same_bits():
    assert compared(records(BASELINE), records(BASELINE)).accuracy.verdict == "same"


def test_precision_is_nan_where_nothing_is_above_the_threshold():
    unsure = records(OTHER, confidence=0.4)
    assert all(math.isnan(record.precision) and record.recall == 0 for record in unsure.values())


@pytest.mark.parametrize("seeds", [(1,), (1, 2, 3)])
def test_precision_that_is_not_defined_is_unresolved(seeds):
    unsure, sure = records(OTHER, confidence=0.4, shift=40, seeds=seeds), records(BASELINE, seeds=seeds)
    for found in (compared(sure, unsure), compared(unsure, changed_variant(sure))):
        assert (found.precision.verdict, found.precision.hint) == ("unresolved", NO_PRECISION)
        assert math.isnan(found.precision.value)
        assert (found.recall.verdict, found.recall.hint) == ("unresolved", NO_PRECISION)
        assert math.isfinite(found.recall.value)
        assert math.isfinite(found.accuracy.value)


def changed_variant(found):
    trial = dataclasses.replace
    return {seed: trial(record, trial=trial(record.trial, variant=OTHER)) for seed, record in found.items()}
