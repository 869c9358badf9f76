"""What was timed: which measurements count, what several are together, and what is no measurement."""

import dataclasses
import json
import math

import pytest

from harness import BASELINE, BUDGETS
from harness.errors import InputError
from harness.results.provenance import COMPUTE_CAPABILITY
from harness.results.step_times import CURRENT, RECIPE, UNKNOWN, StepTimes, merge_step_times, timing_key, typical_ms
from harness.results.trials import Environment

QUICK = BUDGETS["quick"]
OTHER = BASELINE.replace(dropout=0.5)
CPU = Environment("cpu", "tensorflow", 2, (("keras", "3.15.1"),))
ARMS = ((5.0, 5.1), (5.2, 5.4)), ((5.0, 5.2), (5.1, 5.3)), ((6.0, 6.1), (6.2, 6.3))
TIMES = StepTimes("k", OTHER, BASELINE, "made", "abc", QUICK, CPU, 4, *ARMS, predict_one_ms=1.0, flags=("a", "b"))
PLACE = {"fingerprint": "abc", "budget": QUICK, "environment": CPU}


def test_a_typical_step_is_the_median_of_all_blocks_of_all_builds():
    assert typical_ms(((1.0, 9.0), (2.0, 4.0))) == 3.0


def test_measurements_are_one_of_all_builds_and_the_medians_of_the_other_figures():
    figures = dict.fromkeys(("predict_batch_ms", "build_s", "first_step_s", "flops", "gemm_share"))
    parts = [
        dataclasses.replace(
            TIMES,
            baseline_ms=((1.0 + part, 2.0, 3.0)[: 2 + part],),
            control_ms=((4.0 + part, 5.0, 6.0)[: 2 + part],),
            variant_ms=((7.0 + part, 8.0, 9.0)[: 2 + part],),
            steps_per_block=steps,
            block_overhead_ms=steps / 10,
            predict_one_ms=steps / 100,
            flags=flags,
            **{name: steps + place for place, name in enumerate(figures)},
        )
        for part, steps, flags in ((1, 9, ("a", "b")), (0, 3, ("c", "b")), (1, 4, ()))
    ]
    merged = merge_step_times(parts)
    assert merged.baseline_ms == ((2.0, 2.0), (1.0, 2.0), (2.0, 2.0))  # as many blocks as the shortest has
    assert merged.control_ms == ((5.0, 5.0), (4.0, 5.0), (5.0, 5.0))
    assert merged.variant_ms == ((8.0, 8.0), (7.0, 8.0), (8.0, 8.0))
    assert (merged.steps_per_block, merged.block_overhead_ms, merged.predict_one_ms) == (4, 0.4, 0.04)
    assert [getattr(merged, name) for name in figures] == [4, 5, 6, 7, 8]
    assert merged.flags == ("a", "b", "c")
    assert merge_step_times(parts[:1]) is parts[0]


@pytest.mark.parametrize("recipe", range(1, RECIPE["quick"] + 1))
def test_a_measurement_of_before_recipes_were_stored_is_known_by_the_one_that_gives_its_key(recipe):
    key = timing_key(BASELINE, OTHER, sources=("", "new"), machine="box", recipe=recipe, **PLACE)
    unknown = dataclasses.replace(TIMES, key=key, recipe=UNKNOWN)
    found = unknown.identified("box", [("", ""), ("", "new")])
    assert found == dataclasses.replace(TIMES, key=key, recipe=recipe, sources=("", "new"))
    assert unknown.identified("another box", [("", ""), ("", "new")]) is unknown
    assert unknown.identified("box", [("", "")]) is unknown
    known = dataclasses.replace(unknown, recipe=1)
    assert known.recipe == 1
    assert known.identified("box", [("", "new")]) is known


def test_only_what_was_measured_as_now_on_a_device_that_is_certain_is_current():
    gpu = dataclasses.replace(CPU, device="gpu")
    certain = dataclasses.replace(gpu, versions=(*gpu.versions, (COMPUTE_CAPABILITY, "9.0")))
    found = [dataclasses.replace(TIMES, environment=one).is_current for one in (CPU, gpu, certain)]
    assert found == [True, False, True]
    assert dataclasses.replace(TIMES, recipe=CURRENT).recipe == RECIPE["quick"]
    assert dataclasses.replace(TIMES, recipe=CURRENT, budget=BUDGETS["full"]).recipe == RECIPE["full"]
    assert not dataclasses.replace(TIMES, recipe=RECIPE["quick"] - 1).is_current
    assert not dataclasses.replace(TIMES, recipe=RECIPE["quick"] - 1, environment=certain).is_current


def changed(**fields):
    return json.dumps(json.loads(TIMES.to_json()) | fields)


def test_step_times_come_back_from_their_json_and_what_is_not_known_is_null():
    again = StepTimes.from_json(TIMES.to_json())
    assert again.to_json() == TIMES.to_json()
    assert (again.variant_ms, again.flags, again.sources) == (ARMS[2], ("a", "b"), ("", ""))
    content = json.loads(TIMES.to_json())
    assert (content["flops"], content["predict_one_ms"], content["recipe"]) == (None, 1.0, RECIPE["quick"])
    assert (content["variant"], content["baseline"]) == (OTHER.to_json(), BASELINE.to_json())
    assert math.isnan(again.flops)
    assert StepTimes.from_json(changed(images_per_s=4000.0)).to_json() == TIMES.to_json()
    older = {name: value for name, value in content.items() if name not in ("recipe", "sources")}
    found = StepTimes.from_json(json.dumps(older))
    assert (found.recipe, found.sources) == (UNKNOWN, ("", ""))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"variant_ms": []}, "step times differ in their numbers of blocks, or have none"),
        ({"baseline_ms": [], "control_ms": [], "variant_ms": []}, "differ in their numbers of blocks"),
        ({"control_ms": [[5.0], [5.0]]}, "step times differ in their numbers of blocks, or have none"),
        ({"baseline_ms": [[5.0, 5.0]]}, "step times differ in their numbers of builds, or have no block"),
        ({key: [[]] for key in ("baseline_ms", "control_ms", "variant_ms")}, "or have no block"),
        ({"baseline_ms": [[5.0, 0.0], [5.0, 5.0]]}, r"a step time is 0.0: milliseconds from 1e-09 to 1e\+13"),
        ({"variant_ms": [[5.0, 5.0], [5.0, 1.1e13]]}, "a step time is 11000000000000.0: milli"),
        ({"control_ms": [[5.0, None], [5.0, 5.0]]}, "a step time is"),
    ],
)
def test_what_is_no_measurement_is_refused(fields, message):
    with pytest.raises(InputError, match=message):
        StepTimes.from_json(changed(**fields))


def test_the_shortest_and_the_longest_step_are_read_and_what_is_no_object_is_refused():
    ends = [[1e-9, 1e13], [1.0, 1.0]]
    assert StepTimes.from_json(changed(variant_ms=ends)).variant_ms == ((1e-9, 1e13), (1.0, 1.0))
    with pytest.raises(InputError, match=r"step times is a list|step times is \[3\]: an object"):
        StepTimes.from_json("[3]")
