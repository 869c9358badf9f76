"""A plugin of coverage.py: what a worker ran is written ten times a second, since the harness ends it with a SIGKILL.

    pip install coverage
    coverage run -m pytest tests    # as pyproject.toml says; docs/reliability.md combines and reports

Only forked processes get it: a worker is a fork of its keeper. What forks itself has no thread while it does: a copy of
one amid its work can crash what is copied. It writes as it forks: the server of forks, which must have one thread, is
ended with a SIGKILL too. Nor is what forked disturbed by a SIGTERM as it ends and writes: a keeper gets one just then.
"""

from __future__ import annotations

import atexit
import functools
import os
import signal
import threading
from collections.abc import Callable

import coverage
from coverage.plugin_support import Plugins

_EVERY_S = 0.1
_FIRST = os.getpid()
"""The process that imported this; its forks find it imported."""

_writing = threading.RLock()
_ended = threading.Event()
_saving: list[threading.Thread] = []


def coverage_init(reg: Plugins, options: dict[str, str]) -> None:
    if os.getpid() == _FIRST:
        coverage.Coverage.save = _one_at_a_time(coverage.Coverage.save)
        os.register_at_fork(before=_end, after_in_parent=_go_on)
    else:  # a fork, which has the hooks already: coverage starts anew in it
        _end()
        _begin()


def _one_at_a_time(save: Callable[[coverage.Coverage], None]) -> Callable[[coverage.Coverage], None]:
    """A thread that writes closes the files of all: under another one that writes, as `os._exit` does, it crashed."""

    @functools.wraps(save)
    def save_alone(measured: coverage.Coverage) -> None:
        with _writing:
            save(measured)

    return save_alone


def _begin() -> None:
    _ended.clear()
    _saving[:] = [threading.Thread(target=_save_again, args=(threading.main_thread(),), name="coverage")]
    _saving[0].start()


def _end() -> None:
    _ended.set()
    for thread in _saving:
        thread.join()


def _go_on() -> None:
    if _saving:
        _begin()
    else:
        _save()
        atexit.register(signal.signal, signal.SIGTERM, signal.SIG_IGN)  # called before what coverage registered


def _save_again(main: threading.Thread) -> None:
    # Python's end waits for this thread, and only then for coverage, which closes its files.
    while not _ended.wait(_EVERY_S) and main.is_alive():
        _save()


def _save() -> None:
    if (measured := coverage.Coverage.current()) is not None:
        measured.save()
