"""The cells of a row, each worked out by hand from a few records."""

import dataclasses
import math
from statistics import stdev

import pytest

from harness import BASELINE, BUDGETS, Suite
from harness.comparison.groups import Group
from harness.comparison.judge import Accuracies, Comparison
from harness.comparison.standing import Standing
from harness.comparison.suite_cells import judged_before, looks_text, row_cells, status_of
from harness.comparison.verdicts import Verdict
from harness.results.conditions import Conditions
from harness.results.records import Record
from harness.results.step_times import StepTimes
from harness.results.trials import Environment, Trial

QUICK = BUDGETS["quick"]
ENVIRONMENT = Environment("cpu", "tensorflow", 2, (("keras", "3.15"), ("numpy", "2.4")))
HERE = Conditions("made", "abc", QUICK, ENVIRONMENT, recipe=7)
OTHER = BASELINE.replace(dropout=0.5, batch_size=64)
SUITE = Suite("s", {"half": OTHER})
HEAD = BASELINE.replace(backbone="VGG16")


def of(variant, *found, status="ok"):
    """Return records by seed, one per mapping of what a trial gave."""
    return {
        seed: Record(Trial(variant, "", "made", "abc", seed, QUICK, ENVIRONMENT, 7), **{"status": status} | fields)
        for seed, fields in enumerate(found, 1)
    }


def accurate(*values):
    return [{"accuracy": value, "precision": value / 2, "recall": value / 4, "macro_f1": value / 8} for value in values]


def group(records, *, suite=SUITE, looks=(3,), times=None, baseline_ms=math.nan):
    looks = dict.fromkeys(suite.members, looks)
    return Group(suite, HERE, looks, {}, records, times or {}, "box", baseline_ms)


def cells(found, variant=OTHER, accuracies=Accuracies(0), times=Comparison()):  # noqa: B008
    return row_cells(found, variant, accuracies, times)


def test_what_was_measured_is_told_of_the_trials_that_ended_well():
    own = of(
        OTHER,
        {"accuracy": 0.5, "epoch": 3, "params": 10, "train_time_s": 1.0, "peak_memory_mib": 100.0},
        {"accuracy": 0.6, "epoch": 5, "params": 10, "train_time_s": 2.0},
        {"accuracy": 0.9, "epoch": 10, "params": 10, "train_time_s": 9.0, "peak_memory_mib": 300.0},
        {"status": "failed", "message": "no memory", "epoch": 90, "train_time_s": 900.0, "accuracy": 0.1},
    )
    row = cells(group({BASELINE: {}, OTHER: own}))
    expected = {
        "suite": "s",
        "variant": "half",
        "baseline": "baseline",
        "changed": OTHER.name,
        "full_name": OTHER.name,
        "dataset": "made",
        "budget": "quick",
        "device": "cpu",
        "backend": "tensorflow",
        "precision_policy": "float32",
        "seeds": 3,
        "looks": "3",
        "epoch": 5,
        "params": 10,
        "accuracy_std": pytest.approx(stdev([0.5, 0.6, 0.9])),
        "train_time_s": 2.0,
        "peak_memory_mib": 200.0,
        "head_only": "",
        "status": "partial",
        "message": "no memory",
        "fingerprint": "abc",
        "versions": "keras-3.15 numpy-2.4",
        "threads": 2,
        "recipe": 7,
        "machine": "box",
        "accuracy": pytest.approx(2 / 3),
    }
    assert {name: row[name] for name in expected} == expected
    assert math.isnan(row["features_s"])
    assert cells(group({OTHER: own}, looks=(5, 8)))["looks"] == "5, 8"


def test_without_a_trial_that_ended_well_there_are_no_figures():
    row = cells(group({OTHER: of(OTHER, {}, {}, status="failed")}))
    assert row["seeds"] == 0
    for name in ("epoch", "params", "accuracy_std", "train_time_s", "peak_memory_mib", "accuracy", "macro_f1"):
        assert math.isnan(row[name]), name
    one = cells(group({OTHER: of(OTHER, {"accuracy": 0.5})}))
    assert math.isnan(one["accuracy_std"])
    assert math.isnan(one["peak_memory_mib"])
    two = cells(group({OTHER: of(OTHER, *accurate(0.4, 0.6))}))
    assert two["accuracy_std"] == pytest.approx(stdev([0.4, 0.6]))


