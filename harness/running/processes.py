"""Processes of ours beside the harness: started as programs, or forked by another process that was asked to.

This module must import nothing heavy: keepers do.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""NumPy's, for good, if these stand so as it is imported: a trial has one, and what is forked must have no other."""


def start_program(
    code: str, path: Sequence[str], descriptors: Sequence[int], variables: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a Python process with a `sys.path`, open descriptors and an environment.

    Its NumPy has one thread. `code` finds as `others` what else the variables were that see to it, for `put_back`.
    """
    others = {name: variables.get(name) for name in _ONE_THREAD}
    return subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path[:] = {list(path)}; others = {others}; {code}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=descriptors,
        start_new_session=True,  # no terminal reaches it
        # The order of a set of texts, and so of layers made in a loop over one, must not be chance.
        env={**variables, **_ONE_THREAD, "PYTHONHASHSEED": "0"},
    )


def put_back(others: Mapping[str, str | None]) -> None:
    """Set variables of this process, or take out those that are None."""
    for name, value in others.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def hold(pid: int) -> int | None:
    """Return a descriptor that means this process and no later one of its number; None where the system has none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # not on Linux, before 5.3, or kept from it
        return None


def readable(descriptor: int, timeout: float | None) -> bool:
    """Whether there is something to read, or an end, after at most so many seconds; None waits for ever."""
    waiting = select.poll()  # unlike `select`, whatever the number of the descriptor
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(None if timeout is None else 1000 * timeout))


class ForkedProcess:
    """A process that another one forks, with what `subprocess.Popen` offers of it.

    Args:
        news: Where that one tells its number and gives a descriptor that holds it (`hold`), once it is there; ends
            where it never will be.
    """

    returncode = None
    """Nobody but its parent can know."""

    def __init__(self, news: socket.socket) -> None:
        news.setblocking(False)
        self._news = news
        self._looking = threading.Lock()
        self._descriptor: int | None = None
        self.pid = 0
        """Its number; 0 until `is_born`."""

    def is_born(self, timeout: float = 0.0) -> bool:
        """Return whether it is there, or was, after at most so many seconds."""
        if not self.pid:
            readable(self._news.fileno(), timeout)
            with self._looking, contextlib.suppress(OSError):
                number, descriptors, _, _ = socket.recv_fds(self._news, 32, 1)
                if number:
                    self._descriptor, self.pid = descriptors[0], int(number)
        return bool(self.pid)

    def terminate(self) -> None:
        """Ask it to end; one that is not there yet is waited for no longer."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._send(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it has ended, if it is there.

        Raises:
            subprocess.TimeoutExpired: It has not.
        """
        if self.is_born() and self._descriptor is not None and not readable(self._descriptor, timeout):
            raise subprocess.TimeoutExpired("a forked process", timeout or 0)

    def _send(self, number: signal.Signals) -> None:
        if self.is_born() and self._descriptor is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, number)
        else:
            with contextlib.suppress(OSError):
                self._news.shutdown(socket.SHUT_RDWR)

    def __del__(self) -> None:
        self._news.close()
        if self._descriptor is not None:
            os.close(self._descriptor)
