"""What this process may use of its machine."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Return how many cores this process may use, which a container or taskset can make fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
