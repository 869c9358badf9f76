"""What a user's code can change of its process, put back after it: so that one trial costs no other anything."""

from __future__ import annotations

import contextlib
import decimal
import faulthandler
import gc
import locale
import logging
import os
import resource
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

# What a builder finds as the command line. Not the real one, on which a result would depend; not an empty one either,
# with which a parser of arguments that runs on import would go on with its defaults.
_ARGUMENTS = ["harness", "build"]
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_LIMITS = tuple(getattr(resource, name) for name in sorted(vars(resource)) if name.startswith("RLIMIT_"))

Restore = Callable[[], None]

# Modules in which a suite file may put a function of its own in the place of one that all of Python calls.
CALLED_BY_ALL = {"builtins", "json", "math", "os", "random", "time"}


def note_process() -> Restore:
    """Note the state of this process, give it the command line of a build, and return what puts all of it back.

    Raises nothing where something cannot be put back, as a limit that only an administrator may raise.
    """
    return _all_of(_surroundings, _folder, _streams, _signals, _system, _interpreter, _telling, _numbers)


def note_declaration() -> Restore:
    """Note what a file that only declares suites has no reason to change of this process; return what puts it back.

    That is its folder, standard streams, signals, the interpreter's limits, and functions that all of Python calls.
    Variables, paths, warnings and logging stay as the file leaves them: those set a run up.
    """
    # Functions are put back first: the others are put back with them.
    functions = note_modules(CALLED_BY_ALL.__contains__)
    rest = _all_of(_folder, _streams, _descriptors, _signals, _interpreter)

    def restore() -> None:
        functions()
        rest()

    return restore


def _all_of(*notes: Callable[[], Restore]) -> Restore:
    restores = [note() for note in notes]

    def restore() -> None:
        for one in restores:
            one()

    return restore


def _folder() -> Restore:
    try:
        folder = Path.cwd()
    except OSError:  # it was removed
        return lambda: None

    def restore() -> None:
        with contextlib.suppress(OSError):  # it may be gone by now
            os.chdir(folder)

    return restore


def _streams() -> Restore:
    names = ("stdin", "stdout", "stderr", "displayhook", "excepthook", "exit")
    streams = {name: getattr(sys, name) for name in names}
    return lambda: vars(sys).update(streams)


def _descriptors() -> Restore:
    kept = {}
    for number in range(3):
        with contextlib.suppress(OSError):  # it is closed
            kept[number] = os.dup(number)

    def restore() -> None:
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)

    return restore


def _surroundings() -> Restore:
    environment, arguments, path = dict(os.environ), sys.argv, list(sys.path)
    sys.argv = list(_ARGUMENTS)

    def restore() -> None:
        sys.argv, sys.path[:] = arguments, path
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update({name: value for name, value in environment.items() if os.environ.get(name) != value})

    return restore


def _signals() -> Restore:
    if threading.current_thread() is not threading.main_thread():  # only the main thread may set them
        return lambda: None
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    timers = {timer: signal.getitimer(timer) for timer in _TIMERS}

    def restore() -> None:
        for timer, (left, interval) in timers.items():
            if signal.getitimer(timer) != (0.0, 0.0) and not left:
                signal.setitimer(timer, left, interval)
        for number, handler in handlers.items():
            if signal.getsignal(number) is not handler and handler is not None:
                signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    return restore


def _system() -> Restore:
    limits = {limit: resource.getrlimit(limit) for limit in _LIMITS}
    mask = os.umask(0o077)
    os.umask(mask)
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None

    def restore() -> None:
        os.umask(mask)
        for limit, before in limits.items():
            if resource.getrlimit(limit) != before:
                with contextlib.suppress(OSError, ValueError):
                    resource.setrlimit(limit, before)
        if cores is not None and os.sched_getaffinity(0) != cores:
            with contextlib.suppress(OSError):
                os.sched_setaffinity(0, cores)

    return restore


def _interpreter() -> Restore:
    recursion, switching = sys.getrecursionlimit(), sys.getswitchinterval()
    collecting, threshold = gc.isenabled(), gc.get_threshold()

    def restore() -> None:
        sys.setrecursionlimit(recursion)
        sys.setswitchinterval(switching)
        (gc.enable if collecting else gc.disable)()
        gc.set_threshold(*threshold)

    return restore


def _telling() -> Restore:
    filters, showing = list(warnings.filters), warnings.showwarning
    traced, profiled = sys.gettrace(), sys.getprofile()
    logged = logging.root.manager.disable, logging.root.level, list(logging.root.handlers)
    traces = faulthandler.is_enabled()

    def restore() -> None:
        if warnings.filters != filters:
            warnings.filters[:] = filters  # type: ignore[index]
            warnings._filters_mutated()  # type: ignore[attr-defined]
        warnings.showwarning = showing
        if sys.gettrace() is not traced:
            sys.settrace(traced)
        if sys.getprofile() is not profiled:
            sys.setprofile(profiled)
        logging.root.manager.disable, logging.root.level = logged[:2]
        logging.root.handlers[:] = logged[2]
        if not traces:
            faulthandler.disable()

    return restore


def _numbers() -> Restore:
    import numpy as np  # here: a file that declares suites needs none

    errors, printing, context = np.geterr(), np.get_printoptions(), decimal.getcontext().copy()
    place = locale.setlocale(locale.LC_ALL)

    def restore() -> None:
        np.seterr(**errors)
        np.set_printoptions(**printing)
        decimal.setcontext(context)
        if locale.setlocale(locale.LC_ALL) != place:
            with contextlib.suppress(locale.Error):
                locale.setlocale(locale.LC_ALL, place)

    return restore


_Names = dict[str, Any]


def note_modules(names: Callable[[str], bool]) -> Restore:
    """Note what the modules of some names hold, and return what puts it back: code may replace a function of one."""
    before: dict[str, _Names] = {name: dict(vars(module)) for name, module in list(sys.modules.items()) if names(name)}

    def restore() -> None:
        for name, held in before.items():
            if name in sys.modules:
                now = vars(sys.modules[name])
                now.update({key: value for key, value in held.items() if now.get(key) is not value})

    return restore
