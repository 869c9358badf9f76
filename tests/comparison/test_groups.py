"""What stands in one table: which records, step times and looks a group has, of plans, sources and machines."""

import dataclasses
import math
from pathlib import Path

import pytest

from harness import BASELINE, BUDGETS, Suite
from harness.comparison.groups import (
    Timings,
    by_training,
    group_records,
    looks_before,
    make_group,
    planned_records,
    plans_of,
)
from harness.results import Results
from harness.results.conditions import Conditions
from harness.results.planned import PlannedSuite
from harness.results.provenance import Provenance
from harness.results.records import Record
from harness.results.step_times import CURRENT, StepTimes
from harness.results.trials import Environment, Trial

A, B = BASELINE.replace(dropout=0.5), BASELINE.replace(l2=0.1)
ENVIRONMENT = Environment("cpu", "tensorflow", 1, ())
QUICK = BUDGETS["quick"]
HERE = Conditions("made", "abc", QUICK, ENVIRONMENT)
SUITE = Suite("s", (A, B))
BOX = Provenance("pytest", "2026-01-01T00:00:00+00:00", "box", "cpu", (), 2, 8192, "Linux", "3.11.7")


def records(variant, seeds, source="", **changes):
    fields = {"dataset": "made", "fingerprint": "abc", "budget": QUICK, "environment": ENVIRONMENT} | changes
    trials = [Trial(variant, source, seed=seed, **fields) for seed in range(1, seeds + 1)]
    return [Record(trial, "ok") for trial in trials]


def plan(looks, sources, suite=SUITE, conditions=HERE):
    return PlannedSuite(suite, conditions, looks, sources)


def timed(key, variant=A, baseline=BASELINE, *, ms=5.0, sources=("", ""), recipe=CURRENT, **changes):
    fields = {
        "fingerprint": "abc",
        "budget": QUICK,
        "environment": dataclasses.replace(ENVIRONMENT, threads=2),
    } | changes
    arms = ((ms, ms),), ((ms, ms),), ((2 * ms, 2 * ms),)
    fields |= dict(zip(("baseline_ms", "control_ms", "variant_ms"), arms, strict=True))
    return StepTimes(key, variant, baseline, "made", steps_per_block=4, sources=sources, recipe=recipe, **fields)


def held(found, *, suites=(SUITE,), plans=(), times=(), elsewhere=()):
    runs = {one.key: BOX for one in times} | {key: dataclasses.replace(BOX, host="other") for key in elsewhere}
    by_key = {one.trial.key: one for one in found}
    return Results(
        Path("nowhere"), tuple(suites), by_key, {one.key: one for one in times}, {}, runs, plans=tuple(plans)
    )


def seeds_of(found):
    return {variant: [(one.trial.source, seed) for seed, one in own.items()] for variant, own in found.items()}


def stored(*found):
    return by_training(held(found))[HERE.training]


def test_records_are_found_by_what_decides_their_bits_then_variant_source_and_seed():
    others = [{"fingerprint": "abd"}, {"environment": dataclasses.replace(ENVIRONMENT, threads=2)}, {"recipe": 2}]
    found = [*records(A, 2), *records(A, 1, "new"), *records(B, 1), *records(A, 3, budget=QUICK.override(seeds=9))]
    found += [one for change in others for one in records(A, 1, **change)]
    by = by_training(held(found))
    assert len(by) == 4
    assert {v: {source: list(own) for source, own in of.items()} for v, of in by[HERE.training].items()} == {
        A: {"": [1, 2, 3], "new": [1]},
        B: {"": [1]},
    }


def test_of_each_variant_the_newest_plan_counts_of_whose_source_there_is_anything():
    trained = stored(*records(A, 5, "old"), *records(A, 3, "new"), *records(B, 5, "old"))
    plans = [plan((4,), {A: "old", B: "old"}), plan((2, 3), {A: "new", B: "new"})]
    found = planned_records(plans, trained)
    assert seeds_of(found.records) == {
        A: [("new", 1), ("new", 2), ("new", 3)],
        B: [("old", seed) for seed in (1, 2, 3, 4)],
    }
    assert found.looks == {A: (2, 3), B: (4,)}
    assert found.before == {A: (), B: ()}
    assert found.goes_on
    assert planned_records([plan((4,), {A: "never"})], trained).records == {}
    assert planned_records([plan((4,), {BASELINE: ""})], trained).records == {}


def test_a_baseline_has_as_many_seeds_as_the_variant_with_the_most_of_any_run():
    trained = stored(*records(BASELINE, 9), *records(A, 9), *records(B, 9))
    plans = [plan((7,), {BASELINE: "", A: ""}), plan((3,), {BASELINE: "", B: ""})]
    found = planned_records(plans, trained)
    assert {variant: len(own) for variant, own in found.records.items()} == {BASELINE: 7, A: 7, B: 3}
    alone = planned_records([plan((3,), {BASELINE: ""}), plan((5,), {BASELINE: ""})], trained)
    assert len(alone.records[BASELINE]) == 5


