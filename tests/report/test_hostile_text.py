"""Text from elsewhere that means harm: 200 strings as suite, class and dataset names, messages and options."""

from __future__ import annotations

import dataclasses
import io
import random
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made import made_results
from test_report_in_browser import PATIENCE_MS, Visit

from harness.charts import ClassAccuracy, chart_svg, classes_chart
from harness.comparison import Margins, compare, compare_all
from harness.report import write_report
from harness.report.inline_svg import inline_svg
from harness.report.page import render_page
from harness.report.pictures import Pictures
from harness.report.view import ReportView, SuiteView, Trouble
from harness.suites import Suite
from harness.tables import write_tables
from harness.tables.outcome_words import OutcomeLine, OutcomeText, OutcomeWords
from harness.variants import BASELINE

SEEDS = (
    "<script>window.hit = 1</script>",
    "</script><script>window.hit = 1</script>",
    "<img src=x onerror='window.hit = 1'>",
    '<svg onload="window.hit=1">',
    '"><iframe srcdoc="<script>parent.hit=1</script>">',
    "' onmouseover='window.hit=1' x='",
    "javascript:window.hit=1",
    "{{ 7 * 7 }}{% for x in () %}",
    "${window.hit = 1}",
    "`${window.hit = 1}`",
    "]]><!--",
    "--><script>window.hit=1</script>",
    "../../../etc/passwd",
    "..\\..\\windows",
    "/absolute/path",
    "con.txt\x00.html",
    "line\nbreak\r\nand\ttab",
    "\u202egnitset\u2066",
    "\u2028\u2029\ufeff\u200b",
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1+1",
    "'; DROP TABLE trials; --",
    "\N{PILE OF POO}\N{WOMAN}\u200d\N{PERSONAL COMPUTER}",
    "\u0e47" * 60,
    "W" * 300,
    "a b " * 80,
    "&amp;&#60;script&#62;",
    "datum.strength > 0 ? 'x' : 'y'",
    'url(#clip0) fill="red" </text><script>window.hit=1</script>',
    "%00%2e%2e%2f",
    "\x1b[31mred\x1b[0m",
    "__proto__",
    "constructor",
    "NaN",
    "null",
    " ",
    ".",
    "..",
)


def hostile_strings(count: int) -> list[str]:
    """Return the strings above, and mixtures of them, all different."""
    draw = random.Random(1)
    found = dict.fromkeys(SEEDS)
    while len(found) < count:
        found["".join(draw.choice(SEEDS)[:150] for _ in range(draw.randint(2, 3)))] = None
    return list(found)[:count]


STRINGS = hostile_strings(200)
SVG_TAGS = {"svg", "g", "path", "circle", "line", "rect", "text", "defs", "clipPath", "tspan", "use"}


@pytest.fixture(scope="module")
def hostile_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Report and tables in which all 200 strings stand: as suites, classes, dataset, messages, options."""
    folder = tmp_path_factory.mktemp("outer") / "results"
    classes = STRINGS[:24]
    # A string is a suite's name, a message and an option; few variants, one per suite, keep the number of charts low.
    variants = [
        BASELINE.replace(model="mine:build", options={"text": text, f"o{number}": 1})
        for number, text in enumerate(STRINGS[24:29])
    ]
    suites = [Suite(text, variants[i : i + 1] or variants[:1]) for i, text in enumerate(STRINGS[24:30])]
    messages = dict(zip((variant.name for variant in variants[3:]), STRINGS[190:192], strict=True))
    results = made_results(
        folder, suites, seeds=3, epochs=2, images=120, classes=classes, dataset=STRINGS[3], failures=messages
    )
    write_report(compare_all(results, Margins()), results, Margins())
    write_tables(compare(results), folder / "tables")
    return folder


@pytest.mark.slow
def test_files_stay_inside_the_results_folder(hostile_folder: Path) -> None:
    assert [entry.name for entry in hostile_folder.parent.iterdir()] == ["results"]
    assert sorted(entry.name for entry in hostile_folder.iterdir()) == ["charts", "report", "tables"]
    for folder in ("charts", "report", "tables"):
        for file in (hostile_folder / folder).iterdir():
            assert file.is_file()
            assert re.fullmatch(r"[A-Za-z0-9_.\-]{1,255}", file.name)


@pytest.mark.slow
def test_pictures_are_well_formed_and_hold_no_script(hostile_folder: Path) -> None:
    for file in (hostile_folder / "charts").glob("*.svg"):
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(file).iter()}
        assert tags <= SVG_TAGS, file


@pytest.mark.slow
def test_no_script_runs_and_the_layout_holds(hostile_folder: Path, browser: Any) -> None:
    for width in (1400, 420):
        visit = Visit(browser, hostile_folder / "report" / "index.html")
        visit.page.set_viewport_size({"width": width, "height": 900})
        visit.page.click("#open-all")
        visit.page.locator("figure[data-chart]").nth(1).scroll_into_view_if_needed()
        visit.page.wait_for_selector(".vega-embed svg")
        visit.page.click("#all")
        visit.page.mouse.move(width / 2, 400)
        assert visit.page.evaluate("window.hit") is None
        assert [url for url in visit.requests if url != visit.url and not url.startswith("data:")] == []
        assert visit.complaints == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        assert visit.page.locator("main script, main iframe, main img, main svg script, svg foreignObject").count() == 0
        visit.context.close()


def test_all_200_strings_are_escaped_text_wherever_they_stand(browser: Any) -> None:
    """The template without charts: every string as suite, conditions, machine, outcome, failed trial and message."""
    suites = tuple(SuiteView(*[text] * 5, [text]) for text in STRINGS)
    lines = (OutcomeText(text, text, text, (OutcomeLine(text, text, text),)) for text in STRINGS)
    outcome = OutcomeWords(tuple(lines), tuple(OutcomeLine(text, text, text) for text in STRINGS), STRINGS)
    troubles = tuple(Trouble(text, text, 1, "failed", 0, text) for text in STRINGS)
    view = ReportView(outcome, tuple((text, text) for text in STRINGS), (), (), (), troubles, Margins(), 0)
    page = render_page(dataclasses.replace(view, suites=suites), Pictures(), partial=STRINGS[0])
    context = browser.new_context(viewport={"width": 420, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    tab = context.new_page()
    tab.set_content(page, wait_until="load")
    assert tab.locator(".outcome").count() == 200
    assert tab.locator("#failed tbody tr").count() == 200
    assert tab.evaluate("window.hit") is None
    assert tab.locator("main :is(script, iframe, img, [onload], [onerror], [onmouseover])").count() == 0
    assert tab.evaluate("document.documentElement.scrollWidth") <= 420
    context.close()


def test_all_200_strings_as_class_names_give_a_well_formed_picture() -> None:
    table = [ClassAccuracy(text, 10, 0.5, 0.4, 0.6, 0.5, 0.0, -0.1, 0.1) for text in STRINGS]
    svg = inline_svg(chart_svg(classes_chart(table)), "c0", STRINGS[0])
    tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(svg).iter()}
    assert tags <= SVG_TAGS
    assert "<svg onl" in "".join(ElementTree.fromstring(svg).itertext())


@pytest.mark.slow
def test_no_cell_of_the_csv_is_a_formula(hostile_folder: Path) -> None:
    text = (hostile_folder / "tables" / "comparison.csv").read_text(encoding="utf-8")
    cells = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    for column in cells.columns:
        for cell in cells[column]:
            assert not cell.startswith(("=", "@", "\t", "\r", "+"))
            assert not cell.startswith("-") or re.fullmatch(r"-[\d.e+-]+", cell)
