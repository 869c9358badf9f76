"""A suite's variants against each other: the house's own judgement, corrected for the number of pairs."""

import math
from dataclasses import replace

import pytest
from made_results import BASELINE, DROPOUT, WIDE, Made, make_results

from harness import load_results
from harness.comparison import Judge, Margins, compare_all
from harness.comparison.judge import Comparison
from harness.comparison.pair_rows import compare_variants
from harness.comparison.suite_pairs import MOST_PAIRS, Pair, pair_count, suite_pairs
from harness.comparison.verdicts import Verdict
from harness.suites import Suite

SMALL = BASELINE.replace(filters=(16, 32))
ACCURACIES = {BASELINE: 0.80, DROPOUT: 0.90, WIDE: 0.80}
STEPS_MS = {BASELINE: 8.0, DROPOUT: 8.0, WIDE: 20.0}


def pairs_of(folder, made):
    make_results(folder, made)
    results = load_results(folder)
    (found,) = compare_all(results, Margins())
    group = found.group
    return results, group, suite_pairs(group, results.test_set(group.conditions), Judge(Margins()))


def cells(found):
    return found.value, found.low, found.high, str(found.verdict)


def test_the_only_pair_of_a_suite_is_what_compare_says_of_two_variants(tmp_path):
    results, _, (pair,) = pairs_of(tmp_path, Made(ACCURACIES, STEPS_MS))
    row = compare_variants(results, DROPOUT.name, WIDE.name, Margins()).to_dict("records")[1]
    assert (pair.first, pair.second) == (DROPOUT, WIDE)
    columns = ("accuracy_delta", "accuracy_ci_low", "accuracy_ci_high", "accuracy_verdict")
    assert cells(pair.accuracy) == tuple(row[name] for name in columns)
    columns = ("step_time_ratio", "step_time_ci_low", "step_time_ci_high", "step_time_verdict")
    assert cells(pair.step_time) == tuple(row[name] for name in columns)
    assert (pair.accuracy.verdict, pair.step_time.verdict) == ("worse", "worse")


def test_of_three_variants_each_pair_is_corrected_for_three(tmp_path):
    more = {SMALL: 0.78}
    _, _, (only,) = pairs_of(tmp_path / "two", Made(ACCURACIES, STEPS_MS))
    _, group, found = pairs_of(tmp_path / "three", Made(ACCURACIES | more, STEPS_MS | {SMALL: 5.0}))
    assert pair_count(group) == len(found) == 3
    same = next(pair for pair in found if (pair.first, pair.second) == (DROPOUT, WIDE))
    assert same.accuracy.value == only.accuracy.value
    assert same.accuracy.high - same.accuracy.low > only.accuracy.high - only.accuracy.low


def test_a_pair_turned_is_the_other_way_round(tmp_path):
    _, _, (pair,) = pairs_of(tmp_path, Made(ACCURACIES, STEPS_MS))
    turned = pair.turned()
    assert (turned.first, turned.second) == (WIDE, DROPOUT)
    accuracy, time = pair.accuracy, pair.step_time
    assert cells(turned.accuracy) == (-accuracy.value, -accuracy.high, -accuracy.low, "better")
    assert cells(turned.step_time) == pytest.approx((1 / time.value, 1 / time.high, 1 / time.low, "better"))


def test_a_pair_turned_leans_the_other_way():
    open_ = Comparison(0.01, -0.01, 0.03, leans=Verdict.BETTER), Comparison(0.9, 0.8, 1.1, leans=Verdict.WORSE)
    turned = Pair(DROPOUT, WIDE, *open_).turned()
    assert (turned.accuracy.leans, turned.step_time.leans) == (Verdict.WORSE, Verdict.BETTER)
    same = Pair(DROPOUT, WIDE, *(replace(one, leans=Verdict.SAME, verdict=Verdict.SAME) for one in open_)).turned()
    assert {same.accuracy.leans, same.step_time.leans, same.accuracy.verdict, same.step_time.verdict} == {"same"}


