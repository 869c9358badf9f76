"""A browser for the page, and reports made once for all tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from made import made_results, many_variants

from harness.comparison import Margins, compare_all
from harness.report import write_report
from harness.suites import Suite
from harness.variants import BASELINE

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def report_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of two suites, one trial failed and one diverged."""
    dropout = [BASELINE.replace(dropout=rate) for rate in (0.2, 0.4, 0.6)]
    results = made_results(
        tmp_path_factory.mktemp("results"),
        [Suite("dropout", dropout), Suite("mixed", many_variants(3))],
        failures={dropout[1].name: "ran longer than 60 s", dropout[2].name: "nan in the loss of epoch 1"},
    )
    return write_report(compare_all(results, Margins()), results, Margins())[0]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium; tests that need it are skipped where it is missing."""
    if not CHROMIUM.is_file():
        pytest.skip(f"{CHROMIUM} is missing: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_OPTIONS))
        yield started
        started.close()
