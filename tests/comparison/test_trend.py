"""`harness trend`: one true change among many folders is found where it happened, and no other."""

import dataclasses
import json
import re

import numpy as np
import pytest
from made_results import BASELINE, DROPOUT, WIDE, Made, make_results

from harness.cli import run
from harness.comparison import Margins, compare
from harness.comparison.columns import TREND_TABLE
from harness.comparison.folder_rows import compare_folders
from harness.comparison.trend import trend
from harness.comparison.wanted import Wanted
from harness.errors import InputError
from harness.results import load_results
from harness.results.conditions import Conditions
from harness.results.opening import open_store
from harness.results.planned import PlannedSuite
from harness.suites import Suite

FOLDERS = 6


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    """Six folders: dropout loses six points in the fourth, the wide one becomes a quarter faster in the fifth."""
    root = tmp_path_factory.mktemp("nights")
    for night in range(FOLDERS):
        accuracies = {BASELINE: 0.80, DROPOUT: 0.90 if night < 3 else 0.84, WIDE: 0.80}
        step_ms = {BASELINE: 8.0, DROPOUT: 8.0, WIDE: 20.0 if night < 4 else 15.0}
        made = Made(accuracies, step_ms, commit=f"{night}" * 40, started_at=f"2026-01-0{night + 1}T03:04:05+00:00")
        make_results(root / f"night-{night}", made)
    return [root / f"night-{night}" for night in range(FOLDERS)]


@pytest.fixture(scope="module")
def frame(nights):
    return trend([load_results(night) for night in nights], Margins())


def test_a_row_per_folder_and_variant_in_their_order(frame, nights):
    assert list(frame["variant"]) == [v.name for v in (BASELINE, DROPOUT, WIDE) for _ in nights]
    assert list(frame["folder"]) == [str(night) for _ in range(3) for night in nights]
    dropout = frame[frame["variant"] == DROPOUT.name]
    assert np.allclose(dropout["accuracy"].diff().dropna(), dropout["accuracy_delta"].iloc[1:])


def test_changes_are_marked_where_they_happened_and_nowhere_else(frame):
    accuracy = frame[frame["accuracy_verdict"].isin(["better", "worse"])]
    time = frame[frame["step_time_verdict"].isin(["better", "worse"])]
    found = [(row.variant, row.folder[-1], row.accuracy_verdict) for row in accuracy.itertuples()]
    assert found == [(DROPOUT.name, "3", "worse")]
    found = [(row.variant, row.folder[-1], row.step_time_verdict) for row in time.itertuples()]
    assert found == [(WIDE.name, "4", "better")]


def test_a_row_has_its_folders_figures_and_run_the_oldest_those_that_its_own_table_shows(nights, frame):
    for place, night in enumerate(nights):
        own = compare(load_results(night)).set_index("variant")
        for row in frame[frame["folder"] == str(night)].itertuples():
            shown = own.loc[row.variant]
            assert (row.seeds, row.accuracy, row.status) == (5, shown.accuracy, "ok")
            assert row.step_time_ms == pytest.approx(shown.step_time_ms)
            assert (row.commit, row.started_at) == (f"{place}" * 12, f"2026-01-0{place + 1}T03:04:05+00:00")
            assert (row.dataset, row.budget, row.device) == ("digits", "quick", "cpu")
            said = (row.accuracy_verdict, row.accuracy_hint, row.step_time_verdict, row.step_time_hint, row.differences)
            assert (said == ("",) * 5) == (place == 0)
            assert place == 0 or row.differences == f"commit: {f'{place - 1}' * 12} -> {f'{place}' * 12}"


def test_a_commit_with_changes_has_a_plus_and_the_newest_run_of_a_folder_counts(nights):
    old, new = (load_results(night) for night in nights[:2])
    runs = dict(new.provenances)
    key = list(runs)[3]
    runs[key] = dataclasses.replace(runs[key], commit="e" * 40, dirty=True, started_at="2026-02-01T00:00:00+00:00")
    rows = trend([old, dataclasses.replace(new, provenances=runs)], Margins())
    assert set(rows[rows["folder"] == str(nights[1])]["commit"]) == {"e" * 12 + "+"}


def test_two_folders_are_compared_as_any_two_and_a_variant_that_is_new_has_no_row_before(nights, tmp_path, frame):
    assert list(frame.columns) == list(TREND_TABLE)
    more = make_results(tmp_path / "more", Made())
    fewer = make_results(tmp_path / "fewer", Made({BASELINE: 0.8, WIDE: 0.7}, {WIDE: 20.0, BASELINE: 8.0}, range(1, 5)))
    folders = [load_results(fewer), load_results(more)]
    rows = trend(folders, Margins())
    assert list(rows["folder"]) == [str(folder) for folder in (fewer, more, more, fewer, more)]
    assert list(rows["seeds"]) == [4, 5, 5, 4, 5]
    either = compare_folders(*folders, Margins()).frame.set_index("variant").loc[WIDE.name]
    wide = rows[(rows["variant"] == WIDE.name) & (rows["folder"] == str(more))].iloc[0]
    columns = ["accuracy_delta", "accuracy_ci_low", "accuracy_ci_high", "accuracy_p", "accuracy_verdict"]
    assert wide[columns].tolist() == either[columns].tolist()