def test_a_pairs_message_has_the_labels_of_its_own_suite(tmp_path):
    results, group, _ = pairs_of(tmp_path, Made(ACCURACIES, STEPS_MS, diverged=frozenset({(WIDE, 2)})))
    judge, test_set = Judge(Margins()), results.test_set(group.conditions)
    for label in ("wide", "broad"):
        suite = Suite("labelled", {"dropped": DROPOUT, label: WIDE})
        (pair,) = suite_pairs(replace(group, suite=suite), test_set, judge)
        assert pair.accuracy.hint.startswith(f"{label}: diverged")


def test_a_diverged_or_untimed_variant_is_not_claimed_to_differ(tmp_path):
    made = Made(ACCURACIES, {BASELINE: 8.0, WIDE: 20.0}, diverged=frozenset({(WIDE, 2)}))
    _, _, (pair,) = pairs_of(tmp_path, made)
    assert math.isnan(pair.accuracy.low)
    assert WIDE.name in pair.accuracy.hint
    assert "diverged in 1 of 5 seeds" in pair.accuracy.hint
    assert (pair.accuracy.verdict, pair.step_time.verdict) == ("unresolved", "unresolved")
    assert pair.step_time.hint == "not measured"


def test_of_a_suite_with_too_many_pairs_none_is_judged(tmp_path):
    many = {BASELINE.replace(dropout=rate / 100): 0.8 for rate in range(1, 23)}
    _, group, found = pairs_of(tmp_path, Made({BASELINE: 0.8} | many, {}, seeds=(1,)))
    assert pair_count(group) == 231 > MOST_PAIRS
    assert found == []


def test_pairs_come_in_squares_of_four_each_once(tmp_path):
    variants = [BASELINE.replace(dropout=rate / 10) for rate in range(1, 7)]
    _, _, found = pairs_of(tmp_path, Made(dict.fromkeys([BASELINE, *variants], 0.8), {}, seeds=(1,)))
    places = [(variants.index(pair.first), variants.index(pair.second)) for pair in found]
    inner = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    assert places == [*inner, *((one, two) for one in range(4) for two in (4, 5)), (4, 5)]


def test_a_pair_is_judged_where_both_of_its_variants_stood(tmp_path):
    results, group, _ = pairs_of(tmp_path, Made(ACCURACIES, STEPS_MS))
    test_set = results.test_set(group.conditions)
    looks = {BASELINE: (5,), DROPOUT: (3, 4, 5), WIDE: (4,)}
    (pair,) = suite_pairs(replace(group, looks=looks), test_set, Judge(Margins()))
    arms = group.records[DROPOUT], group.records[WIDE]
    terms = {"comparisons": 1, "looks": (3, 4), "goes_on": False, "names": (DROPOUT.name, WIDE.name)}
    assert pair.accuracy == Judge(Margins()).accuracies(*arms, test_set, **terms).accuracy
    open_ = suite_pairs(replace(group, looks=looks), test_set, Judge(Margins(alpha=1e-9)))[0].accuracy
    assert open_.hint == "not settled by the 4 seeds at which both were judged"


def test_a_ratio_without_an_end_has_none_the_other_way_round():
    endless = Comparison(2.0, 0.0, math.inf, 0.3, hint="why", settled_by="--retime")
    pair = Pair(DROPOUT, WIDE, endless, endless).turned()
    assert (pair.accuracy.verdict, pair.accuracy.hint) == ("unresolved", "why")
    turned = pair.step_time
    assert (turned.value, turned.low, turned.high) == (0.5, 0.0, math.inf)
    assert (turned.p, turned.verdict, turned.hint, turned.settled_by) == (0.3, "unresolved", "why", "--retime")
    assert turned.leans is None


def test_pairs_of_a_suite_without_results_of_its_baseline_are_all_of_its_variants(tmp_path):
    _, group, _ = pairs_of(tmp_path, Made(ACCURACIES | {SMALL: 0.8}, STEPS_MS | {SMALL: 8.0}))
    less = replace(group, records={one: seeds for one, seeds in group.records.items() if one != BASELINE})
    assert (pair_count(group), pair_count(less)) == (3, 3)
