from __future__ import annotations

import csv
import io
import json
import math
import re

import pytest
from made_results import DROPOUT, WIDE, Made, make_results

from harness.cli import run
from harness.comparison import COLUMNS, compare
from harness.exports.comparison import COMPARISON_FORMATS, comparison_schema, comparison_text
from harness.results import load_results
from harness.tables import cell_text, shown_text
from harness.tables.columns import kind_of
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


def _json_rows(text):
    return json.loads(text, parse_float=str, parse_int=str)["rows"]


def _markdown_rows(text):
    lines = [re.split(r" (?<!\\)\| ", line.removeprefix("| ").removesuffix(" |")) for line in text.splitlines()]
    heads = [re.sub(r"\\(.)", r"\1", head) for head in lines[0]]
    return [dict(zip(heads, line, strict=True)) for line in lines[2:]]


def _latex_rows(text):
    lines = [line.removesuffix(r" \\").split(" & ") for line in text.splitlines() if line.endswith(r" \\")]
    heads = [head.replace(r"\_", "_") for head in lines[0]]
    return [dict(zip(heads, line, strict=True)) for line in lines[1:]]


READERS = {"csv": _csv_rows, "json": _json_rows, "markdown": _markdown_rows, "latex": _latex_rows}


@pytest.mark.parametrize("style", COMPARISON_FORMATS)
def test_every_export_has_the_same_digits(frame, style):
    rows = READERS[style](comparison_text(frame, style))
    assert len(rows) == len(frame) == 3
    for row, expected in zip(rows, frame.to_dict("records"), strict=True):
        assert list(row) == list(COLUMNS)
        for column in COLUMNS:
            if kind_of(column) != "text":
                assert (row[column] or "") == cell_text(expected, column)


def test_what_people_read_has_the_digits_of_the_files(frame):
    numbers = 0
    for row in frame.to_dict("records"):
        for column in COLUMNS:
            text, shown = cell_text(row, column), shown_text(row, column)
            if kind_of(column) == "text" or not text:
                assert shown == text
                continue
            numbers += 1
            scale = 100 if kind_of(column) in ("fraction", "difference") else 1
            assert float(shown) == pytest.approx(float(text) * scale, rel=1e-12)
            assert re.sub(r"[-+.]", "", shown).lstrip("0") == re.sub(r"[-+.]", "", text).lstrip("0")
            assert float(text) == pytest.approx(row[column], rel=0.06, abs=6e-3)
    assert numbers > 60


def test_json_meets_the_published_schema(frame):
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(comparison_schema())
    validator.check_schema(comparison_schema())
    validator.validate(json.loads(comparison_text(frame, "json")))
    validator.validate(json.loads(comparison_text(frame.iloc[:0], "json")))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"schema": 1, "columns": ["accuracy"], "rows": [{"accuracy": "0.9"}]})


def test_the_schema_describes_every_column():
    described = comparison_schema()["properties"]["rows"]["items"]["properties"]
    assert list(described) == list(COLUMNS)
    assert all(column["description"] for column in described.values())


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_that_could_be_a_formula_is_prefixed_and_numbers_are_not(frame, start):
    rows = _csv_rows(comparison_text(frame.assign(suite=start + "1+1"), "csv"))
    assert {row["suite"] for row in rows} == {f"'{start}1+1".replace("\r", "\n")}
    lows = [row["accuracy_ci_low"] for row in rows if row["accuracy_ci_low"]]
    assert all(math.isfinite(float(low)) for low in lows)


def test_latex_is_one_tabular_with_every_special_character_escaped(frame):
    text = comparison_text(frame, "latex", ["suite", "variant", "accuracy"])
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 1
    cell = text.splitlines()[5].split(" & ")[0] if " & " in text.splitlines()[5] else ""
    assert r"\textless{}script\textgreater{}" in text
    assert cell.count("{") == cell.count("}")
    assert not re.search(r"(?<!\\)[%#$_]", "\n".join(text.splitlines()[1:]))


def test_the_command_writes_a_file_or_prints(folder, tmp_path, capsys):
    path = tmp_path / "deep" / "table.csv"
    arguments = ["export", "--results", str(folder), "--format", "csv"]
    assert run([*arguments, "--output", str(path), "--columns", "variant,accuracy"]) == 0
    assert path.read_text().splitlines()[0] == "variant,accuracy"
    capsys.readouterr()
    assert run([*arguments, "--output", "-", "--columns", "variant,accuracy"]) == 0
    assert capsys.readouterr().out == path.read_text()
    assert run([*arguments, "--output", str(tmp_path)]) == 4
    assert "is a folder" in capsys.readouterr().err


def test_a_baseline_alone_is_a_row_without_comparisons(tmp_path):
    made = Made(accuracies={BASELINE: 0.8, DROPOUT: 0.9}, step_ms={}, seeds=(1,))
    rows = _csv_rows(comparison_text(compare(load_results(make_results(tmp_path, made))), "csv"))
    assert rows[0]["accuracy_ci_low"] == rows[0]["step_time_ms"] == ""
