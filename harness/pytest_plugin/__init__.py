"""The pytest plugin. Here is what every run of pytest pays for: options, and a look at `suite_*.py` files.

Everything else (`session.py`) is loaded where there is a suite file of ours, or `--benchmark`.
"""

from __future__ import annotations

import importlib
from collections.abc import Generator
from pathlib import Path

import pytest

from harness.pytest_plugin.options import add_options, add_short_options, give_back_short_options
from harness.pytest_plugin.ours import INI, INI_HELP, MARK, NOTES, Meaning, meaning_of, note

_SESSION = "harness-session"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the options by their long names."""
    add_options(parser)
    parser.addini(INI, INI_HELP, type="paths", default=[])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, object, object]:
    """Register the short names here, when every plugin and conftest has registered its own: theirs stay theirs.

    (`pytest_addoption` runs as each plugin is loaded, so there no plugin can come last.) With `--benchmark` a conftest
    that ends the process is refused: nothing would have been trained, and the exit code be 0.
    """
    if "--benchmark" in args:
        from harness.suite_files import conftest_contained

        with conftest_contained():
            result = yield
    else:
        result = yield
    add_short_options(parser, early_config, explained=bool({"-h", "--help"} & set(args)))
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give back what others may want; first, since pytest-benchmark reads its options here too."""
    give_back_short_options(config)
    config.addinivalue_line("markers", f"{MARK}: a variant of a suite; put there by the plugin, for -m {MARK}")
    if config.getoption("harness_benchmark"):
        _begin(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect suite files."""
    meaning = meaning_of(file_path, parent.config)
    if meaning is Meaning.OURS:
        _begin(parent.config)
        from harness.pytest_plugin.items import SuiteFile

        return SuiteFile.from_parent(parent, path=file_path)
    if meaning is Meaning.DOUBTFUL:
        shown = f"{parent.nodeid}/{file_path.name}"
        note(parent.config, f"{shown} does not import harness: if it declares suites, name the file")
    return None


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Say of a suite file that nothing is declared in it, and how slow suites run where there is nothing else.

    In a run of other tests it is none of our business: somebody's `suite_*.py` may be anything.
    """
    others = any(item.get_closest_marker(MARK) is None for item in items)
    return [] if others else config.stash.get(NOTES, [])


def _begin(config: pytest.Config) -> None:
    if not config.pluginmanager.hasplugin(_SESSION):
        config.pluginmanager.register(importlib.import_module("harness.pytest_plugin.session"), _SESSION)
