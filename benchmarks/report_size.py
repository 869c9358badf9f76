"""How large the report is, how long it takes to write, and how fast it opens: 20 variants x 10 seeds, 100 x 20.

    python benchmarks/report_size.py [--sizes 20x10 100x20] [--classes 10] [--images 10000] [--epochs 30]

The results are drawn at random (tests/report/made.py): ten classes, 10,000 test images and 30 epochs as in CIFAR-10's
full budget, every cell of every confusion matrix different from the baseline's, which is the largest a page gets.
Opening is timed in Chromium from the start of navigation to the load event, the median of `--opens` fresh pages; the
page is then scrolled to its first interactive chart. A limit that is missed makes the exit code 1.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "report"))

from made import made_results, many_variants

from harness.comparison import Margins, compare_all
from harness.report import write_report
from harness.suites import Suite

# MB and seconds: what the report promises.
LIMITS = {(20, 10): (2.5, 1.0), (100, 20): (10.0, 3.0)}
CHROMIUM = "/usr/bin/chromium"
OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["20x10", "100x20"], help="variants x seeds")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--opens", type=int, default=5)
    arguments = parser.parse_args()
    print("| variants x seeds | MB | written in s | opens in s | first chart in s |")
    print("| --- | --- | --- | --- | --- |")
    missed = False
    for size in arguments.sizes:
        variants, seeds = map(int, size.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            page, writing_s = _write(Path(folder), variants, seeds, arguments.images, arguments.epochs)
            megabytes = page.stat().st_size / 1e6
            opening_s, chart_s = _open(page, arguments.opens)
        print(f"| {variants} x {seeds} | {megabytes:.2f} | {writing_s:.1f} | {opening_s:.2f} | {chart_s:.2f} |")
        largest, slowest = LIMITS.get((variants, seeds), (float("inf"), float("inf")))
        missed |= megabytes > largest or opening_s > slowest
    return int(missed)


def _write(folder: Path, variants: int, seeds: int, images: int, epochs: int) -> tuple[Path, float]:
    suite = Suite("grid", many_variants(variants))
    results = made_results(folder, [suite], seeds=seeds, epochs=epochs, images=images)
    started = time.perf_counter()
    page = write_report(compare_all(results, Margins()), results, Margins())[0]
    return page, time.perf_counter() - started


def _open(page: Path, times: int) -> tuple[float, float]:
    """Return the median seconds until the page has loaded, and until its first chart is interactive after that."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        figures = [_visit(browser, page) for _ in range(times)]
        browser.close()
    loads, charts = zip(*figures, strict=True)
    return statistics.median(loads), statistics.median(charts)


def _visit(browser: Any, page: Path) -> tuple[float, float]:
    tab = browser.new_page(viewport={"width": 1400, "height": 900})
    tab.goto(page.as_uri())
    loaded_ms = tab.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    started = time.perf_counter()
    tab.locator(".pareto figure").first.scroll_into_view_if_needed()
    tab.wait_for_selector(".pareto .vega-embed svg")
    chart_s = time.perf_counter() - started
    tab.close()
    return loaded_ms / 1000, chart_s


if __name__ == "__main__":
    sys.exit(main())
