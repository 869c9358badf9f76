"""What a suite's rows take from plans, searches and test images, which records they show, and the Pareto front."""

import dataclasses
import math

import numpy as np
import pytest
from made_results import BASELINE, DROPOUT, WIDE, Made, make_results

from harness import compare
from harness.comparison import Judge, Margins, compare_all, group_records
from harness.comparison.standing import Standing
from harness.comparison.suite_rows import add_pareto, as_judged, compare_groups
from harness.comparison.training_cost import NOT_TIMED
from harness.errors import InputError
from harness.results import load_results
from harness.results.conditions import Conditions
from harness.results.contents import Selection
from harness.results.planned import PlannedSuite
from harness.suites import Suite

SUITE = Suite("dropout", (DROPOUT, WIDE))
CHOICES = [BASELINE, DROPOUT, WIDE]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    made = Made({BASELINE: 0.80, DROPOUT: 0.90, WIDE: 0.82}, {BASELINE: 8.0, DROPOUT: 8.0, WIDE: 12.0})
    return load_results(make_results(tmp_path_factory.mktemp("results"), made))


def planned(results, *looks, suite=SUITE):
    conditions = Conditions.of(next(iter(results.records.values())).trial)
    return tuple(PlannedSuite(suite, conditions, one, dict.fromkeys(suite.members, "")) for one in looks)


def rows(results, margins=Margins(), **changes):  # noqa: B008
    (found,) = compare_all(dataclasses.replace(results, **changes), margins)
    return {row["full_name"]: row for row in found.rows}


def test_only_results_are_compared_and_the_call_that_gives_them_is_named():
    with pytest.raises(InputError, match=r"results is 'results': give what load_results\('results'\) returns"):
        compare("results")


def test_margins_and_alpha_are_those_that_are_given_else_the_usual_ones(results):
    def words(**given):
        frame = compare(results, **given).set_index("full_name")
        return frame.loc[DROPOUT.name, "accuracy_verdict"], frame.loc[WIDE.name, "step_time_verdict"]

    assert words() == words(alpha=0.05, margin_accuracy=0.005, margin_time=0.02) == ("better", "worse")
    assert words(margin_accuracy=0.3) == ("same", "worse")
    assert words(margin_time=0.7) == ("better", "same")
    strict, usual = compare(results, alpha=0.001), compare(results)
    assert (strict["accuracy_ci_low"] < usual["accuracy_ci_low"])[1:].all()
    assert usual["accuracy_ci_low"].iloc[1] == rows(results)[DROPOUT.name]["accuracy_ci_low"]


def test_the_winner_of_a_search_has_its_note_unless_it_is_the_baseline(results):
    def noted(winner):
        chosen = {"dropout": Selection(winner, "chosen of 9"), "other": Selection(DROPOUT, "not of this suite")}
        return [row["search"] for row in rows(results, selections=chosen).values()]

    assert noted(WIDE) == ["", "", "chosen of 9"]
    assert noted(BASELINE) == ["", "", ""]
    assert [row["search"] for row in rows(results).values()] == ["", "", ""]


def test_near_duplicates_among_the_test_images_are_told_in_each_row(results):
    groups = np.arange(300)
    groups[7] = 2
    sets = {place: dataclasses.replace(one, groups=groups) for place, one in results.test_sets.items()}
    told = {row["near_duplicates"] for row in rows(results, test_sets=sets).values()}
    assert told == {"2 of 300 test images are near-duplicates: counted as 1"}
    assert {row["near_duplicates"] for row in rows(results).values()} == {""}


def test_rows_end_at_their_looks_the_baseline_at_the_furthest_and_earlier_looks_are_told(results):
    found = rows(results, plans=planned(results, (5,), (3, 5)))
    assert [row["seeds"] for row in found.values()] == [5, 3, 5]
    assert found[DROPOUT.name]["accuracy_hint"] == "settled at 3 seeds"
    said = "judged before by other looks (5 seeds; now auto up to 5 seeds)"
    assert [row["judged_before"].startswith(said) for row in found.values()] == [False, True, True]
    assert found[BASELINE.name]["judged_before"] == ""
    assert (
        "in 20% of suites"
        in rows(results, Margins(alpha=0.1), plans=planned(results, (5,), (3, 5)))[WIDE.name]["judged_before"]
    )
    assert {row["judged_before"] for row in rows(results, plans=planned(results, (5,))).values()} == {""}


def test_a_level_is_shared_among_the_suites_declared_variants_and_the_baseline_claims_nothing(results):
    three = Suite("dropout", (DROPOUT, WIDE, BASELINE.replace(l2=0.5)))
    found = rows(results, plans=planned(results, (5,), suite=three))
    alone = rows(results)
    assert found[DROPOUT.name]["accuracy_p"] == pytest.approx(1.5 * alone[DROPOUT.name]["accuracy_p"])
    assert found[WIDE.name]["step_time_p"] == pytest.approx(1.5 * alone[WIDE.name]["step_time_p"])
    own = found[BASELINE.name]
    assert (own["accuracy_delta"], own["step_time_ratio"], own["accuracy_verdict"], own["step_time_hint"]) == (
        0,
        1,
        "",
        "",
    )
    assert math.isnan(own["accuracy_ci_low"])
    assert math.isnan(own["step_time_ci_low"])


