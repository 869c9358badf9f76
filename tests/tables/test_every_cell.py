"""Every cell of the committed CIFAR-10 reference says the same wherever it stands; docs/columns.md is up to date."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import shutil
from decimal import ROUND_HALF_EVEN, Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness.comparison import COLUMNS, Margins, compare, compare_all
from harness.comparison.column import METRICS
from harness.comparison.columns import FOLDER_TABLE, SUITE_TABLE
from harness.report.page import render_page
from harness.report.pictures import Pictures
from harness.report.view import report_view
from harness.results import load_results
from harness.tables import Screen, cell_text, full_text, render_frame
from harness.tables.cells import interval_text
from harness.tables.reference import column_list, columns_page

ROOT = Path(__file__).parents[2]
ENDLESS = Screen(100_000)
PEOPLE = (
    *("variant", "accuracy", "accuracy_delta", "accuracy_verdict"),
    *("step_time_ms", "step_time_ratio", "step_time_verdict", "pareto"),
)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference") / "cifar10"
    folder.mkdir()
    shutil.copy(ROOT / "results" / "reference" / "cifar10" / "harness.sqlite", folder)
    return load_results(folder)


@pytest.fixture(scope="module")
def frame(results):
    return compare(results)


def _plain_cells(text):
    """Return the cells of plain tables, cut where the rules below the heads say."""
    for table in re.split(r"\n\n\n", text):
        lines = table.splitlines()
        at = next(number for number, line in enumerate(lines) if re.fullmatch(r"[- ]*---[- ]*", line))
        spans = [match.span() for match in re.finditer(r"-+", lines[at])]
        for line in lines[at + 1 :]:
            if not line:
                break
            yield [line[start:end].strip() for start, end in spans]


def _github_cells(text):
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith(("|:", "| variant")):
            yield [re.sub(r"\\(.)", r"\1", cell).strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def _latex_cells(text):
    for line in text.splitlines():
        if line.endswith(r" \\") and not line.startswith("variant"):
            yield [re.sub(r"\\([_%])", r"\1", cell).strip() for cell in line.removesuffix(r" \\").split(" & ")]


READERS = {"plain": _plain_cells, "github": _github_cells, "latex": _latex_cells}


def _ascii(text):
    for command, sign in ((r"\textless{}", "<"), (r"\textgreater{}", ">")):
        text = text.replace(command, sign)
    return text


@pytest.mark.parametrize("style", READERS)
def test_every_column_says_the_same_in_every_text(frame, style):
    columns = list(dict.fromkeys(("variant", *COLUMNS)))
    cells = list(READERS[style](render_frame(frame, style, columns=columns, screen=ENDLESS)))
    assert len(cells) == len(frame) == 12
    for row, found in zip(frame.to_dict("records"), cells, strict=True):
        assert [_ascii(cell) for cell in found] == [cell_text(row, name) for name in columns]


@pytest.mark.parametrize("style", READERS)
def test_the_default_table_has_the_cells_of_the_columns(frame, style):
    cells = list(READERS[style](render_frame(frame, style, screen=ENDLESS)))
    assert len(cells) == len(frame)
    for row, found in zip(frame.to_dict("records"), cells, strict=True):
        expected = [full_text(row, name) for name in PEOPLE]
        if row["variant"] == row["baseline"]:
            expected[2] = expected[5] = ""
        marks = r"^\*\*|\*\*$| \*$|^\\textbf\{|\}$"
        assert [re.sub(marks, "", cell) for cell in found] == expected


class _Table(HTMLParser):
    """The page's comparison tables: keys of their columns, texts and exact values of their cells."""

    def __init__(self):
        super().__init__()
        self.keys, self.titles, self.rows, self._inside, self._quiet = [], [], [], False, False

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self._inside = found.get("class") == "comparison" if tag == "table" else self._inside
        if not self._inside:
            return
        if "data-key" in found:
            self.keys.append(found["data-key"])
            self.titles.append(found["title"])
        if tag == "tr" and "data-id" in found:
            self.rows.append([])
        if self.rows and tag in ("th", "td"):
            self.rows[-1].append(["", found.get("data-value", "")])
        self._quiet = found.get("aria-hidden") == "true" or found.get("class") == "tag"

    def handle_endtag(self, tag):
        self._inside &= tag != "table"
        self._quiet &= tag != "span"

    def handle_data(self, data):
        if self._inside and not self._quiet and self.rows and self.rows[-1]:
            self.rows[-1][-1][0] += data