def test_a_mean_is_the_baselines_plus_the_difference_where_seeds_differ():
    found = Accuracies(2, *(Comparison(value) for value in (0.1, 0.2, 0.9, -0.9)))
    base, own = of(BASELINE, *accurate(0.5, 0.6, 0.4)), of(OTHER, *accurate(0.8, 0.7))
    row = cells(group({BASELINE: base, OTHER: own}), accuracies=found)
    # 0.5 + 0.1, 0.25 + 0.2, and what would be above 1 or below 0.
    assert [row[name] for name in ("accuracy", "precision", "macro_f1")] == pytest.approx([0.6, 0.45, 0.0])
    much = dataclasses.replace(found, recall=Comparison(0.9))
    assert cells(group({BASELINE: base, OTHER: own}), accuracies=much)["recall"] == 1.0
    same = cells(group({BASELINE: of(BASELINE, *accurate(0.5, 0.6)), OTHER: own}), accuracies=found)
    assert same["accuracy"] == pytest.approx(0.75)
    assert cells(group({BASELINE: base, OTHER: own}))["accuracy"] == pytest.approx(0.75)  # nothing is known to add
    assert cells(group({OTHER: own}), accuracies=found)["accuracy"] == pytest.approx(0.75)


def test_a_comparison_has_its_cells_and_a_baseline_has_none_with_itself():
    found = Comparison(0.1, -0.2, 0.3, 0.4, Verdict.UNRESOLVED, "why", "--seeds auto", Verdict.BETTER)
    records = {BASELINE: of(BASELINE, *accurate(0.5)), OTHER: of(OTHER, *accurate(0.5))}
    row = cells(group(records, looks=(1,)), accuracies=Accuracies(1, macro_f1=found), times=found)
    for name, size in (("macro_f1", "macro_f1_delta"), ("step_time", "step_time_ratio")):
        told = {ending: row[f"{name}_{ending}"] for ending in ("ci_low", "ci_high", "p", "verdict", "hint", "leans")}
        assert told == dict(ci_low=-0.2, ci_high=0.3, p=0.4, verdict="unresolved", hint="why", leans="better")  # noqa: C408
        assert (row[size], row[f"{name}_settled_by"]) == (0.1, "add --seeds auto")
    settled = dataclasses.replace(found, settled_by="", leans=None)
    row = cells(group(records, looks=(1,)), accuracies=Accuracies(1, settled), times=settled)
    assert (row["accuracy_settled_by"], row["accuracy_leans"], row["step_time_leans"]) == ("", "", "")
    own = cells(group(records, looks=(1,)), BASELINE, Accuracies(1, found), found)
    assert (own["accuracy_delta"], own["step_time_ratio"]) == (0.0, 1.0)
    for ending in ("verdict", "hint", "leans", "settled_by"):
        assert own[f"accuracy_{ending}"] == own[f"step_time_{ending}"] == ""


def test_a_step_is_the_baselines_times_the_ratio_and_its_flags_are_told_of_the_variant_alone():
    arms = (((8.0,),),) * 3
    times = StepTimes(
        *("k", OTHER, BASELINE, "made", "abc", QUICK, ENVIRONMENT, 4, *arms),
        **{"predict_one_ms": 1.0, "predict_batch_ms": 20.0, "build_s": 0.1, "first_step_s": 1.5},
        **{"flops": 1e6, "gemm_share": 0.25, "flags": ("busy", "hot")},
    )
    records = {BASELINE: of(BASELINE, *accurate(0.5)), OTHER: of(OTHER, *accurate(0.5))}
    timed = group(records, times={BASELINE: times, OTHER: times}, baseline_ms=8.0)
    row = cells(timed, times=Comparison(1.5))
    measured = ("flops", "predict_time_ms", "predict_batch_time_ms", "build_s", "first_step_s", "gemm_share")
    assert [row[name] for name in measured] == [1e6, 1.0, 20.0, 0.1, 1.5, 0.25]
    assert (row["step_time_ms"], row["images_per_s"], row["step_time_flags"]) == (12.0, 64 / 0.012, "busy; hot")
    own = cells(timed, BASELINE, times=Comparison(1.5))
    assert (own["step_time_ms"], own["step_time_flags"], own["flops"]) == (8.0, "", 1e6)
    alone = cells(group(records, baseline_ms=8.0), BASELINE)
    assert (alone["step_time_ms"], alone["step_time_flags"], "flops" in alone) == (8.0, "", False)


