"""What a suite comes to: sorted out by verdicts alone, and the runs that would settle more are runs that there are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.comparison.outcome import CHOICES, baseline_trouble, sorted_out
from harness.comparison.pairs import SAME_PREDICTIONS, SAME_TRIAL
from harness.tables.outcome_words import outcome_words

WORDS = ("better", "worse", "same", "unresolved")


NAN = float("nan")


ACCURACIES = {"better": (0.01, 0.03), "worse": (-0.03, -0.01), "same": (-0.001, 0.001), "unresolved": (-0.03, 0.01)}


TIMES = {"better": (0.5, 0.6), "worse": (1.2, 1.4), "same": (0.99, 1.01), "unresolved": (0.9, 1.1)}


def row(variant, accuracy, time, *, leans=("", ""), **more):
    """Return a row with the verdicts' own intervals."""
    low, high = ACCURACIES.get(accuracy, (NAN, NAN))
    fast, slow = TIMES.get(time, (NAN, NAN))
    cells = {
        "suite": "size",
        "variant": variant,
        "baseline": "baseline",
        "dataset": "digits",
        "budget": "quick",
        "device": "cpu",
        "backend": "tensorflow",
        "fingerprint": "f",
        "versions": "keras-3",
        "threads": 1,
        "recipe": 1,
        "seeds": 5,
        "looks": "5",
        "status": "ok",
        "message": "",
        "pareto": "perhaps",
    }
    for quantity, verdict, ends, lean in (
        ("accuracy", accuracy, (low, high), leans[0]),
        ("step_time", time, (fast, slow), leans[1]),
    ):
        size = "accuracy_delta" if quantity == "accuracy" else "step_time_ratio"
        cells |= {
            size: sum(ends) / 2,
            f"{quantity}_ci_low": ends[0],
            f"{quantity}_ci_high": ends[1],
            f"{quantity}_verdict": verdict,
            f"{quantity}_hint": "",
            f"{quantity}_leans": lean,
            f"{quantity}_settled_by": "",
        }
    return cells | more


def baseline():
    return row("baseline", "", "") | {"accuracy_delta": 0.0, "step_time_ratio": 1.0}


def choice_of(one):
    found = sorted_out([baseline(), one]).choices
    assert sum(map(len, found.values())) == 1
    return next(choice for choice in CHOICES if found[choice])


EXPECTED = {
    ("better", "better"): "take",
    ("better", "same"): "take",
    ("same", "better"): "take",
    ("better", "worse"): "trade",
    ("worse", "better"): "trade",
    ("better", "unresolved"): "trade",
    ("unresolved", "better"): "trade",
    ("same", "same"): "same",
    ("same", "worse"): "beaten",
    ("worse", "same"): "beaten",
    ("worse", "worse"): "beaten",
}


@pytest.mark.parametrize("pair", EXPECTED, ids="-".join)
def test_two_settled_words_decide(pair):
    assert choice_of(row("a", *pair)) == EXPECTED[pair]


@given(st.sampled_from(WORDS), st.sampled_from(WORDS))
def test_every_pair_of_words_has_one_place(accuracy, time):
    assert choice_of(row("a", accuracy, time)) in CHOICES


def test_what_is_open_is_losing_unless_it_leans_to_better():
    assert choice_of(row("a", "unresolved", "worse", leans=("better", ""))) == "open"
    for leans in ("worse", "same"):
        assert choice_of(row("a", "unresolved", "worse", leans=(leans, ""))) == "losing"
    assert choice_of(row("a", "worse", "unresolved", leans=("", "better"))) == "open"
    assert choice_of(row("a", "worse", "unresolved", leans=("", "worse"))) == "losing"


def test_of_what_nothing_is_known_is_open_and_what_leans_nowhere_is_losing():
    unknown = {f"{name}_ci_{end}": NAN for name in ("accuracy", "step_time") for end in ("low", "high")}
    for pair in (("unresolved", "same"), ("same", "unresolved"), ("unresolved", "unresolved")):
        assert choice_of(row("a", *pair)) == "losing"
        assert choice_of(row("a", *pair, **unknown)) == "open"
    # An equal prediction is known, whatever its interval.
    equal = {"accuracy_hint": SAME_PREDICTIONS, "accuracy_ci_low": NAN, "accuracy_ci_high": NAN}
    assert choice_of(row("a", "unresolved", "unresolved", **equal)) == "losing"


def test_without_step_times_what_is_open_is_losing_where_it_leans_to_nothing_better():
    untimed = {"step_time_ratio": NAN}
    for lean, choice in (("better", "open"), ("", "open"), ("worse", "losing"), ("same", "losing")):
        assert choice_of(row("a", "unresolved", "", leans=(lean, ""), **untimed)) == choice
    assert choice_of(row("a", "unresolved", "", **untimed, accuracy_hint=SAME_TRIAL)) == "nothing"
    # One variant that was timed, and all are asked for their step: of this one it is unknown.
    both = [baseline(), row("a", "better", "", **untimed), row("b", "same", "same")]
    found = sorted_out(both).choices
    assert [one["variant"] for one in found["trade"]] == ["a"]


