"""The report's content, read without a browser."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import importlib.metadata
import json
import re
from pathlib import Path

import pytest
from made import made_results
from made_results import Made, make_results

import harness
from harness.cli import run
from harness.comparison import Margins, compare_all
from harness.report import write_report
from harness.report.inline_svg import inline_svg
from harness.results import Results, load_results
from harness.suites import Suite
from harness.variants import BASELINE, RULES, Variant

WIDE, DEEP = BASELINE.replace(filters=(64, 128)), BASELINE.replace(dropout=0.5)


def small(folder: Path, **more: object) -> Results:
    return made_results(folder, [Suite("size", [WIDE, DEEP])], epochs=2, images=60, **more)  # type: ignore[arg-type]


def report_of(results: Results, margins: Margins, *, partial: str = "") -> list[Path]:
    return write_report(compare_all(results, margins), results, margins, partial=partial)


def without_time(page: Path) -> str:
    """Return a page's text, whenever it was made."""
    return re.sub(r"\d\d:\d\d UTC", "", page.read_text(encoding="utf-8"))


def text_of(results: Results, *, partial: str = "") -> str:
    return report_of(results, Margins(), partial=partial)[0].read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, list[Path]]:
    """Results, and the files of their report."""
    results = small(tmp_path_factory.mktemp("written"))
    return results, report_of(results, Margins())


def test_exact_values_stand_beside_the_rounded_ones(written: tuple[Results, list[Path]]) -> None:
    results, (path, *_) = written
    page = path.read_text(encoding="utf-8")
    mean = sum(r.accuracy for r in results.records.values() if r.trial.variant == WIDE) / 3
    assert any(abs(float(value) - mean) < 1e-12 for value in re.findall(r'data-value="(0\.\d+)"', page))


def test_the_page_asks_for_nothing_and_holds_each_library_once(written: tuple[Results, list[Path]]) -> None:
    page = written[1][0].read_text(encoding="utf-8")
    outside = re.sub(r'<script type="text/plain" id="library">.*?</script>', "", page, flags=re.DOTALL)
    assert not re.search(r'(?:src|href|action)\s*=\s*"(?!#|data:,)', outside)
    assert "default-src &#39;none&#39;" in outside
    assert page.count('id="library"') == 1


