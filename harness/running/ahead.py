"""What the end of a run needs and imports slowly, imported while its trials run."""

from __future__ import annotations

import contextlib
import importlib
import threading

# What intervals and tables import at their first use.
_LATER = ("scipy.special", "tabulate")


def prepare_the_end() -> None:
    """Import what draws and writes the report, in a thread; what fails there fails again where it is used."""
    threading.Thread(target=_prepare, daemon=True).start()


def _prepare() -> None:
    with contextlib.suppress(Exception):
        importlib.import_module("harness.report.write").warm_up()
        for name in _LATER:
            importlib.import_module(name)