def test_the_page_has_the_cells_of_the_tables_and_explains_its_columns(frame, results):
    pictures = Pictures()
    page = render_page(report_view(compare_all(results, Margins()), results, Margins(), pictures), pictures)
    table = _Table()
    table.feed(page)
    keys = [key for key in dict.fromkeys(table.keys) if not key.startswith("field.")]
    shown = [name for name, column in SUITE_TABLE.items() if column.place in ("table", "page")]
    assert set(keys) == {name for name in shown if not name.endswith("_verdict")}
    assert {name for name in PEOPLE if not name.endswith("_verdict")} <= set(keys[:7])
    assert all(table.titles)
    assert len(table.rows) == len(frame)
    for row, cells in zip(frame.to_dict("records"), table.rows, strict=True):
        for name, (text, value) in zip(keys, cells, strict=False):
            itself = SUITE_TABLE[name].kind in ("difference", "ratio") and row["variant"] == row["baseline"]
            # A verdict stands in the cell of what it judges, before the interval.
            verdict = f"{SUITE_TABLE[name].quantity}_verdict"
            parts = [full_text(row, name)]
            if verdict in row and SUITE_TABLE[name].quantity:
                parts = [cell_text(row, name), row[verdict], interval_text(row, name)]
            expected = "" if itself or row[name] != row[name] else " ".join(filter(None, parts))
            assert " ".join(text.split()) == expected, name
            if isinstance(row[name], float) and value:
                assert float(value) == row[name]


def test_csv_and_json_round_to_what_people_read(frame):
    rows = list(csv.DictReader(io.StringIO(render_frame(frame, "csv"))))
    read = json.loads(render_frame(frame, "json"), parse_float=str, parse_int=str)
    checked = never = 0
    for row, one, other in zip(frame.to_dict("records"), rows, read, strict=True):
        for name in COLUMNS:
            column = SUITE_TABLE[name]
            assert one[name] == (other[name] or "")
            shown = cell_text(row, name).replace(",", "")
            if column.is_text or not shown or shown == "<0.001":
                assert one[name] == row[name] if column.is_text else math.isnan(row[name]) or float(one[name]) < 1e-3
                continue
            if shown == column.infinite:
                assert (one[name], other[name], row[name]) == ("inf", "inf", math.inf)
                never += 1
                continue
            exact = Decimal(one[name]) * (100 if column.kind in ("fraction", "difference") else 1)
            if column.kind == "difference" and not math.isnan(row[name]):
                base = Decimal(row[column.quantity] - row[f"{column.quantity}_delta"]) * 100
                exact = min(max(exact, -base), 100 - base)  # no more than there is to lose, or to gain
            places = Decimal(1).scaleb(-len(shown.partition(".")[2]))
            assert Decimal(shown) == exact.quantize(places, ROUND_HALF_EVEN), (name, one[name], shown)
            checked += 1
    assert checked > 250
    assert never > 10


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0.0004, 0.18, "[+0.04, +18.00]"),
        (-0.18, -0.0004, "[-18.00, -0.04]"),
        (0.000004, 0.3, "[+0.0004, +30.0000]"),
        (-0.011, 0.024, "[-1.1, +2.4]"),
    ],
)
def test_no_end_reads_as_no_difference_that_it_excludes(frame, low, high, shown):
    row = frame.iloc[1].to_dict() | {"accuracy_delta": 0.09, "accuracy_ci_low": low, "accuracy_ci_high": high}
    assert full_text(row, "accuracy_delta").endswith(shown)


@pytest.mark.parametrize(("low", "high"), [(0.6, 0.9999), (1.0001, 1.4), (1.00004, 1.4)])
def test_no_end_of_a_ratio_reads_as_one_that_it_excludes(frame, low, high):
    row = frame.iloc[1].to_dict() | {"step_time_ratio": 1.0, "step_time_ci_low": low, "step_time_ci_high": high}
    ends = re.findall(r"[\d.]+", full_text(row, "step_time_ratio").partition("[")[2])
    assert all(float(end) != 1 for end in ends)


