"""What this process may use of its machine, and how its Python runs."""

from __future__ import annotations

import os
import sys
import time

_STRIPPED = (
    "Python runs without docstrings (-OO, PYTHONOPTIMIZE=2), which the charts and the commands' help are made with: "
    "leave that out; -O may stay"
)
_TOO_LATE = "this machine's clock is set to after the year 2262, a time that Python cannot tell: set it (`date`)"


def unfit() -> str:
    """Return why nothing can work in this process, and what to do about it; empty where it can.

    Altair cannot be imported without docstrings, nor `logging` where there is no time.
    """
    if sys.flags.optimize >= 2:
        return _STRIPPED
    try:
        time.time()
    except OverflowError:
        return _TOO_LATE
    return ""


def usable_cores() -> int:
    """Return how many cores this process may use, which a container or taskset can make fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
