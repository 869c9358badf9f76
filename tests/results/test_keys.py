"""What identifies a trial and a timing run: pinned, since a key that changes hides every result there is."""

import dataclasses
import json

import numpy as np
import pytest

from harness.budgets import BUDGETS, MAX_SEEDS
from harness.results.conditions import Conditions
from harness.results.step_times import timing_key
from harness.results.trials import FIRST_SEARCH_SEED, HIGHEST_SEED, Environment, Trial
from harness.variants import BASELINE, Variant
from harness.variants.sources import source_fingerprint

QUICK = BUDGETS["quick"]
ENVIRONMENT = Environment("cpu", "tensorflow", 1, (("keras", "3.15.1"), ("numpy", "2.4.6")))
TRIAL = Trial(BASELINE, "", "digits", "abc", 1, QUICK, ENVIRONMENT, recipe=1)
OWN = Variant(model="own.nets:build", options={"widths": [16, 32], "name": "é", "deep": None})
TIMING = {
    "sources": ("", "b"),
    "fingerprint": "abc",
    "budget": QUICK,
    "environment": ENVIRONMENT,
    "machine": "box",
    "recipe": 4,
}


def test_keys_stay_what_they_are():
    assert BASELINE.fingerprint[:16] == "b58540be928e00f6"
    assert OWN.fingerprint[:16] == "7acc90b715af1fb1"
    assert TRIAL.key[:16] == "342d55da4f67905f"
    assert Trial(BASELINE, "", "digits", "abc", 1, QUICK, ENVIRONMENT).key == TRIAL.key
    tutorial = dataclasses.replace(TRIAL, budget=BUDGETS["full"].override(protocol="tutorial"))
    assert tutorial.key[:16] == "ba686452758f7d4d"
    assert timing_key(BASELINE, OWN, **TIMING)[:16] == "1d47a46d378b83e4"


@pytest.mark.parametrize(
    "change",
    [
        {"variant": BASELINE.replace(l2=0.1)},
        {"source": "x"},
        {"fingerprint": "abd"},
        {"seed": 2},
        {"recipe": 2},
        {"budget": QUICK.override(epochs=4)},
        {"budget": QUICK.override(protocol="tutorial")},
        {"budget": dataclasses.replace(QUICK, max_images=512)},
        {"environment": dataclasses.replace(ENVIRONMENT, device="gpu")},
        {"environment": dataclasses.replace(ENVIRONMENT, backend="jax")},
        {"environment": dataclasses.replace(ENVIRONMENT, threads=2)},
        {"environment": dataclasses.replace(ENVIRONMENT, versions=(("keras", "3.15.2"),))},
    ],
)
def test_what_changes_a_result_changes_the_key(change):
    assert dataclasses.replace(TRIAL, **change).key != TRIAL.key


@pytest.mark.parametrize(
    "change",
    [{"budget": QUICK.override(seeds=9)}, {"dataset": "other"}, {"against": (OWN,)}, {"keep_model": True}],
    ids=lambda one: min(one),
)
def test_what_changes_no_result_changes_no_key(change):
    assert dataclasses.replace(TRIAL, **change).key == TRIAL.key


def test_what_a_trial_is_compared_with_and_whether_its_model_is_kept_is_no_part_of_it():
    assert dataclasses.replace(TRIAL, against=(OWN,), keep_model=True) == TRIAL
    assert (TRIAL.against, TRIAL.keep_model) == ((), False)


def test_an_environment_comes_back_from_its_json():
    assert Environment.from_dict(json.loads(json.dumps(ENVIRONMENT.to_dict()))) == ENVIRONMENT


def test_seeds_of_searches_begin_after_those_of_comparisons_and_end_where_numpys_do():
    assert FIRST_SEARCH_SEED - MAX_SEEDS == 1
    np.random.RandomState(HIGHEST_SEED)
    with pytest.raises(ValueError, match="between 0 and"):
        np.random.RandomState(HIGHEST_SEED + 1)


@pytest.mark.parametrize(("budget", "recipe"), [("smoke", 4), ("quick", 4), ("full", 5)])
def test_a_step_times_key_is_of_the_budgets_present_way_of_measuring(budget, recipe):
    place = {name: one for name, one in TIMING.items() if name != "recipe"} | {"budget": BUDGETS[budget]}
    assert timing_key(BASELINE, OWN, **place) == timing_key(BASELINE, OWN, **place, recipe=recipe)


