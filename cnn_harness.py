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

if _OTHER is None:
    pytest_plugins = ["harness.pytest_plugin"]
else:

    def pytest_addoption(parser: pytest.Parser) -> None:
        """Register `--benchmark` alone, to say why it cannot work here."""
        parser.getgroup("cnn-harness").addoption(
            "--benchmark",
            action="store_true",
            dest="harness_benchmark",
            help="Not in this project: its own `harness` hides cnn-harness.",
        )

    def pytest_configure(config: pytest.Config) -> None:
        """Refuse what would import the wrong package; everything else is none of our business."""
        if config.getoption("harness_benchmark"):
            import pytest

            raise pytest.UsageError(
                f"--benchmark: this project has a `harness` of its own ({_OTHER}), which hides the package of "
                "cnn-harness: rename it, or keep the suites in a project beside it"
            )
