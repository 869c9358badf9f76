"""A plugin of coverage.py: what a worker ran is written ten times a second, since the harness ends it with a SIGKILL.

    pip install coverage
    coverage run -m pytest tests && coverage combine && coverage report    # as pyproject.toml says

Only forked processes get it: a worker is a fork of its keeper. What forks itself has no thread while it does: a copy of
one amid its work can crash what is copied.
"""

from __future__ import annotations

import os
import threading

import coverage
from coverage.plugin_support import Plugins

_EVERY_S = 0.1

_ended = threading.Event()
_saving: list[threading.Thread] = []


def coverage_init(reg: Plugins, options: dict[str, str]) -> None:
    os.register_at_fork(before=_end, after_in_parent=_again, after_in_child=_begin)


def _begin() -> None:
    _ended.clear()
    _saving[:] = [threading.Thread(target=_save, daemon=True, name="coverage")]
    _saving[0].start()


def _again() -> None:
    if _saving:
        _begin()


def _end() -> None:
    _ended.set()
    for thread in _saving:
        thread.join()


def _save() -> None:
    while (measured := coverage.Coverage.current()) is not None and not _ended.wait(_EVERY_S):
        measured.save()
