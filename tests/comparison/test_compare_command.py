"""`harness compare`: what it prints, refuses, and ends with."""

import dataclasses

import pytest
from made_results import DROPOUT, WIDE, Made, make_results

from harness.budgets import BUDGETS
from harness.cli import run
from harness.comparison import Margins
from harness.comparison.folder_rows import compare_folders
from harness.comparison.pair_rows import compare_variants
from harness.comparison.wanted import Wanted
from harness.errors import InputError
from harness.results import load_results
from harness.variants import BASELINE

MADE = Made()


def test_a_comparison_says_which_conditions_it_is_of_and_which_it_left_out(tmp_path):
    for name in ("old", "new"):
        make_results(tmp_path / name, Made(seeds=(1,), budget=BUDGETS["smoke"]))
        make_results(tmp_path / name, MADE)
    make_results(tmp_path / "old", dataclasses.replace(MADE, budget=BUDGETS["quick"].override(epochs=9)))
    old, new = (load_results(tmp_path / name) for name in ("old", "new"))
    notes = []
    found = compare_folders(old, new, Margins(), note=notes.append)
    assert notes == ["smoke results are left out, since there are others: --budget smoke shows them"]
    assert (found.titles, found.sizes) == (("digits, quick, cpu",), (3,))
    assert found.unmatched == ("only in old: digits, quick+epochs:9, cpu, 3 variants",)
    chosen = compare_folders(old, new, Margins(), Wanted(budget="smoke"), names={DROPOUT: "half"}, note=notes.append)
    assert (chosen.titles, len(notes)) == (("digits, smoke, cpu",), 1)
    assert list(chosen.frame["variant"]) == ["baseline", "half", WIDE.name]
    with pytest.raises(InputError, match="--budget is"):
        compare_folders(old, new, Margins(), Wanted(budget="long"))
    other = load_results(make_results(tmp_path / "other", dataclasses.replace(MADE, budget=BUDGETS["full"])))
    nothing = compare_folders(new, other, Margins(), note=notes.append)
    assert (len(nothing.frame), len(nothing.unmatched), len(notes)) == (0, 3, 1)


def test_two_variants_of_one_folder_are_judged_though_no_suite_pairs_them(tmp_path):
    results = load_results(make_results(tmp_path, MADE))
    frame = compare_variants(results, WIDE.name, DROPOUT.name, Margins())
    row = frame.iloc[1]
    assert (row["baseline"], row["variant"]) == (WIDE.name, DROPOUT.name)
    assert row["accuracy_verdict"] == "better"
    assert row["step_time_ratio"] == pytest.approx(0.4, abs=0.01)
    assert row["step_time_ci_low"] < 0.4 < row["step_time_ci_high"]
    assert row["step_time_verdict"] == "better"
    assert row["pareto"] == "yes"


def test_the_command_ends_with_1_where_a_gate_fails_and_prints_the_row(tmp_path, capsys):
    new = dataclasses.replace(MADE, accuracies={BASELINE: 0.80, DROPOUT: 0.70, WIDE: 0.80})
    old, folder = make_results(tmp_path / "old", MADE), make_results(tmp_path / "new", new)
    arguments = ["compare", str(old), str(folder), "--fail-if", "accuracy_verdict == 'worse'"]
    assert run(arguments) == 1
    printed = capsys.readouterr()
    assert "dropout:0.5 (digits, quick): accuracy_verdict == 'worse': accuracy_verdict worse" in printed.err
    assert "worse" in printed.out
    assert run(["compare", str(old), str(folder), "--fail-if", "accuracy_delta < -0.5"]) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["compare", "a"],
        ["compare", "a", "b", "--variants", "x", "y"],
        ["compare", "nowhere", "neither"],
        ["compare", "nowhere", "neither", "--fail-if", "acuracy > 1"],
    ],
)
def test_bad_usage_ends_with_4(arguments, capsys):
    assert run(arguments) == 4
    assert capsys.readouterr().err.startswith(("error: ", "Usage"))


def test_an_unknown_variant_is_refused_with_the_nearest_name(tmp_path, capsys):
    make_results(tmp_path, MADE)
    assert run(["compare", "--results", str(tmp_path), "--variants", "baseline", "droput:0.5"]) == 4
    assert 'did you mean "dropout:0.5"' in capsys.readouterr().err
