"""`harness export` and `harness tables` are one thing: the same files, and a schema made from the columns."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest
from made_results import DROPOUT, WIDE, Made, make_results

from harness.cli import run
from harness.comparison import COLUMNS, compare
from harness.comparison.columns import SUITE_TABLE
from harness.results import load_results
from harness.tables import render_frame, write_tables
from harness.tables.schema import comparison_schema
from harness.variants import BASELINE

HOSTILE = "=cmd|' /C calc'!A0 <script> & 5 % _x_ {y} \\z \"q\" \x1b[31m\nnext"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = Made(diverged=frozenset({(WIDE, 2)}), failed=frozenset({(DROPOUT, 4)}), name=HOSTILE, message=HOSTILE)
    return make_results(tmp_path_factory.mktemp("exports"), made)


@pytest.fixture(scope="module")
def frame(folder):
    return compare(load_results(folder))


def _csv_rows(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("style", ["github", "markdown", "plain", "csv", "json", "latex"])
def test_tables_and_export_give_the_same_file(folder, tmp_path, capsys, style):
    for extra in ([], ["--columns", "variant,accuracy_ci_low,params", "--sort", "-accuracy"]):
        assert run(["tables", "--results", str(folder), "--format", style, *extra]) == 0
        printed = capsys.readouterr().out
        path = tmp_path / "deep" / "table"
        assert run(["export", "--results", str(folder), "--format", style, "--output", str(path), *extra]) == 0
        assert path.read_text() == printed
        capsys.readouterr()
        assert run(["export", "--results", str(folder), "--format", style, "--output", "-", *extra]) == 0
        assert capsys.readouterr().out == printed


@pytest.mark.parametrize(("style", "ending"), [("csv", "csv"), ("json", "json")])
def test_the_files_of_a_run_are_what_the_commands_print(frame, tmp_path, style, ending):
    write_tables(frame, tmp_path)
    assert (tmp_path / f"comparison.{ending}").read_text() == render_frame(frame, style)


def test_text_without_an_output_is_printed_and_a_tool_asks_for_one(folder, capsys):
    for style in ("csv", "latex", "schema"):
        printed = []
        for more in ([], ["--output", "-"]):
            assert run(["export", "--results", str(folder), "--format", style, *more]) == 0
            printed.append(capsys.readouterr().out)
        assert printed[0] == printed[1] != ""
    for tool, what in (("tensorboard", "folder"), ("mlflow", "file"), ("optuna", "file")):
        assert run(["export", "--results", str(folder), "--format", tool]) == 4
        assert capsys.readouterr().err == f"error: --output is missing: name a {what}\n"


def test_markdown_and_github_are_one_word(folder, capsys):
    texts = []
    for style in ("github", "markdown"):
        assert run(["tables", "--results", str(folder), "--format", style]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    rows = [line for line in texts[0].splitlines() if line.startswith("|")]
    assert 6 < rows[0].count("|") < 12  # the people's table, not every column


def test_csv_and_json_hold_every_number_in_full(frame):
    rows, read = _csv_rows(render_frame(frame, "csv")), json.loads(render_frame(frame, "json"))
    numbers = 0
    for row, other, expected in zip(rows, read, frame.to_dict("records"), strict=True):
        assert list(row) == list(other) == list(COLUMNS)
        for name in COLUMNS:
            if SUITE_TABLE[name].is_text:
                assert other[name] == expected[name]
            elif math.isnan(expected[name]):
                assert (row[name], other[name]) == ("", None)
            else:
                numbers += 1
                assert float(row[name]) == other[name] == expected[name]
            if SUITE_TABLE[name].kind == "count" and row[name]:
                assert "." not in row[name] or float(row[name]) % 1
    assert numbers > 60


def test_json_meets_the_published_schema(frame, capsys):
    jsonschema = pytest.importorskip("jsonschema")
    assert run(["export", "--format", "schema", "--output", "-"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema == comparison_schema()
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    validator.validate(json.loads(render_frame(frame, "json")))
    validator.validate(json.loads(render_frame(frame.iloc[:0], "json")))
    for wrong in ({"accuracy": "0.9"}, {"accuracy": 90}, {"status": "fine"}, {"acuracy": 0.9}):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate([wrong])


def test_latex_is_a_tabular_per_suite_with_every_special_character_escaped(frame):
    text = render_frame(frame, "latex", columns=["suite", "variant", "accuracy"])
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 1
    body = [line for line in text.splitlines() if not line.startswith("%")]
    assert any(r"\textless{}script\textgreater{}" in line for line in body)
    cells = next(line for line in body if "textless" in line).split(" & ")
    assert cells[1].count("{") == cells[1].count("}")
    assert all(mark not in cells[1].replace(f"\\{mark}", "") for mark in "%#$_")


def test_the_command_refuses_a_folder_and_writes_no_half_file(folder, tmp_path, capsys):
    assert run(["export", "--results", str(folder), "--format", "csv", "--output", str(tmp_path)]) == 4
    assert "is a folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert run(["export", "--results", str(folder), "--output", str(tmp_path / "table")]) == 4
    assert "--format" in capsys.readouterr().err
    assert run(["export", "--results", str(folder), "--output", "-", "--format", "markdwn"]) == 4
    assert 'did you mean "markdown"' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_baseline_alone_is_a_row_without_comparisons(tmp_path):
    made = Made(accuracies={BASELINE: 0.8, DROPOUT: 0.9}, step_ms={}, seeds=(1,))
    rows = _csv_rows(render_frame(compare(load_results(make_results(tmp_path, made))), "csv"))
    assert rows[0]["accuracy_ci_low"] == rows[0]["step_time_ms"] == ""