def test_looks_before_are_those_of_the_same_suite_and_source_each_once():
    newest = plan((5, 8), {A: "x"})
    plans = [
        plan((3,), {A: "x"}),
        plan((4,), {A: "x"}, Suite("other", (A,))),
        plan((5,), {A: "y"}),
        plan((6,), {B: "x"}),
        plan((2, 7), {A: "x", B: "x"}),
        plan((3,), {A: "x"}),
        newest,
    ]
    assert looks_before(plans, A, newest) == ((3,), (2, 7))
    assert looks_before([newest], A, newest) == ()
    trained = stored(*records(A, 8, "x"))
    assert planned_records(plans, trained).before[A] == ((3,), (2, 7))


def test_a_folder_without_plans_has_those_that_its_newest_records_tell():
    more = QUICK.override(seeds=9)
    found = [*records(A, 2, "old"), *records(A, 2, "new", budget=more), *records(BASELINE, 2)]
    other = records(B, 1, fingerprint="abd")
    empty = Suite("empty", (BASELINE.replace(l1=0.1),), baseline=BASELINE.replace(l1=0.2))
    plans = plans_of(held([*found, *other], suites=[SUITE, empty]))
    assert [(one.suite.name, one.conditions.fingerprint, one.looks, one.sources) for one in plans] == [
        ("s", "abc", (9,), {BASELINE: "", A: "new"}),
        ("s", "abd", (QUICK.seeds,), {B: ""}),
    ]


def test_plans_whose_newest_names_no_source_are_withdrawn_under_their_conditions_alone():
    there = dataclasses.replace(HERE, fingerprint="abd")
    kept = [plan((5,), {A: ""}, conditions=there), plan((3,), {A: ""}, Suite("t", (A,)))]
    plans = [plan((5,), {A: ""}), *kept, plan((5,), {})]
    assert list(plans_of(held(records(A, 1), plans=plans))) == kept
    again = [*plans, plan((2,), {A: ""})]
    assert list(plans_of(held(records(A, 1), plans=again))) == again


def test_groups_come_by_suites_then_conditions_in_the_order_of_their_first_run_smoke_last():
    smoke = dataclasses.replace(HERE, budget=BUDGETS["smoke"])
    full = dataclasses.replace(HERE, budget=BUDGETS["full"])
    other = Suite("t", (A,))
    found = [
        *records(A, 2, budget=BUDGETS["smoke"]),
        *records(A, 2, budget=BUDGETS["full"]),
        *records(A, 2),
        *records(BASELINE, 2),
        *records(B, 2),
    ]
    plans = [
        plan((1,), {A: ""}, conditions=smoke),
        plan((2,), {A: ""}, conditions=full),
        plan((2,), {A: "", BASELINE: ""}),
        plan((2,), {A: ""}, other),
        plan((1,), {B: ""}, Suite("s", (A,))),
        plan((1,), {A: ""}, conditions=smoke),
        plan((2,), {A: "gone"}, Suite("lost", (A,))),
        plan((2,), {A: ""}, conditions=dataclasses.replace(HERE, fingerprint="nothing of it")),
    ]
    groups = group_records(held(found, suites=[other, SUITE, Suite("lost", (A,)), Suite("never", (A,))], plans=plans))
    assert [(one.suite.name, one.conditions.budget.name) for one in groups] == [
        ("t", "quick"),
        ("s", "full"),
        ("s", "quick"),
        ("s", "smoke"),
    ]
    # The suite as it was declared last, and what else it had is left out.
    assert groups[2].suite == Suite("s", (A,))
    assert groups[2].members == (BASELINE, A)
    assert set(groups[2].records) == {BASELINE, A}
    assert groups[1].members == (A,)
    assert dict(groups[2].looks) == {BASELINE: (2,), A: (2,), B: (1,)}
    assert groups[2].goes_on