def test_every_chart_of_the_page_is_a_file_too(written: tuple[Results, list[Path]]) -> None:
    results, (page, *charts) = written
    packed = re.search(r'id="data">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)[1]  # type: ignore[index]
    data = json.loads(gzip.decompress(base64.b64decode(packed)))
    assert sum(path.suffix == ".svg" for path in charts) == len(data["charts"])
    assert all(path.is_file() and path.parent == results.folder / "charts" for path in charts)
    assert [path.name for path in charts if path.suffix != ".svg"] == ["size.pareto.png"]


def test_a_checkout_that_is_not_installed_writes_its_page(
    written: tuple[Results, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = importlib.metadata.version

    def version(name: str) -> str:
        if name == "cnn-harness":
            raise importlib.metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert f"by cnn-harness {harness.__version__}" in text_of(written[0])


def test_each_chart_is_a_png_too_where_that_is_asked_for(written: tuple[Results, list[Path]], tmp_path: Path) -> None:
    comparisons = compare_all(written[0], Margins())
    _, *charts = write_report(comparisons, written[0], Margins(), folder=tmp_path, every_png=True)
    assert {path.with_suffix(".png") for path in charts} == {path for path in charts if path.suffix == ".png"}


def test_a_suite_at_chance_says_so_above_its_table_in_the_words_of_the_tables(tmp_path: Path) -> None:
    results = load_results(make_results(tmp_path, Made({BASELINE: 0.10, WIDE: 0.11, DEEP: 0.60}, step_ms={})))
    low = dataclasses.replace(
        results, records={key: one for key, one in results.records.items() if one.trial.variant != DEEP}
    )
    (said,) = {row["chance"] for one in compare_all(low, Margins()) for row in one.rows}
    assert "is surely better than always guessing" in said
    assert text_of(low).count(f'<p class="warning">{said}</p>') == 1
    assert "always guessing" not in text_of(results)


@pytest.mark.parametrize(
    "change",
    [
        {"records": {}, "step_times": {}, "provenances": {}},
        {"step_times": {}},
        {"suites": ()},
        {"provenances": None},
    ],
    ids=["no record yet", "no step times", "no suite", "baseline not trained yet"],
)
def test_results_of_a_sweep_that_has_just_begun_make_a_page(tmp_path: Path, change: dict[str, object]) -> None:
    results = small(tmp_path)
    if change.get("provenances", 0) is None:
        records = {key: one for key, one in results.records.items() if one.trial.variant != BASELINE}
        change = {"records": records}
    page = text_of(dataclasses.replace(results, **change), partial="interrupted")  # type: ignore[arg-type]
    assert "Partial results:</strong> interrupted" in page
    assert page.rstrip().endswith("</html>")


def test_main_effects_stand_where_a_suite_crossed_its_fields_and_nowhere_else(tmp_path: Path) -> None:
    grid = [BASELINE.replace(dropout=rate, l2=l2) for rate in (0.0, 0.5) for l2 in (0.0, 0.001)][1:]
    suites = [Suite("crossed", grid), Suite("star", [WIDE, DEEP])]
    page = text_of(made_results(tmp_path, suites, seeds=1, epochs=1, images=40, timed=False))
    fields = page[page.index('<section id="fields"') :]
    assert re.findall(r"<h3>(\w+)", fields) == ["crossed"]
    assert not list((tmp_path / "charts").glob("star*main-effects*"))
    assert [path.suffix for path in sorted((tmp_path / "charts").glob("crossed*main-effects*"))] == [".png", ".svg"]


def test_the_head_says_where_the_results_come_from(written: tuple[Results, list[Path]]) -> None:
    head = written[1][0].read_text(encoding="utf-8").partition("</header>")[0]
    found = dict(re.findall(r"<dt>(\w+)</dt><dd>(.*?)</dd>", head))
    assert found.pop("report").partition("UTC by cnn-harness ")[2]
    assert found == {
        "dataset": "digits",
        "run": "2026-01-02",
        "commit": "0123456789",
        "machine": "box, A processor, 2 cores",
        "trials": "9, all with a result",
    }


def test_one_seed_gives_a_page_without_intervals(tmp_path: Path) -> None:
    assert "unresolved" in text_of(small(tmp_path, seeds=1))


def test_a_failed_trial_stands_in_the_list_with_its_message(tmp_path: Path) -> None:
    page = text_of(small(tmp_path, failures={WIDE.name: "out of memory: 3 GiB asked for\nsecond line"}))
    assert "out of memory: 3 GiB asked for\nsecond line" in page


def test_the_command_writes_the_page_of_these_margins_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_results(tmp_path / "results", Made())
    page = folder / "report" / "index.html"
    assert run(["report", "--results", str(folder), "--alpha", "0.2", "--margin-accuracy", "0.3"]) == 0
    told, text = capsys.readouterr().out, without_time(page)
    assert str(page) in told
    assert f"{len(list((folder / 'charts').iterdir()))} charts" in told
    default, *_ = report_of(load_results(folder), Margins())
    assert default == page
    assert without_time(page) != text
    report_of(load_results(folder), Margins(alpha=0.2, accuracy=0.3))
    assert without_time(page) == text


def test_the_command_refuses_a_folder_without_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "--results", str(tmp_path)]) == 4
    assert "holds no results" in capsys.readouterr().err


def test_only_tags_of_a_picture_change_on_its_way_to_the_page() -> None:
    svg = '<svg xmlns="x"><g><text font-size="11px">fill="#1f2328" 0.123456 id="a"</text></g></svg>'
    assert 'fill="#1f2328" 0.123456 id="a"' in inline_svg(svg, "c0", "what")


def test_a_circle_is_told_briefly_and_what_a_picture_inherits_is_not_told_again() -> None:
    dot = 'd="M2.739,0A2.739,2.739,0,1,1,-2.739,0A2.739,2.739,0,1,1,2.739,0" fill="#0072b2" stroke-width="2"'
    svg = f'<svg xmlns="x"><path transform="translate(5,9)" {dot}/><text font-size="11px">a</text></svg>'
    found = inline_svg(svg, "c0", "what")
    assert '<circle transform="translate(5,9)" r="2.7" fill="var(--blue)"/><text>a</text>' in found


@pytest.mark.parametrize(
    ("base", "told"),
    [
        (
            BASELINE.replace(model="nets:build", activation="elu", precision_policy="mixed_bfloat16"),
            {"activation", "batch_size", "model", "options"},
        ),
        (
            BASELINE.replace(backbone="MobileNetV2"),
            RULES.keys() - {"filters", "kernel_size", "pooling", "batch_norm", "dropout"},
        ),
        (BASELINE, RULES.keys() - {"dropout"}),
    ],
    ids=["own", "backbone", "tutorial"],
)
def test_what_all_variants_share_is_told_only_of_what_the_network_uses(
    tmp_path: Path, base: Variant, told: set[str]
) -> None:
    suite = Suite("net", [base.replace(dropout=0.5)], base)
    page = text_of(made_results(tmp_path, [suite], seeds=1, epochs=1, images=40, timed=False))
    line = page[page.index("The same in all variants: ") :].partition(": ")[2].partition(".</p>")[0]
    assert {part.split()[0] for part in line.split(", ") if part.split()[0] in RULES} == told
