"""The comparison table: clear rows for the odd cases, conditions never mixed, verdicts from the statistics."""

import dataclasses
import warnings
from pathlib import Path

import numpy as np
import pytest

from harness import BASELINE, BUDGETS, Suite, compare
from harness.comparison import COLUMNS
from harness.results import Results
from harness.results.contents import TestSet
from harness.results.predictions import Predictions
from harness.results.provenance import Provenance
from harness.results.records import Record
from harness.results.step_times import StepTimes
from harness.results.trials import Environment, Trial
from harness.statistics import two_way
from harness.training.evaluation import measure

IMAGES = 400
CLASSES = ("cat", "dog", "frog", "ship")
LABELS = np.random.default_rng(0).integers(0, len(CLASSES), IMAGES)
ENVIRONMENT = Environment("cpu", "tensorflow", 1, (("keras", "3.15.1"), ("numpy", "2.4.6")))
QUICK = BUDGETS["quick"]
OTHER = BASELINE.replace(dropout=0.5)
SUITE = Suite("s", (OTHER,))
MACHINE = Provenance("pytest", "2026-01-01T00:00:00+00:00", "host", "cpu", (), 2, 8192, "Linux", "3.11.7")


def trained(variant, seed, *, right, environment=ENVIRONMENT, budget=QUICK, fingerprint="abc"):
    """Return a record whose model is right on a share of the images (or exactly where `right` says)."""
    rng = np.random.default_rng([seed, len(variant.name)])
    hit = rng.random(IMAGES) < right if isinstance(right, float) else right
    predicted = np.where(hit, LABELS, (LABELS + 1) % len(CLASSES)).astype(np.uint16)
    outputs = np.full((IMAGES, len(CLASSES)), 0.1, np.float32)
    outputs[np.arange(IMAGES), predicted] = 0.7
    predictions = Predictions(predicted, np.ones(IMAGES, np.uint8), hit)
    figures = dataclasses.asdict(measure(predictions, outputs, LABELS))
    trial = Trial(variant, "", "made", fingerprint, seed, budget, environment)
    return Record(trial, "ok", epoch=3, params=10, train_time_s=1.0, predictions=predictions, **figures)


def broken(variant, seed, status):
    trial = Trial(variant, "", "made", "abc", seed, QUICK, ENVIRONMENT)
    return Record(trial, status, message=f"it {status}")


