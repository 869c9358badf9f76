"""The plan: what is to do, and why."""

import dataclasses

from harness import BASELINE, BUDGETS, Suite
from harness.datasets.facts import DatasetFacts
from harness.results.records import Record
from harness.results.trials import Environment, Trial
from harness.running.plan import make_plan
from harness.running.plan_lines import variant_lines

ENVIRONMENT = Environment("cpu", "tensorflow", 1, ())
CIFAR10 = DatasetFacts("cifar10", "abc", tuple("0123456789"), (32, 32, 3), 50_000)
FULL = BUDGETS["full"]
WIDE = BASELINE.replace(filters=(64, 128))


def trial(variant, seed=1, *, budget=FULL):
    return Trial(variant, "", CIFAR10.name, CIFAR10.fingerprint, seed, budget, ENVIRONMENT)


def record(variant, *, total_s, status="ok", seed=1, budget=FULL):
    return Record(trial(variant, seed, budget=budget), status, total_s=total_s)


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


def test_a_plan_goes_through_its_trials_once_however_often_it_is_asked():
    budget = FULL.override(seeds=3)
    plan = make_plan([Suite("s", (WIDE,))], CIFAR10, budget, ENVIRONMENT, {}, workers=2)
    for trials in ("todo", "needed", "possible"):
        assert getattr(plan, trials) is getattr(plan, trials)
    # One made of it has its own.
    after = dataclasses.replace(plan, done=frozenset(one.key for one in plan.todo[:2]))
    assert after.todo == plan.todo[2:]


def test_a_plan_is_told_by_variant_with_the_reason_where_others_of_it_are_known():
    def told(variant, *records, budget=BUDGETS["quick"], **options):
        known = {one.trial.key: one for one in records}
        plan = make_plan([Suite("a", [variant])], CIFAR10, budget, ENVIRONMENT, known, workers=1, **options)
        return variant_lines(plan, known)[1].removeprefix(f"  {variant.name}  ")

    quick = BUDGETS["quick"]
    done = [record(WIDE, total_s=1, seed=seed, budget=quick) for seed in (1, 2, 4)]
    older = Record(dataclasses.replace(trial(WIDE, budget=quick), fingerprint="old"), "ok", total_s=1)
    elsewhere = dataclasses.replace(ENVIRONMENT, backend="jax", device="gpu")
    assert told(WIDE) == "to do: seeds 1-5"
    assert told(WIDE, *done) == "done: seeds 1-2, 4; to do: seeds 3, 5 (known with other seeds)"
    assert told(WIDE, *done, retrain=True) == "to do: seeds 1-5 (anew, as --retrain asks)"
    assert told(WIDE, record(WIDE, total_s=1, status="failed", budget=quick)) == "to do: seeds 1-5 (it failed before)"
    assert told(WIDE, older) == "to do: seeds 1-5 (known with other data)"
    assert told(WIDE, record(WIDE, total_s=1), budget=BUDGETS["smoke"]) == "to do: seed 1 (known with another budget)"
    changed = Record(dataclasses.replace(trial(WIDE, budget=quick), source="b"), "ok", total_s=1)
    assert told(WIDE, older, changed) == "to do: seeds 1-5 (known with other data)"
    moved = Record(dataclasses.replace(trial(WIDE, budget=quick), environment=elsewhere, source="b"), "ok", total_s=1)
    assert told(WIDE, moved).endswith(
        "(known with an older source of its model or weights and gpu instead of cpu and jax instead of tensorflow)"
    )