def test_step_times_are_those_beside_the_baseline_of_the_records_sources_on_the_newest_machine():
    found = [*records(BASELINE, 1, "b"), *records(A, 1, "a"), *records(B, 1)]
    right = {"sources": ("b", "a")}
    times = [
        timed("1", **right),
        timed("2", B, sources=("b", ""), ms=6.0),
        timed("5", A, B, sources=("", "a")),
        timed("6", fingerprint="abd", **right),
        timed("7", budget=BUDGETS["full"], **right),
        timed("8", recipe=1, **right),
        timed("9", ms=8.0, **right),
        timed("10", sources=("b", "old")),
        timed("11", sources=("old", "a")),
    ]
    plans = [plan((1,), {BASELINE: "b", A: "a", B: ""})]
    (group,) = group_records(held(found, plans=plans, times=times))
    assert {variant: one.key for variant, one in group.step_times.items()} == {A: "9", B: "2"}
    assert group.machine == BOX.machine
    assert group.baseline_ms == pytest.approx(5.5)  # the median of 5, 5, 6 and 8, beside the older source too
    (group,) = group_records(held(found, plans=plans, times=times, elsewhere=["2"]))
    assert {variant: one.key for variant, one in group.step_times.items()} == {A: "9"}
    assert (group.machine, group.baseline_ms) == (BOX.machine, pytest.approx(5.0))
    (group,) = group_records(held(found, plans=plans, times=times, elsewhere=["9"]))
    assert {variant: one.key for variant, one in group.step_times.items()} == {A: "9"}
    assert (group.machine.split(",")[0], group.baseline_ms) == ("other", pytest.approx(8.0))
    (group,) = group_records(held(found, plans=plans))
    assert (group.step_times, group.machine, math.isnan(group.baseline_ms)) == ({}, "", True)


def test_step_times_beside_a_baseline_without_results_are_of_whatever_source_it_had():
    times = [timed("1", sources=("x", "a")), timed("2", sources=("x", "y"))]
    (group,) = group_records(held(records(A, 1, "a"), plans=[plan((1,), {A: "a"})], times=times))
    assert {variant: one.key for variant, one in group.step_times.items()} == {A: "1"}
    assert group.baseline_ms == 5.0


def test_a_variant_none_of_whose_seeds_was_asked_for_has_no_records_and_no_step_time():
    plans = [plan((3,), {A: "", BASELINE: ""})]
    (group,) = group_records(held([*records(A, 4)[3:], *records(BASELINE, 2)], plans=plans, times=[timed("1")]))
    assert seeds_of(group.records) == {BASELINE: [("", 1), ("", 2)], A: []}


def test_a_group_goes_on_where_its_plans_do():
    planned = planned_records([plan((1,), {A: ""})], stored(*records(A, 1)))
    for goes_on in (True, False):
        made = dataclasses.replace(planned, goes_on=goes_on)
        assert make_group(SUITE, HERE, made, Timings(held([]))).goes_on == goes_on


def test_a_machine_can_be_asked_for():
    results = held(records(A, 1), plans=[plan((1,), {A: ""})], times=[timed("1"), timed("2", ms=7.0)], elsewhere=["2"])
    planned, timings = planned_records(results.plans, by_training(results)[HERE.training]), Timings(results)
    for machine, key, ms in ((BOX.machine, "1", 5.0), ("", "2", 7.0)):
        group = make_group(SUITE, HERE, planned, timings, machine=machine)
        assert (group.step_times[A].key, group.baseline_ms) == (key, ms)
    nowhere = make_group(SUITE, HERE, planned, timings, machine="nowhere")
    assert (nowhere.step_times, nowhere.machine, math.isnan(nowhere.baseline_ms)) == ({}, "", True)


def test_timings_of_a_variant_are_those_beside_any_baseline_the_newest_last():
    times = [timed("1"), timed("2", A, B), timed("3"), timed("4", B)]
    timings = Timings(held(records(A, 1), times=times))
    assert [one.times.key for one in timings.of_variant(HERE, A)] == ["1", "2", "3"]
    assert [one.times.key for one in timings.of(HERE, BASELINE, A)] == ["1", "3"]
    assert [one.place for one in timings.of(HERE, BASELINE, A)] == [0, 2]
    assert timings.of(HERE, A, B) == timings.of(dataclasses.replace(HERE, fingerprint="abd"), BASELINE, A) == []
    assert list(timings.of_variant(HERE, BASELINE)) == []
    assert math.isnan(timings.baseline_ms(HERE, BASELINE, "x", BOX.machine))
    assert math.isnan(timings.baseline_ms(HERE, A, "", BOX.machine))
    assert timings.baseline_ms(HERE, BASELINE, "", BOX.machine) == 5.0
    elsewhere = dataclasses.replace(HERE, fingerprint="abd")
    assert list(timings.of_variant(elsewhere, A)) == []
    assert math.isnan(timings.baseline_ms(elsewhere, BASELINE, "", BOX.machine))


def test_records_are_in_the_order_in_which_the_newest_plan_names_their_variants():
    members = [BASELINE.replace(dropout=number / 100) for number in range(1, 20)]
    trained = stored(*(one for member in members for one in records(member, 1)))
    for listed in (members, members[::-1]):
        assert list(planned_records([plan((1,), dict.fromkeys(listed, ""))], trained).records) == listed