def table(*records, suites=(SUITE,), times=(), provenance=MACHINE):
    results = Results(
        Path("nowhere"),
        tuple(suites),
        {record.trial.key: record for record in records},
        {timed.key: timed for timed in times},
        {(fingerprint, None): TestSet(CLASSES, LABELS) for fingerprint in ("abc", "abd")},
        {timed.key: provenance for timed in times},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return compare(results)


def seeds(variant, count, *, right, **conditions):
    return [trained(variant, seed, right=right, **conditions) for seed in range(1, count + 1)]


def timed(variant, ratio, *, key="t", builds=4, blocks=8, noise=0.002):
    rng = np.random.default_rng(5)

    def arm(factor):
        return tuple(tuple(5 * factor * np.exp(rng.normal(0, noise, blocks))) for _ in range(builds))

    environment = dataclasses.replace(ENVIRONMENT, threads=2)
    return StepTimes(
        key, variant, BASELINE, "made", "abc", QUICK, environment, 4, arm(1), arm(1), arm(ratio), predict_one_ms=1.0
    )


def test_a_table_has_the_columns_of_the_registry_in_its_order():
    assert list(table(*seeds(BASELINE, 3, right=0.5)).columns) == list(COLUMNS)


def test_five_seeds_far_apart_are_judged_by_the_two_way_model():
    first, second = seeds(BASELINE, 5, right=0.5), seeds(OTHER, 5, right=0.9)
    row = table(*first, *second).iloc[1]
    hits = [[record.predictions.predicted == LABELS for record in arm] for arm in (first, second)]
    effect = two_way(np.array(hits[1], float) - np.array(hits[0], float))
    assert row.accuracy_delta == pytest.approx(effect.mean)
    assert (row.accuracy_ci_low, row.accuracy_ci_high) == pytest.approx(tuple(effect.interval(0.05, 1)))
    assert row.accuracy_verdict == "better"
    assert row.accuracy_p < 0.05
    assert row.macro_f1_verdict == "better"
    assert row.accuracy_delta == pytest.approx(row.accuracy - table(*first).iloc[0].accuracy)


def test_the_level_is_corrected_for_the_suites_declared_variants():
    many = Suite("s", (OTHER, BASELINE.replace(l2=0.1), BASELINE.replace(l1=0.1)))
    records = [*seeds(BASELINE, 5, right=0.6), *seeds(OTHER, 5, right=0.65)]
    alone, among = table(*records).iloc[1], table(*records, suites=[many]).iloc[1]
    assert among.accuracy_ci_high - among.accuracy_ci_low > alone.accuracy_ci_high - alone.accuracy_ci_low
    assert among.accuracy_p == pytest.approx(min(1, 3 * alone.accuracy_p))


def test_a_diverged_seed_stays_in_the_table_and_makes_no_claim():
    good = [trained(OTHER, seed, right=0.95) for seed in (1, 2, 3, 4)]
    row = table(*seeds(BASELINE, 5, right=0.5), *good, broken(OTHER, 5, "diverged")).iloc[1]
    assert (row.status, row.seeds, row.accuracy_verdict, row.pareto) == ("diverged", 4, "unresolved", "no")
    assert np.isnan(row.accuracy_ci_low)
    assert "1 of 5 seeds" in row.message


def test_a_missing_pair_is_left_out_of_the_comparison_and_the_row_is_partial():
    others = [record for record in seeds(OTHER, 5, right=0.9) if record.trial.seed != 2]
    row = table(*seeds(BASELINE, 5, right=0.5), *others, broken(OTHER, 2, "failed")).iloc[1]
    assert (row.status, row.seeds, row.accuracy_verdict) == ("partial", 4, "better")
    assert row.message == "it failed"


def test_a_variant_without_a_baseline_is_unresolved():
    row = table(*seeds(OTHER, 5, right=0.9)).iloc[0]
    assert row.accuracy_verdict == "unresolved"
    assert row.accuracy_hint == "no seed that both have"


def test_a_variant_that_failed_every_time_has_a_row_without_figures():
    row = table(*seeds(BASELINE, 3, right=0.5), *[broken(OTHER, seed, "failed") for seed in (1, 2, 3)]).iloc[1]
    assert (row.status, row.seeds, row.pareto) == ("failed", 0, "no")
    assert np.isnan(row.accuracy)


@pytest.mark.parametrize(
    "conditions",
    [
        {"fingerprint": "abd"},
        {"budget": QUICK.override(epochs=2)},
        {"environment": dataclasses.replace(ENVIRONMENT, device="gpu")},
        {"environment": dataclasses.replace(ENVIRONMENT, backend="jax")},
        {"environment": dataclasses.replace(ENVIRONMENT, versions=(("keras", "3.99"), ("numpy", "2.4.6")))},
    ],
    ids=lambda conditions: next(iter(conditions)),
)
def test_faults_21_and_42_records_of_other_conditions_never_share_a_row(conditions):
    frame = table(*seeds(BASELINE, 3, right=0.5), *seeds(OTHER, 3, right=0.9, **conditions))
    assert len(frame) == 2
    assert set(frame.accuracy_verdict) == {"", "unresolved"}
    assert (frame[frame.variant == OTHER.name].accuracy_hint == "no seed that both have").all()


@pytest.mark.parametrize(("ratio", "verdict"), [(1.0, "same"), (1.2, "worse"), (0.8, "better")])
def test_step_times_are_judged_against_their_own_baseline(ratio, verdict):
    records = [*seeds(BASELINE, 3, right=0.5), *seeds(OTHER, 3, right=0.5)]
    row = table(*records, times=[timed(OTHER, ratio)]).iloc[1]
    assert row.step_time_verdict == verdict
    assert row.step_time_ratio == pytest.approx(ratio, rel=0.01)
    assert row.step_time_ci_low <= row.step_time_ratio <= row.step_time_ci_high
    assert row.predict_time_ms == 1.0
    assert row.machine == MACHINE.machine


def test_a_row_timed_while_the_machine_was_slow_shows_its_step_at_the_speed_of_the_others():
    suite = Suite("s", (OTHER, WIDE := BASELINE.replace(filters=(64, 128)), BASELINE.replace(l2=0.1)))
    slow = timed(WIDE, 2.0, key="b")
    blocks = {
        name: tuple(tuple(1.6 * value for value in build) for build in getattr(slow, name))
        for name in ("baseline_ms", "control_ms", "variant_ms")
    }
    times = [timed(OTHER, 1.1, key="a"), dataclasses.replace(slow, **blocks), timed(suite.variants[2], 1.0, key="c")]
    frame = table(*[r for variant in suite.members for r in seeds(variant, 3, right=0.5)], suites=[suite], times=times)
    assert frame.step_time_ms.tolist() == pytest.approx([5.0, 5.5, 10.0, 5.0], rel=0.01)
    assert frame.images_per_s.tolist() == pytest.approx([6400, 5818, 3200, 6400], rel=0.01)


def test_one_build_gives_a_ratio_without_a_verdict():
    records = [*seeds(BASELINE, 3, right=0.5), *seeds(OTHER, 3, right=0.5)]
    row = table(*records, times=[timed(OTHER, 2.0, builds=1)]).iloc[1]
    assert row.step_time_verdict == "unresolved"
    assert row.step_time_ratio == pytest.approx(2, rel=0.01)
    assert np.isnan(row.step_time_ci_low)


def test_the_front_holds_what_no_other_beats_in_both():
    slow_and_bad, fast_and_good = BASELINE.replace(l2=0.1), BASELINE.replace(filters=(16, 32))
    suite = Suite("s", (slow_and_bad, fast_and_good))
    records = [
        *seeds(BASELINE, 5, right=0.7),
        *seeds(slow_and_bad, 5, right=0.3),
        *seeds(fast_and_good, 5, right=0.95),
    ]
    times = [timed(slow_and_bad, 1.5, key="a"), timed(fast_and_good, 0.5, key="b")]
    frame = table(*records, suites=[suite], times=times).set_index("variant")
    assert frame.pareto.to_dict() == {"baseline": "no", "l2:0.1": "no", "filters:16-32": "yes"}


def test_each_suite_is_compared_with_its_own_baseline():
    own = Suite("own", (BASELINE,), baseline=OTHER)
    records = [*seeds(BASELINE, 4, right=0.5), *seeds(OTHER, 4, right=0.9)]
    frame = table(*records, suites=[Suite("s", (OTHER,)), own])
    verdicts = {(row.suite, row.variant): row.accuracy_verdict for row in frame.itertuples()}
    assert verdicts == {
        ("s", "baseline"): "",
        ("s", OTHER.name): "better",
        ("own", "baseline"): "",
        ("own", "dropout:0.0"): "worse",
    }
