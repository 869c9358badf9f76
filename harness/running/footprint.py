"""What a user's code can leave in a process that nothing puts back: threads, and files opened, closed or replaced."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

# A library opens a few for good, at its first use.
_MORE_FILES = 64


@dataclass(frozen=True)
class Footprint:
    """What a process holds at one moment.

    Attributes:
        threads: Numbers of those that run Python.
        files: Its open descriptors, and what each stands for.
        niceness: Its priority, which only an administrator may raise again.
    """

    threads: frozenset[int]
    files: dict[int, tuple[int, int]]
    niceness: int

    @classmethod
    def now(cls) -> Footprint:
        """Return this process's."""
        numbers = [int(path.name) for path in Path("/dev/fd").iterdir()]
        files = {number: found for number in numbers if (found := identity(number)) is not None}
        return cls(frozenset(sys._current_frames()), files, os.nice(0))

    def differs(self, before: Footprint) -> bool:
        """Whether the next trial would meet what was not there before, or miss what was."""
        lost = any(self.files.get(number) != found for number, found in before.files.items())
        many = len(self.files) > len(before.files) + _MORE_FILES
        return bool(lost or many or self.threads - before.threads or self.niceness != before.niceness)


def identity(descriptor: int) -> tuple[int, int] | None:
    """Return what an open descriptor stands for: device and file; None where it is closed."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return None
    return found.st_dev, found.st_ino
