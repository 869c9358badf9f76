"""What of two folders belongs together, and what one folder has under equal conditions."""

import dataclasses
import math

import pytest
from test_groups import HERE, held, records, timed

from harness import BASELINE, BUDGETS, Suite
from harness.comparison.judge import bounded_ratio
from harness.comparison.trained import Trained, matched, trained_variants
from harness.results.conditions import Conditions
from harness.results.planned import PlannedSuite

OTHER, WIDE = BASELINE.replace(dropout=0.5), BASELINE.replace(filters=(64, 128))
UNTRAINED = BASELINE.replace(l2=0.1)
SUITE = Suite("s", (OTHER, WIDE))


def trained(order=0, *, variants=1, **changes):
    environment = {name: changes.pop(name) for name in ("device", "backend", "threads") if name in changes}
    conditions = dataclasses.replace(HERE, environment=dataclasses.replace(HERE.environment, **environment), **changes)
    members = (BASELINE, OTHER, WIDE)[:variants]
    return Trained(conditions, {}, {key: {} for key in members}, {}, {}, order)


def pairs(old, new):
    """Return which of the old belongs to which of the new, by their places, and what is said of the others."""
    found, lines = matched(old, new)

    def place(one, side):
        return next(number for number, other in enumerate(side) if other is one)

    return [(place(first, old), place(second, new)) for first, second in found], lines


def test_a_dataset_is_the_same_by_its_content_or_its_name_and_a_budget_by_its_training():
    here = trained()
    assert pairs([here], [trained(dataset="renamed")]) == ([(0, 0)], [])
    assert pairs([here], [trained(fingerprint="edited")]) == ([(0, 0)], [])
    lines = ["only in old: made, quick, cpu, 1 variants", "only in new: other, quick, cpu, 3 variants"]
    assert pairs([here], [trained(dataset="other", fingerprint="other", variants=3)]) == ([], lines)
    longer = BUDGETS["quick"].override(epochs=9)
    lines = ["only in old: made, quick, cpu, 1 variants", "only in new: made, quick+epochs:9, cpu, 1 variants"]
    assert pairs([here], [trained(budget=longer)]) == ([], lines)
    # `full` of as many epochs and images trains the same.
    as_long = dataclasses.replace(BUDGETS["full"], epochs=HERE.budget.epochs, max_images=HERE.budget.max_images)
    assert pairs([here], [trained(budget=as_long)]) == ([(0, 0)], [])


@pytest.mark.parametrize(
    ("near", "far"),
    [
        ({"dataset": "renamed", "device": "gpu"}, {"fingerprint": "edited"}),
        ({"backend": "jax"}, {"device": "gpu"}),
        ({"threads": 2}, {"backend": "jax"}),
        ({}, {"budget": dataclasses.replace(HERE.budget, name="full", seeds=BUDGETS["full"].seeds)}),
    ],
)
def test_of_several_the_closest_is_taken_by_content_device_backend_and_budget_whatever_is_newer(near, far):
    old = [trained(9, **far), trained(1, **near)]
    assert pairs(old, [trained()])[0] == [(1, 0)]
    assert pairs(old[::-1], [trained()])[0] == [(0, 0)]


def test_of_equally_close_ones_the_newest_is_taken_and_each_once():
    assert pairs([trained(1), trained(3), trained(2)], [trained()])[0] == [(1, 0)]
    # Of one kind in the newer folder, as of two versions, the newest counts; the other is left.
    found, lines = pairs([trained(1), trained(2)], [trained(5, threads=1), trained(7, threads=2)])
    assert found == [(1, 1)]
    assert lines == ["only in old: made, quick, cpu, 1 variants", "only in new: made, quick, cpu, 1 variants"]
    # One of the older folder is compared with one of the newer, though two would take it.
    found, lines = pairs([trained()], [trained(1), trained(2, backend="jax")])
    assert (found, lines) == ([(0, 0)], ["only in new: made, quick, jax on cpu, 1 variants"])


