"""The run that would settle what an outcome leaves open, as a command."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from made_results import DROPOUT, Made, make_results

from harness.budgets import BUDGETS
from harness.comparison import Margins, compare_all
from harness.comparison.outcome import outcomes_of
from harness.datasets.dataset import Origin
from harness.results import load_results
from harness.results.opening import open_store
from harness.results.planned import PlannedSuite
from harness.suites import Suite
from harness.tables import Screen, render_suite
from harness.tables.outcome_words import outcome_words, trade_text
from harness.tables.suite_rows import SuiteRows
from harness.variants import BASELINE


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_results(tmp_path_factory.mktemp("outcome"), Made())


def outcome_of(folder, **changes):
    """Return the outcome of a folder whose first variant's row has other cells."""
    results = load_results(folder)
    comparison, *_ = compare_all(results, Margins())
    first, second, *rest = comparison.rows
    return outcomes_of([replace(comparison, rows=[first, {**second, **changes}, *rest])], results)[0]


OPEN = {
    "accuracy_verdict": "unresolved",
    "accuracy_leans": "better",
    "accuracy_settled_by": "add --seeds auto",
    "pareto": "perhaps",
}


def test_a_run_that_would_settle_more_is_a_command_that_there_is(folder):
    (seeds,) = outcome_of(folder, **OPEN).remedies
    assert (seeds.quantity, seeds.variants) == ("accuracy", (DROPOUT.name,))
    assert shlex.join(seeds.words).startswith("pytest suites --benchmark --dataset digits --budget quick --seeds auto")
    assert seeds.words[-2:] == ("--results", str(folder))
    (more,) = outcome_of(folder, **OPEN | {"accuracy_settled_by": "add --seeds auto --max-seeds 50"}).remedies
    assert "--seeds auto --max-seeds 50" in shlex.join(more.words)


def test_each_open_row_goes_on_by_its_own_looks(folder):
    results = load_results(folder)
    comparison, *_ = compare_all(results, Margins())
    asked = "add --seeds auto --max-seeds 20", "add --seeds auto"
    first, *variants = comparison.rows
    rows = [
        first,
        *(
            {**one, **OPEN, "accuracy_hint": "", "accuracy_settled_by": how}
            for one, how in zip(variants, asked, strict=True)
        ),
    ]
    remedies = outcomes_of([replace(comparison, rows=rows)], results)[0].remedies
    found = {one.variants: shlex.join(one.words) for one in remedies}
    assert found.keys() == {(one["variant"],) for one in variants}
    few, usual = (found[(one["variant"],)] for one in variants)
    assert "--seeds auto --max-seeds 20" in few
    assert "--max-seeds" not in usual


