"""The plan: what is to do, and whether its estimate tells an evening from a week."""

import dataclasses

import pytest

from harness import BASELINE, BUDGETS, Suite, Variant
from harness.models import build_model
from harness.results.records import Record
from harness.results.trials import Environment, Trial
from harness.running.plan import DatasetFacts, estimate_seconds, make_plan
from harness.running.plan_lines import variant_lines
from harness.timing.flops import forward_flops
from harness.variants.cost import epoch_work, features_work

ENVIRONMENT = Environment("cpu", "tensorflow", 1, ())
CIFAR10 = DatasetFacts("cifar10", "abc", tuple("0123456789"), (32, 32, 3), 50_000)
FULL = BUDGETS["full"]
WIDE = BASELINE.replace(filters=(64, 128))
MOBILE = Variant(backbone="MobileNetV2")
TUNED = MOBILE.replace(fine_tune=True)


def trial(variant, seed=1, *, budget=FULL):
    return Trial(variant, "", CIFAR10.name, CIFAR10.fingerprint, seed, budget, ENVIRONMENT)


def record(variant, *, total_s, status="ok", seed=1, budget=FULL):
    return Record(trial(variant, seed, budget=budget), status, total_s=total_s)


def seconds(trials, records=()):
    return estimate_seconds(trials, CIFAR10, records, workers=1)


@pytest.mark.parametrize("variant", [WIDE, BASELINE.replace(filters=(8, 16), kernel_size=5, dense=(64, 32)), TUNED])
def test_work_is_reckoned_from_the_operations_that_the_profiler_counts(variant):
    # Half is fixed, half in proportion to the baseline's.
    counted = 0.5 + 0.5 * forward_flops(build_model(variant, seed=1)) / forward_flops(build_model(BASELINE, seed=1))
    assert epoch_work(variant) == pytest.approx(counted, rel=0.03)


def test_a_frozen_backbone_costs_its_head_an_epoch_and_its_features_once():
    assert epoch_work(MOBILE) < 1 < features_work(MOBILE) < epoch_work(TUNED)
    # Augmented, it runs in every epoch, but is not trained.
    assert 1 < epoch_work(MOBILE.replace(augmentation="flip")) < epoch_work(TUNED)
    assert features_work(TUNED) == features_work(BASELINE) == 0


def test_an_estimate_without_records_grows_with_the_work():
    baseline, wide, tuned, mobile = (seconds([trial(one)]) for one in (BASELINE, WIDE, TUNED, MOBILE))
    assert 200 < baseline < 900
    assert wide == pytest.approx(2.2 * baseline, rel=0.1)
    assert tuned > 5 * baseline
    assert mobile < tuned / 2


def test_features_are_computed_once_for_all_trials_of_a_backbone():
    first = seconds([trial(MOBILE)])
    more = seconds([trial(MOBILE), trial(MOBILE, 2), trial(MOBILE.replace(dense=()), 1)]) - first
    assert more < 2 * first


def test_known_variants_take_what_they_took_and_others_are_scaled_by_their_work():
    quick = FULL.override(epochs=10)
    known = [record(WIDE, total_s=230.0, budget=quick)]
    wide = seconds([trial(WIDE)], known)
    assert wide == pytest.approx(3 * 230, rel=0.05)
    assert seconds([trial(BASELINE)], known) == pytest.approx(wide / 2.3, rel=0.1)
    # Its features are in what it took, or were found kept; 10 s to start.
    assert seconds([trial(MOBILE)], [record(MOBILE, total_s=20.0)]) == pytest.approx(10 + 20)
    other = [dataclasses.replace(one, status="failed") for one in known]
    assert seconds([trial(WIDE)], other) == seconds([trial(WIDE)])


def test_a_failed_trial_is_to_do_again_and_a_diverged_one_is_done():
    budget = FULL.override(seeds=3)
    plans = make_plan([Suite("s", (WIDE,))], CIFAR10, budget, ENVIRONMENT, {}, workers=2)
    assert [one.seed for one in plans.todo] == [1, 2, 3] * 2
    statuses = dict(zip([one.key for one in plans.trials], ("ok", "diverged", "failed"), strict=False))
    records = {one.key: Record(one, statuses[one.key], total_s=9.0) for one in plans.trials if one.key in statuses}
    again = make_plan([Suite("s", (WIDE,))], CIFAR10, budget, ENVIRONMENT, records, workers=2)
    assert [(one.variant, one.seed) for one in again.todo] == [(BASELINE, 3), (WIDE, 1), (WIDE, 2), (WIDE, 3)]
    assert again.done == {key for key, status in statuses.items() if status != "failed"}
    assert again.seconds < plans.seconds


def test_a_plan_is_told_by_variant_with_the_reason_where_others_of_it_are_known():
    def told(variant, *records, budget=BUDGETS["quick"]):
        known = {one.trial.key: one for one in records}
        plan = make_plan([Suite("a", [variant])], CIFAR10, budget, ENVIRONMENT, known, workers=1)
        return variant_lines(plan, known)[1].removeprefix(f"  {variant.name}  ")

    quick = BUDGETS["quick"]
    done = [record(WIDE, total_s=1, seed=seed, budget=quick) for seed in (1, 2, 4)]
    older = Record(dataclasses.replace(trial(WIDE, budget=quick), fingerprint="old"), "ok", total_s=1)
    elsewhere = dataclasses.replace(ENVIRONMENT, backend="jax", device="gpu")
    assert told(WIDE) == "to do: seeds 1-5"
    assert told(WIDE, *done) == "done: seeds 1-2, 4; to do: seeds 3, 5 (known with other seeds)"
    assert told(WIDE, record(WIDE, total_s=1, status="failed", budget=quick)) == "to do: seeds 1-5 (it failed before)"
    assert told(WIDE, older) == "to do: seeds 1-5 (known with other data)"
    assert told(WIDE, record(WIDE, total_s=1), budget=BUDGETS["smoke"]) == "to do: seed 1 (known with another budget)"
    changed = Record(dataclasses.replace(trial(WIDE, budget=quick), source="b"), "ok", total_s=1)
    assert told(WIDE, older, changed) == "to do: seeds 1-5 (known with other data)"
    moved = Record(dataclasses.replace(trial(WIDE, budget=quick), environment=elsewhere, source="b"), "ok", total_s=1)
    assert told(WIDE, moved).endswith(
        "(known with an older source of its model or weights and gpu instead of cpu and jax instead of tensorflow)"
    )
