"""Step times of two results folders: compared on one machine alone, beside each one's own baseline."""

import dataclasses
import math

import pytest
from made_results import DROPOUT, WIDE, Made, make_results
from test_compare_folders import _compared

from harness.comparison import Margins, compare
from harness.comparison.folder_rows import compare_folders
from harness.results import load_results
from harness.variants import BASELINE

MADE = Made()


def test_both_kinds_of_tables_show_the_same_milliseconds_of_a_step(tmp_path):
    _, frame = _compared(tmp_path, MADE, dataclasses.replace(MADE, step_ms={BASELINE: 9.0, DROPOUT: 8.0, WIDE: 30.0}))
    for name, column in (("old", "step_time_old_ms"), ("new", "step_time_ms")):
        shown = compare(load_results(tmp_path / name)).set_index("variant")["step_time_ms"]
        assert dict(frame[column]) == dict(shown)


def test_a_variant_slower_than_before_is_worse_while_the_baseline_kept_its_time(tmp_path):
    new = dataclasses.replace(MADE, step_ms={BASELINE: 8.0, DROPOUT: 9.6, WIDE: 20.0})
    _, frame = _compared(tmp_path, MADE, new)
    assert frame.loc[DROPOUT.name, "step_time_verdict"] == "worse"
    assert frame.loc[DROPOUT.name, "step_time_ratio"] == pytest.approx(1.2, abs=0.01)
    assert frame.loc[WIDE.name, "step_time_verdict"] == "same"


def test_a_change_that_the_baseline_shares_is_no_claim_about_step_time(tmp_path):
    new = dataclasses.replace(MADE, step_ms={BASELINE: 9.6, DROPOUT: 9.6, WIDE: 24.0})
    _, frame = _compared(tmp_path, MADE, new)
    assert set(frame["step_time_verdict"]) == {"unresolved"}
    row = frame.loc[DROPOUT.name]
    assert row["step_time_ci_low"] <= 1.0 <= row["step_time_ratio"] <= row["step_time_ci_high"]
    assert "baseline itself" in row["step_time_hint"]


def test_step_times_of_two_machines_are_never_compared(tmp_path):
    _, frame = _compared(tmp_path, MADE, dataclasses.replace(MADE, machine="other"))
    row = frame.loc[DROPOUT.name]
    assert row["step_time_ratio"] != row["step_time_ratio"]
    assert row["step_time_verdict"] == "unresolved"
    assert "another machine" in row["step_time_hint"]


def test_step_times_are_those_of_one_machine_and_baseline_with_what_disturbed_either(tmp_path):
    old, new = (load_results(make_results(tmp_path / name, MADE)) for name in ("old", "new"))

    def row_of(variant, **changes):
        timed = {key: dataclasses.replace(one, flags=("hot",), **changes) for key, one in new.step_times.items()}
        first = {key: dataclasses.replace(one, flags=("busy", "loud")) for key, one in old.step_times.items()}
        arms = (dataclasses.replace(old, step_times=first), dataclasses.replace(new, step_times=timed))
        return compare_folders(*arms, Margins()).frame.set_index("full_name").loc[variant.name]

    row = row_of(WIDE)
    assert row["step_time_flags"] == "old: busy; old: loud; new: hot"
    assert (row["step_time_verdict"], row["step_time_hint"]) == ("same", "")
    assert row["step_time_ci_low"] <= row["step_time_ratio"] <= row["step_time_ci_high"]
    other = row_of(WIDE, baseline=DROPOUT)
    assert other["step_time_hint"] == "timed against another baseline: not comparable"
    assert (other["step_time_verdict"], other["step_time_flags"]) == ("unresolved", "")
    assert other["step_time_old_ms"] == row["step_time_old_ms"]
    assert other["step_time_ms"] == pytest.approx(row["step_time_ms"], rel=0.01)
    alone = compare_folders(old, dataclasses.replace(new, step_times={}), Margins()).frame.set_index("full_name")
    assert alone.loc[WIDE.name, "step_time_old_ms"] == row["step_time_old_ms"]
    assert math.isnan(alone.loc[WIDE.name, "step_time_ms"])
    assert list(alone.loc[WIDE.name, ["step_time_verdict", "step_time_hint"]]) == ["", ""]