@pytest.mark.parametrize(
    "change",
    [
        {"sources": ("a", "b")},
        {"fingerprint": "abd"},
        {"budget": BUDGETS["full"]},
        {"environment": dataclasses.replace(ENVIRONMENT, threads=2)},
        {"environment": dataclasses.replace(ENVIRONMENT, device="gpu")},
        {"environment": dataclasses.replace(ENVIRONMENT, backend="jax")},
        {"machine": "other"},
        {"recipe": 3},
    ],
)
def test_what_changes_a_step_time_changes_its_key(change):
    assert timing_key(BASELINE, OWN, **TIMING | change) != timing_key(BASELINE, OWN, **TIMING)
    assert timing_key(OWN, BASELINE, **TIMING) != timing_key(BASELINE, OWN, **TIMING)


def test_trials_of_conditions_have_their_recipe_and_are_compared_with_their_baselines():
    conditions = Conditions("digits", "abc", QUICK, ENVIRONMENT, recipe=7)
    first, second = conditions.trials(BASELINE, [1, 2], against=(OWN,))
    assert (first.recipe, first.seed, second.seed, first.against) == (7, 1, 2, (OWN,))
    assert Conditions.of(first) == conditions
    assert conditions.trials(BASELINE, [1])[0].against == ()
    assert conditions.label == "digits, quick, cpu, trained by an older version (recipe 7)"


def test_conditions_with_another_number_of_seeds_or_another_name_are_the_same():
    conditions = Conditions("digits", "abc", QUICK, ENVIRONMENT)
    assert Conditions("again", "abc", QUICK.override(seeds=9), ENVIRONMENT) == conditions
    other = dataclasses.replace(conditions, environment=dataclasses.replace(ENVIRONMENT, threads=2))
    assert other != conditions
    assert other.timing == conditions.timing
    assert other.training != conditions.training


@pytest.mark.parametrize(
    "change",
    [
        {"fingerprint": "abd"},
        {"budget": QUICK.override(epochs=4)},
        {"budget": BUDGETS["full"]},
        {"environment": dataclasses.replace(ENVIRONMENT, backend="jax")},
        {"recipe": 2},
    ],
)
def test_other_conditions_train_otherwise_and_are_timed_otherwise_unless_only_epochs_or_the_recipe_differ(change):
    conditions = Conditions("digits", "abc", QUICK, ENVIRONMENT)
    other = dataclasses.replace(conditions, **change)
    assert other != conditions
    assert other.training != conditions.training
    alike = "recipe" in change or (other.budget.name == "quick" and "budget" in change)
    assert (other.timing == conditions.timing) == alike


def test_the_number_of_seeds_of_conditions_is_the_presets_looks_or_none():
    conditions = Conditions("digits", "abc", QUICK, ENVIRONMENT)
    for seeds in (9, "auto"):
        assert (
            Conditions("digits", "abc", QUICK.override(seeds=seeds), ENVIRONMENT).budget == conditions.budget == QUICK
        )
    auto = dataclasses.replace(QUICK, auto=True)
    assert (auto.seeds, Conditions("digits", "abc", auto, ENVIRONMENT).budget) == (QUICK.seeds, QUICK)


def test_trials_of_conditions_are_of_the_source_as_it_is_unless_another_is_meant():
    conditions, small = Conditions("digits", "abc", QUICK, ENVIRONMENT), Variant(model="examples.small_resnet:build")
    (now,), (before,) = conditions.trials(small, [1]), conditions.trials(small, [1], source="older")
    assert (now.source, before.source) == (source_fingerprint(small), "older")
    assert len(now.source) == 64
    assert conditions.trials(BASELINE, [1])[0].source == ""
    kept = [conditions.trials(BASELINE, [1], **words)[0].keep_model for words in ({}, {"keep_models": True})]
    assert kept == [False, True]


def test_conditions_are_called_by_dataset_budget_and_device_and_another_backend():
    assert Conditions("digits", "abc", QUICK, ENVIRONMENT).label == "digits, quick, cpu"
    jax = dataclasses.replace(ENVIRONMENT, backend="jax", device="gpu")
    assert Conditions("faces", "abc", BUDGETS["full"], jax).label == "faces, full, jax on gpu"
