"""Fault 23: too few seeds, no difference, no variance: numbers or empty cells, and never a warning."""

import dataclasses
import warnings

import numpy as np
import pytest
from made_results import BASELINE, CLASSES, DROPOUT, IMAGES, Made, make_results

from harness import BUDGETS, compare, load_results


@pytest.fixture
def row(tmp_path):
    """Return the row of a variant whose predictions were changed by `change(baseline's, its own)`."""

    def make(seeds: int, change):
        planned = BUDGETS["quick"].override(seeds=seeds)
        made = Made({BASELINE: 0.5, DROPOUT: 0.95}, step_ms={}, seeds=range(1, seeds + 1), budget=planned)
        results = load_results(make_results(tmp_path, made))
        ours = {record.trial.seed: record for record in results.records.values() if record.trial.variant == BASELINE}
        records = {}
        for key, record in results.records.items():
            kept = record.predictions.unpacked()
            if record.trial.variant == DROPOUT:
                kept = change(ours[record.trial.seed].predictions.unpacked(), kept)
            records[key] = dataclasses.replace(record, predictions=kept)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            frame = compare(dataclasses.replace(results, records=records))
        return frame.set_index("variant").loc[DROPOUT.name]

    return make


@pytest.mark.parametrize("count", [1, 2])
def test_23_under_three_seeds_there_is_no_interval_and_no_verdict(row, count):
    found = row(count, lambda baselines, own: own)
    assert found.accuracy_verdict == "unresolved"
    assert np.isnan([found.accuracy_ci_low, found.accuracy_ci_high, found.accuracy_p]).all()
    assert f"{3 - count} more seed" in found.accuracy_hint


def test_23_equal_accuracies_image_by_image_are_the_same_with_an_interval_of_zero_width(row):
    def wrong_otherwise(baselines, own):
        right = baselines.predicted == np.arange(IMAGES) % CLASSES
        return dataclasses.replace(
            baselines, predicted=np.where(right, baselines.predicted, (baselines.predicted + 1) % CLASSES)
        )

    found = row(3, wrong_otherwise)
    assert (found.accuracy_delta, found.accuracy_ci_low, found.accuracy_ci_high) == (0, 0, 0)
    assert (found.accuracy_p, found.accuracy_verdict) == (1, "same")


def test_23_a_model_that_predicts_one_class_gives_numbers_and_no_warning(row):
    found = row(3, lambda baselines, own: dataclasses.replace(own, predicted=np.zeros_like(own.predicted)))
    assert found.accuracy_verdict == "worse"
    assert np.isfinite([found.precision_delta, found.macro_f1_delta, found.recall_delta]).all()
