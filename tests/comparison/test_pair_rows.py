"""Two variants of one folder: what they are called, what is said of their steps, and what is no pair."""

import dataclasses
import math

import numpy as np
import pytest
from made_results import BASELINE, DROPOUT, WIDE, Made, make_results

from harness import BUDGETS, InputError, Suite
from harness.comparison import Margins
from harness.comparison.pair_rows import compare_variants
from harness.comparison.times_across_runs import judge_relative
from harness.comparison.trained import trained_variants
from harness.comparison.wanted import Wanted
from harness.results import load_results
from harness.results.conditions import Conditions
from harness.results.planned import PlannedSuite
from harness.statistics import alpha_share

EQUAL = {BASELINE: 0.80, DROPOUT: 0.81, WIDE: 0.80}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return load_results(make_results(tmp_path_factory.mktemp("pair") / "results", Made(EQUAL)))


def pair(results, first=DROPOUT.name, second=WIDE.name, margins=Margins(), **how):  # noqa: B008
    return compare_variants(results, first, second, margins, **how)


def flagged(results, **flags):
    """Return results whose step times have these flags, by the names of fields that differ."""
    times = {
        key: dataclasses.replace(one, flags=flags.get("wide" if one.variant == WIDE else "other", ()))
        for key, one in results.step_times.items()
    }
    return dataclasses.replace(results, step_times=times)


def test_each_is_called_as_it_was_asked_for_and_the_first_is_the_baseline(results):
    frame = pair(results)
    assert list(frame["variant"]) == [DROPOUT.name, WIDE.name]
    assert set(frame["suite"]) == {f"{WIDE.name} against {DROPOUT.name}"}
    assert set(frame["baseline"]) == {DROPOUT.name}
    assert list(frame["accuracy_verdict"]) == ["", "worse"]
    back = pair(results, WIDE.name, DROPOUT.name).iloc[1]
    assert back["accuracy_delta"] == pytest.approx(-frame.iloc[1]["accuracy_delta"])
    assert back["accuracy_p"] == pytest.approx(frame.iloc[1]["accuracy_p"])  # one comparison, either way


def test_the_ratio_of_what_was_not_timed_side_by_side_is_that_of_their_ratios(results):
    (trained,) = trained_variants(results)
    times = {pair[2]: one for pair, one in trained.step_times.items()}
    machine = next(iter(trained.step_times))[0]
    found = judge_relative(times[DROPOUT], times[WIDE], comparisons=1, margins=Margins())
    one, two = (row for _, row in pair(flagged(results, wide=("hot", "busy"), other=("busy",))).iterrows())
    assert (one["step_time_ratio"], one["step_time_flags"], one["step_time_verdict"]) == (1.0, "", "")
    ours = trained.step_time_ms((machine, BASELINE, DROPOUT))
    assert one["step_time_ms"] == pytest.approx(ours)
    assert two["step_time_ms"] == pytest.approx(ours * found.value)
    cells = ("step_time_ratio", "step_time_ci_low", "step_time_ci_high", "step_time_p")
    assert [two[name] for name in cells] == pytest.approx([found.value, found.low, found.high, found.p])
    assert (two["step_time_verdict"], two["step_time_hint"]) == (str(found.verdict), found.hint)
    assert two["step_time_flags"] == "busy; hot"
    assert one["machine"] == two["machine"] == machine
    assert two["training_cost_ratio"] == pytest.approx(two["step_time_ratio"])
    assert (one["pareto"], two["pareto"]) != ("", "")
    margins = Margins(alpha=0.2, time=0.9)
    found = judge_relative(times[WIDE], times[DROPOUT], comparisons=1, margins=margins)
    two = pair(results, WIDE.name, DROPOUT.name, margins).iloc[1]
    assert [two[name] for name in cells] == pytest.approx([found.value, found.low, found.high, found.p])
    assert two["step_time_verdict"] == two["training_cost_verdict"] == "same"


def test_what_was_timed_side_by_side_is_judged_as_in_its_suite(results):
    row = pair(results, "baseline").iloc[1]
    own = next(one for one in results.step_times.values() if one.variant == WIDE)
    assert row["step_time_ratio"] == pytest.approx(2.5, rel=0.01)
    assert row["predict_time_ms"] == own.predict_one_ms
    assert row["step_time_verdict"] == "worse"