@pytest.mark.parametrize(
    ("statuses", "seeds", "said"),
    [
        ("ok ok", 2, ("ok", "")),
        ("ok ok", 1, ("ok", "")),
        ("ok ok", 3, ("partial", "2 of 3 seeds")),
        ("ok failed failed", 3, ("partial", "at 2")),
        ("failed failed", 2, ("failed", "at 1")),
        ("ok failed diverged diverged", 4, ("diverged", "diverged in 2 of 4 seeds: at 3")),
        ("", 0, ("ok", "")),
    ],
)
def test_a_state_is_the_worst_that_happened(statuses, seeds, said):
    found = [{"status": status, "message": f"at {seed}"} for seed, status in enumerate(statuses.split(), 1)]
    assert status_of(of(OTHER, *found).values(), seeds) == said


def test_a_row_that_waits_for_its_next_look_is_partial_and_one_that_ended_has_the_seeds_of_its_look():
    three = {BASELINE: of(BASELINE, *accurate(0.5, 0.5, 0.5)), OTHER: of(OTHER, *accurate(0.5, 0.5, 0.5))}

    def state(standing, looks):
        found = Accuracies(3, Comparison(hint="goes on"), standing=standing)
        row = cells(group(three, looks=looks), accuracies=found)
        return row["status"], row["message"]

    assert state(Standing(3, open=True), (3, 5)) == ("partial", "goes on")
    assert state(Standing(3, open=False), (3, 5)) == ("ok", "")
    assert state(Standing(5, open=True), (3, 5)) == ("partial", "3 of 5 seeds")
    assert state(Standing(0, open=False), (3, 5)) == ("ok", "")
    assert state(Standing(0, open=False), (5,)) == ("partial", "3 of 5 seeds")


def test_other_looks_at_the_same_trials_are_an_analysis_more():
    assert judged_before((5,), [], 0.05) == ""
    assert judged_before((5, 8), [(5,), (3, 30)], 0.05) == (
        "judged before by other looks (5 seeds, auto up to 30 seeds; now auto up to 8 seeds): a further analysis of "
        "the same trials; together they may be wrong in 15% of suites"
    )
    assert "in 100% of suites" in judged_before((5,), [(3,), (4,)], 0.5)
    assert looks_text((1,)) == "1 seed"


@pytest.mark.parametrize(
    ("weights", "seconds", "said"),
    [
        (None, 5.0, "computed once per seed, in 5 s together"),
        ("imagenet", 3.0, "computed once, in 3 s"),
        (None, math.nan, "computed once per seed; how long that took is not recorded"),
        ("imagenet", math.nan, "computed once; how long that took is not recorded"),
    ],
)
def test_what_kept_features_took_is_of_all_seeds_where_each_has_its_own(weights, seconds, said):
    head = HEAD.replace(weights=weights)
    took = [{}, {}] if math.isnan(seconds) else [{"features_s": 2.0}, {}, {"features_s": 3.0}]
    found = of(head, *({"accuracy": 0.5} | one for one in took))
    row = cells(group({head: found}, suite=Suite("s", (head,))), head)
    assert row["features_s"] == pytest.approx(seconds, nan_ok=True)
    assert row["head_only"] == (f"step and training are the head's alone, on features that the frozen backbone {said}")
    tuned = head.replace(fine_tune=True)
    row = cells(group({tuned: of(tuned, {"features_s": 2.0})}, suite=Suite("s", (tuned,))), tuned)
    assert (math.isnan(row["features_s"]), row["head_only"]) == (True, "")