def test_a_suite_is_found_again_where_it_was_declared(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("bench").mkdir()
    Path("bench/suite_size.py").touch()
    results = load_results(folder)
    group = compare_all(results, Margins())[0].group
    suite = group.suite.found_in("bench/suite_size.py")
    plan = PlannedSuite(suite, group.conditions, (3,), dict.fromkeys(suite.members, ""))
    results = replace(results, plans=(PlannedSuite.from_json(suite.name, plan.to_json()),))
    comparison, *_ = compare_all(results, Margins())
    first, second, *rest = comparison.rows
    found = outcomes_of([replace(comparison, rows=[first, second | OPEN, *rest])], results)[0]
    assert found.remedies[0].words[:3] == ("pytest", "bench/suite_size.py", "--benchmark")


@pytest.mark.parametrize("slow", [True, False, None])
def test_slow_suites_and_those_not_known_to_be_fast_are_asked_for_with_slow(folder, slow):
    results = load_results(folder)
    comparison, *_ = compare_all(results, Margins())
    own = comparison.group.suite
    suite = Suite(own.name, own.variants, own.baseline, slow)
    plan = PlannedSuite(suite, comparison.group.conditions, (5,), {})
    assert PlannedSuite.from_json(suite.name, plan.to_json()).suite == suite
    rows = [comparison.rows[0], {**comparison.rows[1], **OPEN}]
    group = replace(comparison.group, suite=suite)
    (seeds,) = outcomes_of([replace(comparison, group=group, rows=rows)], results)[0].remedies
    assert ("--slow" in seeds.words) == (slow is not False)


def test_nothing_is_offered_for_what_more_seeds_would_settle_as_worse(folder):
    outcome = outcome_of(folder, **OPEN | {"accuracy_leans": "worse", "step_time_verdict": "worse"})
    assert [row["variant"] for row in outcome.choices["losing"]] == [DROPOUT.name]
    assert outcome.remedies == ()


def test_longer_timing_keeps_epochs_and_seeds_so_that_nothing_is_trained_anew(folder):
    changes = {"step_time_settled_by": "add --budget full", "step_time_verdict": "unresolved"}
    (times,) = outcome_of(folder, **changes).remedies
    assert times.quantity == "step time"
    assert f"--budget full --epochs {BUDGETS['quick'].epochs} --seeds 5" in shlex.join(times.words)
    (anew,) = outcome_of(folder, **changes | {"step_time_settled_by": "add --retime"}).remedies
    assert "--retime" in anew.words
    assert "quick" in anew.words


def test_a_smoke_budget_offers_nothing(tmp_path):
    made = Made(seeds=(1,), budget=BUDGETS["smoke"])
    outcome = outcome_of(make_results(tmp_path, made), **OPEN)
    assert outcome.is_smoke
    assert not outcome.remedies


@pytest.mark.parametrize(("name", "selected"), [("dropout", "[dropout:0.5]"), ("search:find", "[search:find]")])
def test_what_times_a_suite_that_was_only_trained_is_a_run_of_that_suite_in_its_folder(tmp_path, name, selected):
    folder = make_results(tmp_path / "only", Made({BASELINE: 0.8, DROPOUT: 0.9}, step_ms={}, name=name))
    results = load_results(folder)
    (outcome,) = outcomes_of(compare_all(results, Margins()), results)
    words = outcome_words([outcome])
    assert [line.text for line in words.suites[0].lines if line.label == "price"] == [
        "no step times: the run that takes them is below"
    ]
    (line,) = words.settling
    assert line.names.startswith(f"step time of {DROPOUT.name}")
    assert line.text == (
        f"pytest suites --benchmark -k '{selected}' --dataset digits --budget quick --device cpu --slow "
        f"--results {folder}"
    )


def test_the_first_step_times_are_offered_for_what_may_be_chosen_alone(tmp_path):
    results = load_results(make_results(tmp_path, Made({BASELINE: 0.9, DROPOUT: 0.6}, step_ms={})))
    (beaten,) = outcomes_of(compare_all(results, Margins()), results)
    assert [row["variant"] for row in beaten.choices["beaten"]] == [DROPOUT.name]
    assert beaten.remedies == ()
    comparison, *_ = compare_all(results, Margins())
    rows = [comparison.rows[0], {**comparison.rows[1], **OPEN, "accuracy_leans": "worse"}]
    (losing,) = outcomes_of([replace(comparison, rows=rows)], results)
    assert [row["variant"] for row in losing.choices["losing"]] == [DROPOUT.name]
    assert losing.remedies == ()


def test_nothing_is_offered_for_images_that_their_folder_no_longer_holds(tmp_path):
    found = {}
    for fingerprint in ("f" * 16, "e" * 16):
        made = Made({BASELINE: 0.8, DROPOUT: 0.9}, step_ms={}, fingerprint=fingerprint)
        with open_store(make_results(tmp_path, made)) as store:
            store.add_dataset(fingerprint, Origin("/data/photos"))
        results = load_results(tmp_path)
        offered = [one for one in outcomes_of(compare_all(results, Margins()), results) if one.remedies]
        found[fingerprint] = [one.rows[0]["fingerprint"] for one in offered]
    assert found == {"f" * 16: ["f" * 16], "e" * 16: ["e" * 16]}
    with open_store(tmp_path) as store:  # as another size they are not other images
        store.add_dataset("d" * 16, Origin("/data/photos", image_size=64))
    results = load_results(tmp_path)
    assert sum(bool(one.remedies) for one in outcomes_of(compare_all(results, Margins()), results)) == 1


def test_no_note_proposes_a_run_for_what_the_outcome_calls_losing(folder):
    comparison, *_ = compare_all(load_results(folder), Margins())
    losing = {"accuracy_leans": "worse", "step_time_verdict": "unresolved", "step_time_leans": "worse"}
    losing |= {"accuracy_hint": "use --seeds auto: it goes on until this is settled"}
    losing |= {"step_time_hint": "only a quieter machine would settle it", "step_time_settled_by": "add --retime"}
    rows = [comparison.rows[0], {**comparison.rows[1], **OPEN, **losing}]
    notes = render_suite(SuiteRows(rows), screen=Screen(200))
    assert f"- {DROPOUT.name}: losing: hardly worth more runs" in notes
    assert "--seeds auto" not in notes
    assert "--retime" not in notes
    hoping = render_suite(SuiteRows([rows[0], rows[1] | {"accuracy_leans": "better"}]), screen=Screen(200))
    assert "use --seeds auto" in hoping
    assert "hardly worth" not in hoping


def test_what_is_losing_leans_nowhere_where_nothing_would_settle_it(folder):
    comparison, *_ = compare_all(load_results(folder), Margins())
    lost = {"step_time_verdict": "worse", "accuracy_leans": "worse", "accuracy_settled_by": ""}
    lost |= {"accuracy_hint": "not worth settling: it would take about 280 seeds"}
    row = {**comparison.rows[1], **OPEN, **lost}
    assert trade_text(row, why=False).endswith(", open")
    assert "leans to worse (not worth settling" in trade_text(row)
    assert trade_text(row | {"accuracy_settled_by": "add --seeds auto"}, why=False).endswith(", leans to worse")