def test_variants_are_called_as_the_newest_suite_that_names_them_does(tmp_path):
    folders = [make_results(tmp_path / name, Made()) for name in ("a", "b", "c")]
    for folder, label in zip(folders, ("broad", "vast", "wide"), strict=True):
        with open_store(folder) as store:
            conditions = Conditions.of(next(iter(store.records().values())).trial)
            suite = Suite("dropout", {"drop": DROPOUT, label: WIDE}, BASELINE)
            store.add_plans([PlannedSuite(suite, conditions, (5,), dict.fromkeys(suite.members, ""))])
    rows = trend([load_results(folder) for folder in folders], Margins())
    assert list(dict.fromkeys(rows["variant"])) == ["baseline", "drop", "wide"]


def test_a_trend_is_of_what_is_wanted(nights):
    folders = [load_results(night) for night in nights[:2]]
    assert len(trend(folders, Margins(), Wanted(device="cpu"))) == 6
    with pytest.raises(InputError, match="gpu"):
        trend(folders, Margins(), Wanted(device="gpu"))


def test_more_folders_make_each_claim_harder(nights, frame):
    two = trend([load_results(night) for night in nights[2:4]], Margins())
    widths = [
        (row["accuracy_ci_high"] - row["accuracy_ci_low"]).item()
        for one in (two, frame)
        for row in [one[(one["variant"] == DROPOUT.name) & (one["folder"] == str(nights[3]))]]
    ]
    assert widths[1] > 1.2 * widths[0] > 0


def test_one_folder_is_no_trend_and_strangers_are_refused(nights, tmp_path):
    with pytest.raises(InputError, match="a trend over 1 folder: name two or more"):
        trend([load_results(nights[0])], Margins())
    other = make_results(tmp_path / "other", dataclasses.replace(Made(), budget=Made().budget.override(epochs=3)))
    with pytest.raises(InputError, match="have no dataset and budget in common"):
        trend([load_results(nights[0]), load_results(other)], Margins())
    old, new = load_results(nights[0]), load_results(other)
    only = f": {old.folder}: digits, {Made().budget.label}, cpu, 3 variants; {new.folder}: "
    with pytest.raises(InputError, match=re.escape(f"{old.folder} and {new.folder} have no dataset")) as told:
        trend([old, new], Margins())
    assert only in str(told.value)
    nothing = [dataclasses.replace(one, records={}, plans=(), step_times={}) for one in (old, new)]
    with pytest.raises(InputError, match="in common: all are empty"):
        trend(nothing, Margins())


def test_a_variant_that_comes_or_goes_stays_in_the_trend(nights, tmp_path):
    fewer = make_results(tmp_path / "fewer", Made({BASELINE: 0.8, WIDE: 0.8}))
    rows = trend([load_results(nights[0]), load_results(fewer), load_results(nights[1])], Margins())
    dropout = rows[rows["variant"] == DROPOUT.name]
    assert [folder[-1] for folder in dropout["folder"]] == ["0", "1"]
    assert list(dropout["accuracy_verdict"]) == ["", "same"]


