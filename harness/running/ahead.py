"""What the end of a run needs and imports slowly, imported while its trials run."""

from __future__ import annotations

import contextlib
import importlib
import threading


def prepare_the_end() -> None:
    """Import what draws and writes the report, in a thread; what fails there fails again where it is used."""
    threading.Thread(target=_prepare, daemon=True).start()


def _prepare() -> None:
    with contextlib.suppress(Exception):
        importlib.import_module("harness.report.write").warm_up()
