"""What identifies a trial and a timing run: pinned, since a key that changes hides every result there is."""

import dataclasses

import pytest

from harness.budgets import BUDGETS
from harness.results.conditions import Conditions
from harness.results.step_times import timing_key
from harness.results.trials import Environment, Trial
from harness.variants import BASELINE, Variant

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
    "change", [{"budget": QUICK.override(seeds=9)}, {"dataset": "other"}, {"against": (OWN,)}], ids=lambda one: min(one)
)
def test_what_changes_no_result_changes_no_key(change):
    assert dataclasses.replace(TRIAL, **change).key == TRIAL.key


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