@pytest.mark.parametrize(
    "other",
    [
        {"backend": "jax"},
        {"device": "gpu"},
        {"dataset": "other", "fingerprint": "other"},
        {"budget": dataclasses.replace(BUDGETS["full"], epochs=HERE.budget.epochs, max_images=HERE.budget.max_images)},
    ],
    ids=lambda other: next(iter(other)),
)
def test_each_kind_has_its_pair_in_the_order_of_the_newer_folder_and_equal_lines_stand_once(other):
    both = other, {}
    old = [trained(place, **one) for place, one in enumerate(both)]
    for orders in ((1, 2), (2, 1)):
        new = [trained(order, **one) for order, one in zip(orders, both, strict=True)]
        found, lines = pairs(old, new)
        assert sorted(found, key=lambda pair: new[pair[1]].order) == found
        assert (sorted(found), lines) == ([(0, 0), (1, 1)], [])
    assert pairs([trained(), trained(threads=2)], [])[1] == ["only in old: made, quick, cpu, 1 variants"]


def plan(looks, sources, conditions=HERE):
    return PlannedSuite(SUITE, conditions, looks, sources)


def test_what_a_folder_has_is_what_its_newest_runs_meant():
    found = [*records(BASELINE, 3), *records(OTHER, 3, "old"), *records(OTHER, 2, "new"), *records(WIDE, 1)]
    named = Conditions("renamed", HERE.fingerprint, HERE.budget, HERE.environment)
    plans = [plan((3,), {BASELINE: "", OTHER: "old", WIDE: ""}), plan((2,), {BASELINE: "", OTHER: "new"}, named)]
    times = [
        timed("a", OTHER, sources=("", "old")),
        timed("b", OTHER, sources=("", "new"), ms=4.0),
        timed("c", OTHER, sources=("", "new"), ms=6.0),
        timed("d", WIDE, sources=("edited", "")),
        timed("e", WIDE, OTHER, ms=9.0, sources=("new", "")),
        timed("f", BASELINE, ms=7.0),
        timed("g", OTHER, UNTRAINED, sources=("whatever it was", "new")),
    ]
    (one,) = trained_variants(held(found, suites=(SUITE,), plans=plans, times=times))
    assert one.conditions.dataset == "renamed"
    assert {variant: [record.trial.source for record in own.values()] for variant, own in one.records.items()} == {
        BASELINE: ["", "", ""],
        OTHER: ["new", "new"],
        WIDE: [""],
    }
    assert one.looks == {BASELINE: (2,), OTHER: (2,), WIDE: (3,)}
    taken = {pair[1:]: times.key for pair, times in one.step_times.items()}
    assert taken == {(BASELINE, OTHER): "c", (OTHER, WIDE): "e", (BASELINE, BASELINE): "f", (UNTRAINED, OTHER): "g"}
    box = next(iter(one.step_times))[0]
    assert {pair[0] for pair in one.step_times} == {box}
    # The median of what the baseline took: 5, 4, 6 and, beside itself, 7.
    pair = (box, BASELINE, OTHER)
    assert one.baselines_ms[pair] == pytest.approx(5.5)
    assert one.step_time_ms(pair) == pytest.approx(5.5 * bounded_ratio(one.step_times[pair]).ratio)
    assert one.step_time_ms((box, BASELINE, BASELINE)) == pytest.approx(5.5)
    assert math.isnan(one.step_time_ms((box, BASELINE, WIDE)))
    assert one.order == 8


def test_conditions_without_records_are_none_and_each_has_the_order_of_its_newest():
    jax = dataclasses.replace(HERE, environment=dataclasses.replace(HERE.environment, backend="jax"))
    found = [*records(OTHER, 2), *records(OTHER, 3, environment=jax.environment), *records(WIDE, 1)]
    longer = dataclasses.replace(HERE, budget=BUDGETS["quick"].override(epochs=9))
    sources = {OTHER: "", WIDE: ""}
    plans = [plan((5,), sources, one) for one in (longer, HERE, jax)]
    ones = trained_variants(held(found, suites=(SUITE,), plans=plans))
    assert [(one.conditions, one.order) for one in ones] == [(HERE, 5), (jax, 4)]
