"""Waiting for what a test needs to see, however busy the machine is."""

import sys
import threading
import time

import psutil
from sweep_processes import running

PATIENCE_S = 900
"""What nothing takes unless it hangs."""
_WAITS = ("wait", "join", "_wait_for_tstate_lock")


def wait_until(condition) -> None:
    """Wait until a function returns what is true; an error where it does not within `PATIENCE_S`."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "gave up waiting"
        time.sleep(0.01)


def ended(process: psutil.Process | int) -> bool:
    """Whether a process, or that of a number, has ended, though nobody may have asked for its exit code yet."""
    try:
        return not running(process if isinstance(process, psutil.Process) else psutil.Process(process))
    except psutil.NoSuchProcess:
        return True


def waits_in(thread: threading.Thread) -> list[str]:
    """Return the functions in which a thread waits for another, the innermost first; none while it does not wait."""
    frame = sys._current_frames().get(thread.ident)
    if frame is None or frame.f_code.co_filename != threading.__file__ or frame.f_code.co_name not in _WAITS:
        return []
    names = []
    while frame is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names