def test_the_command_prints_every_format_and_writes_a_page(nights, tmp_path, capsys):
    names = [str(night) for night in nights]
    page = tmp_path / "trend.html"
    assert run(["trend", *names, "--page", str(page)]) == 0
    printed = capsys.readouterr()
    assert "night-3: accuracy worse than before" in printed.out
    assert f"wrote {page}" in printed.err
    text = page.read_text()
    assert text.count("<svg") == 3
    assert "<script" not in text
    assert run(["trend", *names, "--variant", "baseline", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["variant"] for row in rows] == ["baseline"] * FOLDERS
    assert rows[0]["accuracy_delta"] is None
    assert run(["trend", *names, "--variant", "basline"]) == 4
    assert 'did you mean "baseline"?' in capsys.readouterr().err


def test_a_folder_without_a_variant_is_stepped_over_and_told(nights, tmp_path, capsys):
    fewer = make_results(tmp_path / "fewer", Made({BASELINE: 0.8, WIDE: 0.8}))
    folders = [nights[2], fewer, nights[3], nights[4]]
    rows = trend([load_results(folder) for folder in folders], Margins())
    dropout = rows[rows["variant"] == DROPOUT.name]
    assert list(dropout["folder"]) == [str(folder) for folder in (nights[2], nights[3], nights[4])]
    assert list(dropout["accuracy_verdict"])[:2] == ["", "worse"]
    assert list(dropout["before"]) == ["", str(nights[2]), str(nights[3])]
    wide = rows[rows["variant"] == WIDE.name]
    assert list(wide["before"]) == ["", *map(str, folders[:3])]
    # Four comparisons of two folders share alpha.
    strict = dataclasses.replace(Margins(), alpha=Margins().alpha / 4)
    either = compare_folders(*map(load_results, (nights[2], nights[3])), strict).frame.set_index("variant")
    ends = ["accuracy_ci_low", "accuracy_ci_high", "step_time_ci_low", "step_time_ci_high"]
    assert dropout.iloc[1][ends].tolist() == either.loc[DROPOUT.name, ends].tolist()
    assert run(["trend", *map(str, folders), "--variant", DROPOUT.name]) == 0
    assert "fewer: not there, so night-3 is compared with the one before" in " ".join(capsys.readouterr().out.split())


def test_a_folder_of_another_budget_between_two_is_stepped_over(nights, tmp_path):
    both = make_results(tmp_path / "both", Made())
    other = dataclasses.replace(Made(), budget=Made().budget.override(epochs=3))
    between = make_results(tmp_path / "between", other)
    for folder in (both, tmp_path / "last"):
        make_results(folder, other)
    make_results(tmp_path / "last", Made())
    rows = trend([load_results(folder) for folder in (both, between, tmp_path / "last")], Margins())
    whole = rows[(rows["variant"] == WIDE.name) & (rows["budget"] == Made().budget.label)]
    assert list(whole["before"]) == ["", str(both)]


def test_folders_that_share_nothing_with_their_neighbours_leave_the_rest_of_the_trend(nights, tmp_path, capsys):
    def short(name, epochs):
        return make_results(tmp_path / name, dataclasses.replace(Made(), budget=Made().budget.override(epochs=epochs)))

    lone, first, second = short("lone", 2), short("first", 3), short("second", 3)
    folders = [nights[2], first, lone, nights[3], second]
    page = tmp_path / "trend.html"
    assert run(["trend", *map(str, folders), "--page", str(page), "--format", "json"]) == 0
    printed = capsys.readouterr()
    said = (
        f"{lone}: digits, quick+epochs:2, cpu, 3 variants: left out, since no other folder has this dataset and budget"
    )
    assert printed.err.count("note: ") == 1
    assert said in printed.err
    assert page.read_text().count(said) == 1
    found = [
        (row["budget"], row["folder"], row["before"], row["accuracy_verdict"])
        for row in json.loads(printed.out)
        if row["variant"] == DROPOUT.name
    ]
    assert found == [
        ("quick", str(nights[2]), "", ""),
        ("quick", str(nights[3]), str(nights[2]), "worse"),
        ("quick+epochs:3", str(first), "", ""),
        ("quick+epochs:3", str(second), str(first), "same"),
    ]
    assert run(["trend", *map(str, folders), "--budget", "quick+epochs:3", "--format", "json"]) == 0
    printed = capsys.readouterr()
    assert {row["folder"] for row in json.loads(printed.out)} == {str(first), str(second)}
    assert f"{nights[2]} has no results under the conditions asked for: left out" in printed.err
    with pytest.raises(InputError, match="no two of the folders have a dataset and budget in common"):
        trend([load_results(folder) for folder in folders[:3]], Margins())


@pytest.mark.parametrize("width", [20, 40, 70, 100])
def test_a_trend_fits_its_terminal(nights, monkeypatch, capsys, width):
    monkeypatch.setenv("COLUMNS", str(width))
    assert run(["trend", str(nights[0]), str(nights[1]), "--variant", "baseline"]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= width
    assert ("night-0  " in printed) == (width > 60), "else a paragraph per row"


def test_what_was_not_compared_says_why_and_claims_no_step_time(nights, tmp_path, capsys):
    moved = make_results(tmp_path / "moved", dataclasses.replace(Made(), fingerprint="e" * 16))
    folders = [load_results(folder) for folder in (nights[0], moved)]
    rows = trend(folders, Margins())
    later = rows[rows["folder"] == str(moved)]
    assert set(later["step_time_hint"]) == {"timed on other images: not comparable"}
    assert later["step_time_ratio"].isna().all()
    page = tmp_path / "trend.html"
    assert run(["trend", str(nights[0]), str(moved), "--page", str(page)]) == 0
    for text in (capsys.readouterr().out, page.read_text()):
        assert text.count("accuracy not compared: the dataset") == len(later) == 3
        assert text.count("step time not compared: timed on other images") == 3
        assert "differs from the one before" not in text


def test_folders_of_one_day_are_told_by_the_hour_and_an_order_that_is_not_times_is_told(tmp_path, capsys):
    for name, hour in (("a", "05"), ("b", "04")):
        make_results(tmp_path / name, Made(started_at=f"2026-01-02T{hour}:00:00+00:00"))
    assert run(["trend", str(tmp_path / "a"), str(tmp_path / "b"), "--variant", "baseline"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "2026-01-02 05:00" in printed
    assert "b was made before a: a trend takes the folders as given, the oldest first" in printed