def test_the_more_accurate_come_first_then_the_faster_then_what_leans_to_better_accuracy():
    def of(name, accuracy, time, delta, ratio, **more):
        return row(name, accuracy, time, **more) | {"accuracy_delta": delta, "step_time_ratio": ratio}

    taken = [
        of("fast-and-slightly-worse", "same", "better", -0.002, 0.5),
        of("fast", "same", "better", 0.001, 0.7),
        of("faster", "same", "better", 0.001, 0.5),
        of("good", "better", "same", 0.02, 1.01),
        of("good-and-fast", "better", "same", 0.02, 0.99),
        of("best", "better", "same", 0.03, 1.015),
    ]
    order = ["best", "good-and-fast", "good", "faster", "fast", "fast-and-slightly-worse"]
    assert [one["variant"] for one in sorted_out([baseline(), *taken]).choices["take"]] == order
    waiting = [
        of("worse", "worse", "unresolved", 0.9, 0.9, leans=("", "better")),
        of("less", "unresolved", "unresolved", -0.01, 0.9, leans=("", "better")),
        of("slower", "unresolved", "unresolved", 0.01, 1.1, leans=("", "better")),
        of("more", "unresolved", "unresolved", 0.01, 0.9, leans=("", "better")),
        of("unmeasured", "unresolved", "unresolved", NAN, 0.1, leans=("", "better")),
        of("leaning", "unresolved", "unresolved", -0.5, 2.0, leans=("better", "")),
    ]
    order = ["leaning", "more", "slower", "less", "unmeasured", "worse"]
    assert [one["variant"] for one in sorted_out([baseline(), *waiting]).choices["open"]] == order


def test_a_suite_says_whether_anything_was_timed_or_judged_and_what_its_baseline_lacks():
    unknown = {f"{name}_ci_{end}": NAN for name in ("accuracy", "step_time") for end in ("low", "high")}
    found = sorted_out([baseline(), row("a", "unresolved", "", **unknown, step_time_ratio=NAN)])
    assert (found.timed, found.judged, found.is_smoke) == (False, False, False)
    for name in ("accuracy", "step_time"):
        found = sorted_out([baseline(), row("a", "unresolved", "", **unknown | {f"{name}_ci_low": 0.9})])
        assert (found.timed, found.judged) == (False, True)
    assert sorted_out([baseline() | {"budget": "smoke+epochs:3"}, row("a", "same", "same")]).is_smoke

    def trouble(status, message):
        return baseline_trouble([row("a", "same", "same"), baseline() | {"status": status, "message": message}])

    assert trouble("ok", "x") == trouble("partial", "x") == ""
    assert trouble("failed", "no memory") == "the baseline failed: no memory"
    assert trouble("diverged", "diverged in 2 of 5 seeds") == "the baseline diverged in 2 of 5 seeds"
    without = [row("a", "same", "same")]
    assert baseline_trouble(without) == "the baseline has no trial"
    assert [one["variant"] for one in sorted_out(without).choices["nothing"]] == ["a"]


def test_what_another_variant_surely_beats_is_beaten_whatever_its_words():
    assert choice_of(row("a", "unresolved", "better", pareto="no")) == "beaten"


@pytest.mark.parametrize("hint", [SAME_TRIAL, SAME_PREDICTIONS])
def test_of_equal_predictions_the_step_time_decides(hint):
    equal = {"accuracy_hint": hint, "accuracy_delta": 0.0, "accuracy_ci_low": NAN, "accuracy_ci_high": NAN}
    for time, choice in (("better", "take"), ("worse", "beaten"), ("same", "same"), ("unresolved", "losing")):
        assert choice_of(row("a", "unresolved", time) | equal) == choice
    assert choice_of(row("a", "unresolved", "unresolved", leans=("", "better")) | equal) == "open"
    assert choice_of(row("a", "unresolved", "") | equal | {"step_time_ratio": NAN}) == "nothing"


@pytest.mark.parametrize("status", ["failed", "diverged"])
def test_without_a_baseline_there_is_no_choice(status):
    rows = [baseline() | {"status": status, "message": "no memory"}, row("a", "unresolved", "better")]
    found = sorted_out(rows)
    assert [one["variant"] for one in found.choices["nothing"]] == ["a"]
    (text,) = outcome_words([found]).suites
    assert text.headline == f"no choice: the baseline {status}: no memory"
    assert {line.label for line in text.lines} == {"nothing"}


def test_without_step_times_accuracy_alone_decides():
    untimed = {"step_time_ratio": NAN, "pareto": "perhaps"}
    for word, choice in (("better", "take"), ("worse", "beaten"), ("same", "same")):
        assert choice_of(row("a", word, "", **untimed)) == choice


def test_what_has_some_of_its_seeds_is_judged_by_them():
    assert choice_of(row("a", "better", "same", status="partial")) == "take"


@pytest.mark.parametrize("status", ["failed", "diverged"])
def test_what_has_no_result_is_nothing(status):
    assert choice_of(row("a", "unresolved", "better", status=status)) == "nothing"
