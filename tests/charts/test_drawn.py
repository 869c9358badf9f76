"""Charts are drawn where what they show has changed, and only what was drawn here is taken for drawn."""

import dataclasses
from pathlib import Path

import pytest
import vl_convert
from made_results import BASELINE, DROPOUT, Made, make_results

from harness import load_results
from harness.charts.drawn import kept_text
from harness.cli import run
from harness.comparison import Margins, compare_all
from harness.report import write_report

BEFORE = Made(accuracies={BASELINE: 0.8, DROPOUT: 0.9}, step_ms={BASELINE: 8.0, DROPOUT: 9.0})


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def drawings(monkeypatch):
    """How often Vega was asked to draw."""
    asked = []
    for name in ("vega_to_svg", "svg_to_png"):
        drawer = getattr(vl_convert, name)
        monkeypatch.setattr(vl_convert, name, lambda *a, f=drawer, n=name, **k: (asked.append(n), f(*a, **k))[1])
    return asked


def report(folder):
    results = load_results(folder)
    return write_report(compare_all(results, Margins()), results, Margins())


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "charts").iterdir())}


def test_nothing_is_drawn_again_where_nothing_has_changed(tmp_path, drawings):
    folder = make_results(tmp_path / "results", BEFORE)
    page, *_ = report(folder)
    first, text = contents(folder), page.read_text()
    assert drawings.count("vega_to_svg") >= 8
    drawings.clear()
    report(folder)
    assert drawings == []
    assert contents(folder) == first
    assert text.count("<svg") == page.read_text().count("<svg") > 0


def test_what_changed_is_drawn_as_if_it_were_the_first_time(tmp_path, drawings, monkeypatch):
    folder = make_results(tmp_path / "results", BEFORE)
    report(folder)
    whole = len(drawings)
    drawings.clear()
    more = Made(accuracies={BASELINE: 0.8, DROPOUT: 0.7}, step_ms={})
    make_results(folder, more)
    report(folder)
    assert 0 < len(drawings) < whole  # not the baseline's
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "empty"))
    again = contents(folder)
    for path in (folder / "charts").iterdir():
        path.unlink()
    report(folder)
    assert contents(folder) == again


def test_a_picture_that_somebody_else_put_there_is_drawn_over_and_never_shown(tmp_path):
    folder = make_results(tmp_path / "results", BEFORE)
    page, *charts = report(folder)
    before = contents(folder)
    for path in charts:
        if path.suffix == ".svg":
            path.write_text(path.read_text().replace("</svg>", "<script>alert(1)</script></svg>"))
    page, *_ = report(folder)
    assert "alert(1)" not in page.read_text()
    assert contents(folder) == before


def test_without_a_cache_that_can_be_written_all_is_drawn(tmp_path, cache, drawings):
    cache.write_text("a file")
    folder = make_results(tmp_path / "results", BEFORE)
    report(folder)
    whole = drawings.count("vega_to_svg")
    report(folder)
    assert drawings.count("vega_to_svg") == 2 * whole


@pytest.mark.parametrize("damage", [lambda text: text[:-1], lambda text: text + "x", lambda text: ""])
def test_a_damaged_text_is_made_anew(cache, damage):
    made = iter(["one", "two"])
    assert kept_text("name", lambda: next(made)) == "one"
    assert kept_text("name", lambda: next(made)) == "one"
    (path,) = Path(cache / "charts").iterdir()
    path.write_text(damage(path.read_text()))
    assert kept_text("name", lambda: next(made)) == "two"


OTHER_IMAGES = dataclasses.replace(BEFORE, fingerprint="e" * 16, started_at="2026-02-03T04:05:06+00:00")


def test_charts_of_no_table_any_more_go_and_names_tell_images_by_what_stays(tmp_path):
    folder = make_results(tmp_path / "results", BEFORE)
    report(folder)
    first = contents(folder)
    own = folder / "charts" / "own.svg"
    own.write_bytes(first["dropout.baseline.curves.svg"])
    edited = folder / "charts" / "dropout.pareto.svg"
    edited.write_text(edited.read_text().replace("</svg>", "<!-- mine --></svg>"))
    make_results(folder, OTHER_IMAGES)
    _, *charts = report(folder)
    assert contents(folder).keys() == {path.name for path in charts} | {own.name, edited.name}
    for fingerprint in ("ffffffff", "eeeeeeee"):
        told = [path for path in charts if f"images_{fingerprint}.baseline.curves" in path.name]
        assert len(told) == 1, fingerprint
    make_results(folder, dataclasses.replace(BEFORE, fingerprint="d" * 16))
    report(folder)
    assert {path.name for path in charts} < contents(folder).keys()


def test_a_report_of_some_of_the_tables_leaves_the_charts_of_the_others(tmp_path):
    folder = make_results(tmp_path / "results", BEFORE)
    make_results(folder, dataclasses.replace(BEFORE, name="more"))
    report(folder)
    before = contents(folder)
    assert run(["report", "--results", str(folder), "--suite", "more"]) == 0
    assert before.keys() <= contents(folder).keys()