@pytest.mark.parametrize(
    ("ratio", "low", "high", "shown"),
    [
        (1.1, 1.6e-6, 627268.6, "1.1 [<0.01, >100]"),
        (0.5, 1e-304, 3.4e11, "0.5 [<0.01, >100]"),
        (0.5, 0.0, math.inf, "0.50 [<0.01, >100]"),
        (1.3, 0.0004, 849.0, "1.3 [<0.01, >100]"),
        (0.9, 0.0001, 2.9, "0.9 [<0.01, 2.9]"),
        (0.4, 0.04, 2.9, "0.4 [0.04, 2.9]"),
        (0.4, 0.001, 2.9, "0.4 [<0.01, 2.9]"),
        (150.0, 148.0, 152.0, "150.0 [148.0, 152.0]"),
        (0.005, 0.0049, 0.0051, "0.0050 [0.0049, 0.0051]"),
    ],
)
def test_an_interval_of_a_ratio_is_never_zero_and_a_bound_where_it_says_next_to_nothing(ratio, low, high, shown):
    for quantity in ("step_time", "training_cost"):
        row = {f"{quantity}_ratio": ratio, f"{quantity}_ci_low": low, f"{quantity}_ci_high": high}
        assert full_text(row, f"{quantity}_ratio") == shown


@pytest.mark.parametrize(
    ("accuracy", "delta", "low", "high", "shown"),
    [
        (0.5965, 0.10, -1.004, 1.21, "+10 [-50, +50]"),
        (0.99, 0.0, -0.03, 0.03, "0.0 [-3.0, +1.0]"),
        (0.96, 0.02, 0.003, 0.09, "+2.0 [+0.3, +6.0]"),
        (0.50, -0.2, -0.9, 0.5, "-20 [-70, +30]"),
        (0.80, 0.02, -0.01, 0.05, "+2.0 [-1.0, +5.0]"),
    ],
)
def test_no_end_of_a_difference_is_beyond_all_and_nothing_of_the_others(accuracy, delta, low, high, shown):
    ends = {"_delta": delta, "_ci_low": low, "_ci_high": high}
    for metric in METRICS:
        own = {f"{metric}{ending}": value for ending, value in ends.items()}
        assert full_text(own | {metric: accuracy}, f"{metric}_delta") == shown
        assert full_text(own | {f"{metric}_old": accuracy - delta}, f"{metric}_delta") == shown


def test_docs_columns_is_what_the_registry_says():
    assert (ROOT / "docs" / "columns.md").read_text(encoding="utf-8") == columns_page(), (
        "make it anew: python -m harness.tables.reference > docs/columns.md"
    )


def test_every_column_is_explained_in_the_list_and_fits_a_terminal():
    text = column_list(80)
    for table in (SUITE_TABLE, FOLDER_TABLE):
        for column in table.values():
            assert column.meaning.endswith(".")
            assert re.search(rf"^{column.name} ", text, re.MULTILINE)
    assert max(map(len, text.splitlines())) <= 80


def test_the_committed_tables_are_what_the_store_gives(frame):
    """But for the step in ms, which is one baseline's in every suite of a run, and what is reckoned from it."""
    mended = {"step_time_ms", "images_per_s"}
    text = (ROOT / "results" / "reference" / "cifar10" / "tables" / "comparison.csv").read_text(encoding="utf-8")
    committed = list(csv.DictReader(io.StringIO(text)))
    made = list(csv.DictReader(io.StringIO(render_frame(frame, "csv"))))
    assert len(committed) == len(made)
    checked = 0
    for old, new in zip(committed, made, strict=True):
        for name in set(old) - mended:
            if SUITE_TABLE[name].is_text or not old[name]:
                assert new[name] == old[name], name
            else:
                assert float(new[name]) == pytest.approx(float(old[name]), rel=1e-8, abs=1e-12), name
                checked += 1
        baseline = next(row for row in made if row["suite"] == new["suite"])
        step = float(baseline["step_time_ms"]) * float(new["step_time_ratio"])
        assert float(new["step_time_ms"]) == pytest.approx(step, rel=1e-12)
    assert checked > 250