def test_two_that_were_judged_at_looks_are_compared_at_the_last_that_both_have_and_wait_for_none(results):
    (suite,), record = results.suites, next(iter(results.records.values()))
    conditions = Conditions.of(record.trial)
    plan = PlannedSuite(suite, conditions, (3, 5, 30), dict.fromkeys(suite.members, ""))
    grown = {BASELINE: 0.0, DROPOUT: 0.0, WIDE: 0.02}
    records = {}
    for key, one in results.records.items():
        noise = np.random.default_rng([one.trial.seed, len(one.trial.variant.name)]).normal(0, 0.01, 5)
        curve = 0.5 + grown[one.trial.variant] + np.arange(1, 6) / 25 + noise
        records[key] = dataclasses.replace(one, history=(), val_accuracies=tuple(curve.tolist()))
    results = dataclasses.replace(results, records=records)
    row = pair(dataclasses.replace(results, plans=(plan,)), margins=Margins(alpha=1e-9)).iloc[1]
    said = "not settled by the 5 seeds at which both were judged"
    assert (row["seeds"], row["accuracy_hint"], row["status"]) == (5, said, "ok")
    # Training is judged at the share of alpha of the same look.
    fixed = pair(results, margins=Margins(alpha=1e-9)).iloc[1]
    assert row["time_to_baseline_p"] == pytest.approx(min(1, fixed["time_to_baseline_p"] / alpha_share(5, (3, 5, 30))))


def test_a_name_is_that_of_the_suite_that_is_meant(results):
    other = Suite("other", {"half": WIDE}, baseline=DROPOUT)
    named = Suite("dropout", {"half": DROPOUT, "wide": WIDE})
    both = dataclasses.replace(results, suites=(named, other))
    for suite, meant in (("dropout", [BASELINE.name, DROPOUT.name]), ("other", [DROPOUT.name, WIDE.name])):
        assert list(pair(both, "baseline", "half", suite=suite)["full_name"]) == meant


def test_without_a_common_baseline_or_machine_there_is_no_step_time(results):
    for changes in ({"step_times": {}}, {"step_times": _only(results, WIDE)}, {"provenances": _elsewhere(results)}):
        frame = pair(dataclasses.replace(results, **changes))
        assert frame["step_time_ratio"].iloc[0] == 1.0
        assert math.isnan(frame["step_time_ratio"].iloc[1]), changes.keys()
        assert list(frame["pareto"]) == ["", ""]


def _only(results, variant):
    return {key: one for key, one in results.step_times.items() if one.variant == variant}


def _elsewhere(results):
    """Return what ran where, WIDE's step times on a machine of their own."""
    elsewhere = {key: dataclasses.replace(results.provenances[key], host="other") for key in _only(results, WIDE)}
    return results.provenances | elsewhere


def test_margins_and_chosen_conditions_are_those_that_are_given(tmp_path):
    make_results(tmp_path, Made(seeds=(1,), budget=BUDGETS["smoke"]))
    results = load_results(make_results(tmp_path, Made(EQUAL)))
    notes = []
    row = pair(results, note=notes.append, margins=Margins(accuracy=0.9, time=0.9)).iloc[1]
    assert (row["budget"], row["accuracy_verdict"]) == ("quick", "same")
    assert notes == ["smoke results are left out, since there are others: --budget smoke shows them"]
    frame = pair(results, wanted=Wanted(budget="smoke"), note=notes.append)
    assert (set(frame["budget"]), len(notes)) == ({"smoke"}, 1)


def test_what_is_no_pair_is_refused(results, tmp_path):
    with pytest.raises(InputError) as caught:
        pair(results, "baseline", "baseline")
    assert str(caught.value) == '--variants: "baseline" and "baseline" are one variant: name two different ones'
    make_results(tmp_path, Made({BASELINE: 0.8, DROPOUT: 0.9}, step_ms={}))
    apart = make_results(tmp_path, Made({BASELINE: 0.8, WIDE: 0.9}, step_ms={}, fingerprint="e" * 16, name="other"))
    with pytest.raises(InputError) as caught:
        pair(load_results(apart))
    said = f'no dataset, budget and device has results of both "{DROPOUT.name}" and "{WIDE.name}"'
    assert str(caught.value) == said
