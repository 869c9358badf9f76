"""Locks between processes: the kernel's own, which end with whoever holds them, or an error."""

from __future__ import annotations

import errno
import inspect
from pathlib import Path
from typing import Any

import filelock

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""Errors of a file system that keeps no locks."""

# Where there are none, filelock would take the file itself for the lock: one that a process left behind, as they all
# do, would be waited for without end. Older versions know no such choice, and raise.
_KNOWN = inspect.signature(filelock.FileLock.__init__).parameters
_OPTIONS: dict[str, Any] = {"fallback_to_soft": False} if "fallback_to_soft" in _KNOWN else {}


def lock_file(path: Path, *, timeout_s: float = -1) -> filelock.FileLock:
    """Take the lock of a file, waiting for as long as it takes, or so many seconds; its folder must be there.

    Raises:
        filelock.Timeout: Another process holds it.
        OSError: It cannot be written, or its file system keeps no locks.
    """
    lock = filelock.FileLock(path, **_OPTIONS)
    try:
        lock.acquire(timeout=timeout_s)
    except NotImplementedError as error:
        raise OSError(errno.ENOSYS, str(error), str(path)) from error
    return lock
