"""Two variants of one folder: what they are called, what is said of their steps, and what is no pair."""

import dataclasses
import math

import pytest
from made_results import BASELINE, DROPOUT, WIDE, Made, make_results

from harness import BUDGETS, InputError
from harness.comparison import Margins
from harness.comparison.pair_rows import compare_variants
from harness.comparison.times_across_runs import judge_relative
from harness.comparison.trained import trained_variants
from harness.comparison.wanted import Wanted
from harness.results import load_results

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


def test_what_was_timed_side_by_side_is_judged_as_in_its_suite(results):
    row = pair(results, "baseline").iloc[1]
    own = next(one for one in results.step_times.values() if one.variant == WIDE)
    assert row["step_time_ratio"] == pytest.approx(2.5, rel=0.01)
    assert row["predict_time_ms"] == own.predict_one_ms
    assert row["step_time_verdict"] == "worse"


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
