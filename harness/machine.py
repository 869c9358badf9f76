"""What this process may use of its machine, and how its Python runs."""

from __future__ import annotations

import os
import sys

STRIPPED = (
    "Python runs without docstrings (-OO, PYTHONOPTIMIZE=2), which the charts and the commands' help are made with: "
    "leave that out; -O may stay"
)


def is_stripped() -> bool:
    """Whether this Python leaves docstrings out: Altair then cannot be imported."""
    return sys.flags.optimize >= 2


def usable_cores() -> int:
    """Return how many cores this process may use, which a container or taskset can make fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
