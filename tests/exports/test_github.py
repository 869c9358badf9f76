from __future__ import annotations

import dataclasses

import pytest
from made_results import DROPOUT, WIDE, Made, make_results

from harness.comparison import Margins, compare
from harness.comparison.columns import FOLDER_TABLE
from harness.comparison.folder_rows import compare_folders
from harness.comparison.gate import failed_rows, parse_gate
from harness.exports.github import SUMMARY_LIMIT, annotation_lines, tell_github
from harness.results import load_results
from harness.variants import BASELINE

HOSTILE = "a%0A\n::error::b <script> | `x`"


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    return compare(load_results(make_results(tmp_path_factory.mktemp("github"), Made(name=HOSTILE))))


def test_each_failed_row_is_one_annotation_that_no_name_can_break(frame):
    failed = failed_rows(frame, [parse_gate("step_time_verdict == 'worse'")])
    written: list[str] = []
    tell_github(frame, failed, {"GITHUB_ACTIONS": "true"}, write=written.append)
    assert len(written) == 1
    assert written[0].startswith("\n::error title=failed gate::"), "a command must stand at a line's start"
    assert written[0].count("\n") == 2
    assert "a%250A" in written[0]
    assert "filters:64-128" in written[0]


def test_a_gate_whose_text_holds_a_semicolon_is_told_with_its_values(frame):
    failed = failed_rows(frame, [parse_gate("suite != 'a; b' and seeds > 1")])
    assert all("suite != 'a; b'" in line and "seeds 5" in line for line in annotation_lines(failed))


def test_more_than_ten_failures_end_in_a_count(frame):
    failed = failed_rows(frame, [parse_gate("seeds == 5")])
    many = failed * 5
    lines = annotation_lines(many)
    assert len(lines) == 10
    assert lines[-1].endswith("and 6 more rows")


def test_nothing_is_written_outside_of_github(frame, tmp_path):
    written: list[str] = []
    tell_github(
        frame, failed_rows(frame, [parse_gate("seeds == 5")]), {"GITHUB_ACTIONS": "false"}, write=written.append
    )
    assert written == []


def test_the_summary_has_failures_and_tables_and_is_appended(frame, tmp_path):
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    tell_github(
        frame, failed_rows(frame, [parse_gate("accuracy_verdict == 'better'")]), {"GITHUB_STEP_SUMMARY": str(path)}
    )
    text = path.read_text()
    assert text.startswith("before\n### 1 row failed a gate")
    assert "| dropout:0.5" in text
    assert "<script>" not in text


def test_the_summary_stays_under_one_mebibyte(frame, tmp_path):
    path = tmp_path / "summary.md"
    large = frame.assign(message=[f"{number} {'word ' * 100_000}" for number in range(len(frame))])
    for _ in range(2):
        tell_github(large, failed_rows(large, []), {"GITHUB_STEP_SUMMARY": str(path)})
        assert 0.9 * 2**20 < path.stat().st_size <= SUMMARY_LIMIT < 2**20
    assert "The rest is left out" in path.read_text()


def test_a_comparison_of_folders_is_announced_too(tmp_path):
    new = dataclasses.replace(Made(), accuracies={BASELINE: 0.8, DROPOUT: 0.7, WIDE: 0.8})
    folders = [load_results(make_results(tmp_path / name, made)) for name, made in (("old", Made()), ("new", new))]
    frame = compare_folders(*folders, Margins()).frame
    failed = failed_rows(frame, [parse_gate("accuracy_verdict == 'worse'", FOLDER_TABLE)])
    path = tmp_path / "summary.md"
    tell_github(frame, failed, {"GITHUB_STEP_SUMMARY": str(path)})
    assert "accuracy_verdict worse" in path.read_text()
    assert "| dropout:0.5" in path.read_text()
