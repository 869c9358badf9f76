"""The page as a reader has it: in a real browser, offline."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.report.columns import FIRST
from harness.report.pairs import FIGURES

PATIENCE_MS = 600_000
"""A busy machine is slow, not wrong."""


class Visit:
    """One open page, with what it asked for and what it complained of."""

    def __init__(self, browser: Any, page: Path, address: str = "", **options: Any) -> None:
        self.context = browser.new_context(viewport={"width": 1400, "height": 900}, **options)
        self.context.set_default_timeout(PATIENCE_MS)
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.url = page.as_uri()
        self.page.goto(self.url + address)

    def names(self) -> list[str]:
        """Variants of the visible rows, in order."""
        return self.page.eval_on_selector_all(
            ".suite:not([hidden]) tbody tr:not([hidden]) th a", "links => links.map(link => link.textContent)"
        )

    def columns(self) -> list[str]:
        """Keys of the visible columns, the same in every table."""
        read = "all => all.map(one => [...one.rows[0].cells].filter(c => !c.hidden).map(c => c.dataset.key))"
        first, *others = self.page.eval_on_selector_all(".comparison thead", read)
        assert all(one == first for one in others)
        return list(first)

    def walk(self) -> None:
        """Open every section and scroll through the page until all charts are drawn."""
        self.page.click("#open-all")
        for figure in self.page.query_selector_all("figure[data-chart]"):
            figure.scroll_into_view_if_needed()
        self.page.wait_for_function(
            "[...document.querySelectorAll('figure[data-chart]')].every(one => one.querySelector('.vega-embed svg'))"
        )


@pytest.fixture
def visit(browser: Any, report_page: Path) -> Iterator[Visit]:
    opened = Visit(browser, report_page)
    yield opened
    opened.context.close()


@pytest.mark.slow
def test_nothing_is_fetched_and_nothing_complains_when_every_chart_is_drawn(visit: Visit) -> None:
    visit.walk()
    assert [url for url in visit.requests if url != visit.url and not url.startswith("data:")] == []
    assert visit.complaints == []


def test_the_pointer_tells_the_variant_of_a_point(visit: Visit) -> None:
    figure = visit.page.locator(".pareto figure").first
    figure.scroll_into_view_if_needed()
    figure.locator(".vega-embed svg").wait_for()
    # The pointer goes from dot to dot until the right one has told its name.
    boxes = [box for dot in figure.locator("path[transform]").all()[:8] if (box := dot.bounding_box())]
    for box in itertools.islice(itertools.cycle(box for box in boxes if 3 < box["width"] < 30), 8_000):
        visit.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        told = visit.page.evaluate("document.querySelector('#vg-tooltip-element')?.textContent || ''")
        if "dropout:0.2" in told and re.search(r"[-+]\d[\d.]* \[[-+]", told):
            break
    else:
        pytest.fail("no dot tells dropout:0.2 and its interval")


def test_sorting_orders_each_suite_by_the_exact_values_and_puts_unknown_ones_last(visit: Visit) -> None:
    button = visit.page.locator('th[data-key="accuracy"] button').first
    at = visit.columns().index("accuracy")
    read = "(all, at) => all.map(body => [...body.rows].map(row => row.cells[at].dataset.value))"
    for order, reverse in (("descending", True), ("ascending", False)):
        button.click()
        orders = visit.page.eval_on_selector_all(
            'th[data-key="accuracy"]', "all => all.map(one => one.getAttribute('aria-sort'))"
        )
        assert orders == [order, order]
        suites = visit.page.eval_on_selector_all(".comparison tbody", read, at)
        assert [len(values) for values in suites] == [4, 4]
        for values in suites:
            known = [value for value in values if value]
            assert values == sorted(known, key=float, reverse=reverse) + [""] * (4 - len(known))
    assert [head.split()[0] for head in visit.page.locator(".suite h3").all_inner_texts()] == ["dropout", "mixed"]


def test_a_few_columns_stand_at_first_and_all_on_demand(visit: Visit) -> None:
    few = visit.columns()
    assert few == list(FIRST)
    assert len(few) == 7
    beside = visit.page.locator(".beside").first
    table, chart = (beside.locator(one).bounding_box() for one in ("table", ".pareto"))
    assert chart["x"] >= table["x"] + table["width"]
    assert abs(chart["y"] - table["y"]) < 20
    visit.page.click("#all")
    many = visit.columns()
    assert many[: len(few)] == few
    assert {"params", "dataset", "precision_delta", "field.dropout"} <= set(many)
    assert not any(name.endswith("_verdict") for name in many)  # it stands in the cell of what it judges
    assert visit.page.locator(".comparison td[data-value]:has(.verdict.unresolved)").first.is_visible()
    visit.page.click("#reset")
    assert visit.columns() == few


def test_the_filter_keeps_rows_that_hold_every_word(visit: Visit) -> None:
    visit.page.fill("#filter", "dropout:0.4 digits tensorflow")  # a row's own words and those of its suite's title
    assert visit.names() == ["dropout:0.4"]
    assert "1 of 8 rows" in visit.page.text_content("#shown")


def test_columns_that_do_not_differ_can_be_hidden(visit: Visit) -> None:
    visit.page.click("#all")
    before = visit.columns()
    visit.page.check("#differ")
    after = visit.columns()
    assert "dataset" in before
    assert "dataset" not in after
    assert "accuracy" in after
    visit.page.uncheck("#differ")
    assert visit.columns() == before


def test_a_hidden_variant_stays_hidden_until_all_are_shown_again(visit: Visit) -> None:
    visit.page.locator(".comparison tr[data-id]", has_text="dropout:0.2").locator("button.hide").click()
    assert "dropout:0.2" not in visit.names()
    visit.page.click("#reset")
    assert "dropout:0.2" in visit.names()


def test_the_address_brings_back_sort_filter_columns_and_hidden(browser: Any, report_page: Path, visit: Visit) -> None:
    visit.page.locator('th[data-key="step_time_ms"] button').first.click()
    visit.page.fill("#filter", "dropout:")
    visit.page.check("#differ")
    visit.page.locator(".comparison tr[data-id]", has_text="dropout:0.4").locator("button.hide").click()
    visit.page.click("#all")
    address = "#" + visit.page.url.split("#")[1]
    again = Visit(browser, report_page, address)
    assert again.names() == visit.names()
    assert again.columns() == visit.columns()
    assert again.page.input_value("#filter") == "dropout:"
    assert again.page.get_attribute('th[data-key="step_time_ms"]', "aria-sort") == "descending"
    assert again.page.get_attribute("#all", "aria-pressed") == "true"
    again.context.close()


def test_a_link_to_a_variant_opens_its_section(browser: Any, report_page: Path, visit: Visit) -> None:
    visit.page.locator(".comparison tbody a", has_text="dropout:0.2").click()
    assert visit.page.is_visible("details.variant[open] >> text=To make it again")
    target = visit.page.locator(".comparison tbody a", has_text="dropout:0.2").get_attribute("href")
    again = Visit(browser, report_page, target)
    assert again.page.locator(f'details[open] [id="{target[1:]}"]').is_visible()
    again.context.close()
    cut = Visit(browser, report_page, "#%")  # half an escape, as of an address cut short, leads nowhere
    assert not cut.complaints
    cut.page.fill("#filter", "dropout:0.2")
    cut.page.wait_for_function("document.getElementById('shown').textContent.startsWith('1 of')")
    cut.context.close()


def test_any_two_variants_of_a_suite_are_compared_in_either_direction(visit: Visit) -> None:
    box = visit.page.locator("details.pair").nth(1)
    names = box.locator("select").first.locator("option").all_inner_texts()
    assert len(names) == 4
    box.locator("summary").click()

    def shown(second: int, first: int) -> list[list[str]]:
        box.locator("select").nth(0).select_option(index=second)
        box.locator("select").nth(1).select_option(index=first)
        box.locator("th", has_text=f"{names[second]} against {names[first]}").wait_for()
        return [row.locator("th, td").all_inner_texts() for row in box.locator("tbody tr").all()]

    there, back = shown(2, 3), shown(3, 2)
    assert [row[0] for row in there] == [title for title, *_ in FIGURES]
    assert [row[1:3] for row in there] == [row[2:0:-1] for row in back]
    difference, opposite = (
        re.match(r"([-+][\d.]+) points . (\w+)\s+\[(\S+), (\S+)\]", one[0][3]) for one in (there, back)
    )
    assert float(difference[1]) == -float(opposite[1])
    # A gain ends where nothing is left to gain.
    most = 100 - float(re.match(r"[\d.]+", back[0][2])[0])
    assert float(opposite[4]) == pytest.approx(min(-float(difference[3]), most), abs=1), (there[0], back[0])
    assert re.match(r"[\d.]+ x . \w+\s+\[", there[1][3])
    # Against the baseline it says what the table says.
    told = shown(1, 0)[0][3].split()
    cell = visit.page.locator(".comparison").nth(1).locator("tbody tr").nth(1).locator("td").nth(1).inner_text().split()
    assert [word for word in told if word != "points"] == cell
    assert visit.complaints == []


def test_a_line_per_seed_comes_and_goes_on_request(visit: Visit) -> None:
    page = visit.page
    page.locator("details.variant > summary").first.click()
    figure = page.locator("details.variant").first.locator("figure").first
    figure.scroll_into_view_if_needed()
    figure.locator(".vega-embed svg").wait_for()
    lines = "[...document.querySelectorAll('details[open] figure')][0].querySelectorAll('.mark-line path').length"
    few = page.evaluate(lines)
    page.check("#seeds")
    # Three seeds, training and validation, four panels.
    page.wait_for_function(f"{lines} === {few + 24}")
    assert "seeds=1" in page.url
    page.uncheck("#seeds")
    page.wait_for_function(f"{lines} === {few}")


def test_the_keyboard_reaches_and_works_everything(visit: Visit) -> None:
    page = visit.page
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "(e => [e.tagName, e.id, e.className, e.closest('th')?.dataset.key || ''].join(' '))"
                "(document.activeElement)"
            )
        )
        if reached[-1].startswith("BUTTON  sort accuracy"):
            page.keyboard.press("Enter")
            break
    assert "A  skip " in reached
    assert any("theme" in one for one in reached)
    assert any("filter" in one for one in reached)
    assert page.get_attribute('th[data-key="accuracy"]', "aria-sort") == "descending"
    page.locator("details.variant > summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details.variant").first.get_attribute("open") is not None


def test_the_theme_can_be_switched(visit: Visit) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    light = visit.page.evaluate(colour)
    visit.page.click("#theme")
    assert visit.page.evaluate(colour) != light
    assert visit.page.get_attribute("#theme", "aria-pressed") == "true"


def test_without_scripts_the_page_shows_table_pictures_and_failures(browser: Any, report_page: Path) -> None:
    plain = Visit(browser, report_page, java_script_enabled=False)
    rows = plain.page.locator(".comparison tr[data-id]")
    assert rows.count() == 8
    assert "dropout:0.2" in rows.nth(1).inner_text()
    assert plain.page.locator(".pareto svg").first.is_visible()
    assert "ran longer than 60 s" in plain.page.inner_text("#failed")
    assert not plain.page.is_visible("#controls")
    plain.page.locator("details.variant > summary").nth(1).click()
    assert plain.page.locator("details.variant").nth(1).locator("svg").first.is_visible()
    plain.context.close()


@pytest.mark.slow
@pytest.mark.parametrize("width", [1400, 420])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault_and_nothing_is_wider_than_the_window(
    browser: Any, report_page: Path, scheme: str, width: int
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    seen = Visit(browser, report_page, color_scheme=scheme)
    seen.page.set_viewport_size({"width": width, "height": 900})
    seen.walk()
    seen.page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    violations = axe.Axe().run(seen.page).response["violations"]
    faults = [
        (one["id"], [node["html"][:200] for node in one["nodes"][:3]])
        for one in violations
        if one["impact"] in ("serious", "critical")
    ]
    assert faults == []
    seen.context.close()


def test_on_paper_stand_the_table_with_its_heads_the_charts_and_what_is_open(visit: Visit) -> None:
    page = visit.page
    page.locator("details.variant > summary").nth(1).click()
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 1000, "height": 900})  # A4 across, less its margins
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator(".comparison thead th:not([hidden])").first.inner_text().strip() == "variant"
    for suite in page.locator(".suite").all():
        table, chart = (suite.locator(one).bounding_box() for one in ("table", ".pareto"))
        assert table["x"] + table["width"] <= chart["x"]
        assert chart["x"] + chart["width"] <= 1000
    assert [page.locator("details.variant").nth(number).is_visible() for number in (0, 1, 2)] == [False, True, False]
    assert not page.locator(".group").nth(1).is_visible()
    # Chromium repeats a table's head on each sheet only where no box of a button is in it.
    assert page.locator("thead button").first.evaluate("one => getComputedStyle(one).display") == "contents"
    assert not page.is_visible("#controls")
    assert not page.locator("button.hide").first.is_visible()
    page.locator("details.variant[open]").evaluate("one => { one.open = false; }")
    assert not page.is_visible("#variants")
    sheets = len(re.findall(rb"/Type ?/Page\b", page.pdf(format="A4", landscape=True, prefer_css_page_size=True)))
    assert sheets <= 3
