"""The processes of a running sweep: what each is, which are there, and one of them killed.

What a killed process leaves behind is nobody's child any more: it is known because it was seen before.
"""

from __future__ import annotations

import contextlib
import random

import psutil

KINDS = ("harness", "worker", "keeper", "fork server")
_PROGRAMS = {"harness.running.fork_server": "fork server", "harness.running.keeper": "keeper"}
_BELOW = {"fork server": "keeper", "keeper": "worker"}


class SweepProcesses:
    """A harness that runs a sweep, and all that was ever seen below it.

    Args:
        harness: The process of `harness sweep` or `harness search`.
    """

    def __init__(self, harness: psutil.Process) -> None:
        self.harness = harness
        self._kinds = {harness: "harness"}

    def look(self) -> None:
        """See what is there now."""
        unseen = list(self._kinds)
        while unseen:
            parent = unseen.pop()
            for child in _children(parent):
                if child not in self._kinds:
                    unseen.append(child)
                # Anew each time: one that has just been made still has its parent's command line.
                self._kinds[child] = _BELOW.get(self._kinds[parent]) or _program(child)

    def there(self, kind: str) -> list[psutil.Process]:
        """Return the running processes of a kind, those that a killed one orphaned too."""
        self.look()
        return [process for process, found in self._kinds.items() if found == kind and running(process)]

    def left(self) -> list[psutil.Process]:
        """Return the running processes of every kind but the harness."""
        self.look()
        return [process for process in self._kinds if process != self.harness and running(process)]

    def strike(self, draw: random.Random, kind: str = "") -> str:
        """Kill one process of a running sweep with SIGKILL, of a kind, or of any that is there, the harness most often.

        Return of which kind it was; empty where the sweep has ended or has none of the kind.
        """
        if not running(self.harness):
            return ""
        chosen = {one: found for one in ((kind,) if kind else KINDS) if (found := self.there(one))}
        kinds = [*chosen, *(one for one in chosen if one == "harness")]
        if not kinds:
            return ""
        kind = draw.choice(kinds)
        process = draw.choice(chosen[kind])
        with contextlib.suppress(psutil.Error):
            process.suspend()  # or it might make a process between the look and its end
            self.look()
            process.kill()
            return kind
        return ""


def running(process: psutil.Process) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children()
    except psutil.Error:
        return []


def _program(process: psutil.Process) -> str:
    try:
        line = " ".join(process.cmdline())
    except psutil.Error:
        return ""
    return next((kind for module, kind in _PROGRAMS.items() if module in line), "")
