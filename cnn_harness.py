"""Where pytest enters: its plugin, unless the project has a `harness/` of its own, which must stay the one imported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def other_harness(folder: Path) -> Path | None:
    """Return the module or package `harness` that this folder or its `src` holds, where it is not this project's."""
    for place in (folder / "harness", folder / "src" / "harness"):
        if place.with_suffix(".py").is_file():
            return place.with_suffix(".py")
        if place.is_dir() and any(place.glob("*.py")) and not (place / "pytest_plugin").is_dir():
            return place
    return None


_OTHER = other_harness(Path.cwd())


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Bring in the plugin, by the name `harness`; where it must not be imported, only say why it cannot work here."""
    if pluginmanager.is_blocked("harness"):
        return
    if _OTHER is None:
        import harness.pytest_plugin

        pluginmanager.register(harness.pytest_plugin, "harness")
        return
    parser.getgroup("cnn-harness").addoption(
        "--benchmark",
        action="store_true",
        dest="harness_benchmark",
        help="Not in this project: its own `harness` hides cnn-harness.",
    )


def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Refuse what would import the wrong package, before options are refused that are unknown without it."""
    if _OTHER is not None and "--benchmark" in args and not early_config.pluginmanager.is_blocked("harness"):
        import pytest

        raise pytest.UsageError(
            f"--benchmark: this project has a `harness` of its own ({_OTHER}), which hides the package of "
            "cnn-harness: rename it, or keep the suites in a project beside it"
        )