def test_a_suite_without_results_of_its_baseline_has_rows_that_claim_nothing(results):
    left = {key: one for key, one in results.records.items() if one.trial.variant != BASELINE}
    found = rows(results, records=left)
    assert list(found) == [DROPOUT.name, WIDE.name]
    assert {row["accuracy_hint"] for row in found.values()} == {"no seed that both have"}


def test_rows_of_which_no_run_goes_on_do_not_wait_for_one(results):
    (group,) = group_records(dataclasses.replace(results, plans=planned(results, (3, 5, 30))))
    hints = []
    for goes_on in (True, False):
        margins = Judge(Margins(alpha=1e-9))
        (found,) = compare_groups([dataclasses.replace(group, goes_on=goes_on)], results, margins)
        hints.append(found.rows[2]["accuracy_hint"])
    assert hints[0].startswith(("open at 5", "stopped at 5"))
    assert hints[1] == "not settled by the 5 seeds at which both were judged"


def test_what_training_costs_follows_the_timed_step(results):
    found = rows(results)
    assert (
        found[WIDE.name]["training_cost_ratio"] == found[WIDE.name]["step_time_ratio"] == pytest.approx(1.5, rel=0.01)
    )
    assert found[BASELINE.name]["training_cost_ratio"] == 1
    untimed = rows(results, step_times={})
    assert math.isnan(untimed[WIDE.name]["training_cost_ratio"])
    assert untimed[WIDE.name]["training_cost_hint"] == untimed[WIDE.name]["time_to_baseline_hint"] == NOT_TIMED


def judged_seeds(results, looks, standings):
    (group,) = group_records(results)
    found = as_judged(dataclasses.replace(group, looks=dict(zip(CHOICES, looks, strict=True))), standings)
    return [len(found.records[variant]) for variant in CHOICES]


def test_records_are_those_up_to_the_look_where_a_row_stands(results):
    auto = ((2, 4, 5),) * 3
    ended = Standing(2, False), Standing(4, False)
    assert judged_seeds(results, auto, dict(zip(CHOICES[1:], ended, strict=True))) == [4, 2, 4]
    # Before its first look a row shows what there is; a baseline of a fixed number of seeds has all of them.
    assert judged_seeds(results, auto, dict.fromkeys(CHOICES[1:], Standing(0, True))) == [5, 5, 5]
    assert judged_seeds(results, ((5,), (3,), (4,)), dict.fromkeys(CHOICES[1:], Standing(0, False))) == [5, 3, 4]
    (group,) = group_records(results)
    alone = dataclasses.replace(group, records={BASELINE: group.records[BASELINE]})
    for looks, count in (((3,), 3), ((2, 4), 4)):
        assert len(as_judged(dataclasses.replace(alone, looks={BASELINE: looks}), {}).records[BASELINE]) == count
    assert as_judged(dataclasses.replace(alone, looks={}), {}).records[BASELINE] == {}


def row_of(variant, accuracy, time, *, status="ok", base="b"):
    """A row whose differences have intervals of one point and one percent to either side."""
    row = {"variant": variant, "baseline": base, "status": status, "accuracy": 0.8 + accuracy, "step_time_ratio": time}
    ends = {"low": -0.01, "high": 0.01}
    row |= {f"accuracy_ci_{end}": accuracy + by if variant != base else math.nan for end, by in ends.items()}
    row |= {f"step_time_ci_{end}": time + by if variant != base else math.nan for end, by in ends.items()}
    return row | {"accuracy_delta": accuracy}


def front(*found):
    made = [row_of(*one) if isinstance(one, tuple) else one for one in found]
    add_pareto(made)
    return [row["pareto"] for row in made]


def test_a_suites_rows_say_who_is_on_the_front(results):
    assert [row["pareto"] for row in rows(results).values()] == ["perhaps", "yes", "no"]
    assert [row["pareto"] for row in rows(results, step_times={}).values()] == ["", "", ""]


def test_the_front_is_of_rows_with_a_result_and_a_step_time():
    base = ("b", 0.0, 1.0)
    assert front(base, ("worse", -0.1, 1.2), ("dear", 0.1, 1.5), ("best", 0.2, 0.5)) == ["no", "no", "no", "yes"]
    assert front(base, ("worse", -0.1, 1.2), ("dear", 0.1, 1.5)) == ["yes", "no", "yes"]
    # Next to the baseline nothing is sure.
    assert front(base, ("near", 0.005, 0.995)) == ["perhaps", "perhaps"]
    without = row_of("untimed", 0.5, math.nan)
    assert front(base, ("dear", 0.1, 1.5), without) == ["yes", "yes", ""]
    for status in ("failed", "diverged"):
        assert front(base, ("dear", 0.1, 1.5), row_of("lost", 0.5, 0.1, status=status)) == ["yes", "yes", "no"]
    assert front(base, ("dear", 0.1, 1.5), row_of("some", 0.5, 0.1, status="partial")) == ["no", "no", "yes"]
    assert front(base, ("dear", 0.1, 1.5), row_of("nan", math.nan, 0.1)) == ["yes", "yes", "no"]
    assert front(base, without, row_of("lost", 0.5, 0.1, status="failed")) == ["", "", "no"]
