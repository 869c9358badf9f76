"""A plugin of coverage.py: what a worker ran is written ten times a second, since the harness ends it with a SIGKILL.

    pip install coverage
    coverage run -m pytest tests && coverage combine && coverage report    # as pyproject.toml says

Only forked processes get it: a worker is a fork of its keeper, which itself ends as any other process does.
"""

from __future__ import annotations

import os
import threading
import time

import coverage
from coverage.plugin_support import Plugins

_EVERY_S = 0.1


def coverage_init(reg: Plugins, options: dict[str, str]) -> None:
    os.register_at_fork(after_in_child=_begin)


def _begin() -> None:
    threading.Thread(target=_save, daemon=True, name="coverage").start()


def _save() -> None:
    while (measured := coverage.Coverage.current()) is not None:
        time.sleep(_EVERY_S)
        measured.save()
