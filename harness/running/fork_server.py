"""The process that imports TensorFlow once and from which workers are forked: each then starts in a tenth of a second.

A program of its own imports for some 2.5 s of a core, and holds 750 MiB, of which a fork shares all but 180. This is
the harness's own server: that of multiprocessing is one for all code of a process, and imports the program that asks.
What is forked has a single thread, else the server ends, and has computed nothing: the backend starts in the worker.

This module imports NumPy, which is held to one thread before, but no backend until `serve` has configured its process.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, Self

from harness.results.trials import Environment
from harness.running.keeper import keep
from harness.running.processes import ForkedProcess, hold, start_program
from harness.running.worker import import_backend

_MOST_BYTES = 2**16


class ForkServer:
    """Forks keepers of workers, asked from any thread; one that has ended forks none. It starts as it is first asked.

    Attributes:
        variables: The environment of what it forks: this process's of now.
    """

    def __init__(self) -> None:
        self.variables = dict(os.environ)
        self._connection: socket.socket | None = None
        self._asking = threading.Lock()
        self.close: Callable[[], object] = lambda: None
        """End the server; what it has forked goes on."""

    @classmethod
    def of(cls, environment: Environment) -> Self | None:
        """Return one for the workers of some trials; None where they cannot be forked.

        That is where the backend begins to work as it is imported, and where a process cannot be held.
        """
        if sys.platform != "linux" or (environment.device, environment.backend) != ("cpu", "tensorflow"):
            return None
        descriptor = hold(os.getpid())
        if descriptor is None:
            return None
        os.close(descriptor)
        return cls()

    def begin(self) -> None:
        """Start it, if it has not been started: it imports for seconds."""
        with self._asking, contextlib.suppress(OSError):  # workers are programs then
            self._begun()

    def fork(self, tasks: int, control: int, log: Path, memory_mib: int) -> ForkedProcess | None:
        """Ask for a fork: a keeper with its worker, as `keep` describes it; None where the server has ended.

        It is there once the server has imported.
        """
        news, told = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with told:
            try:
                with self._asking:
                    descriptors = [tasks, control, told.fileno()]
                    socket.send_fds(self._begun(), [json.dumps([str(log), memory_mib]).encode()], descriptors)
            except OSError:
                news.close()
                return None
        return ForkedProcess(news)

    def _begun(self) -> socket.socket:
        if self._connection is None:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                process = start_program(
                    f"from harness.running.fork_server import serve; serve({theirs.fileno()}, others)",
                    sys.path,
                    [theirs.fileno()],
                    self.variables,
                )
            self._connection = ours
            self.close = weakref.finalize(self, _end, process, ours)
        return self._connection


def _end(process: subprocess.Popen[bytes], connection: socket.socket) -> None:
    connection.close()
    process.kill()
    process.wait()


def serve(descriptor: int, others: Mapping[str, str | None]) -> None:
    """Import what workers need, then fork one for each request, until the harness is gone; `others` as of `keep`."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    connection = socket.socket(fileno=descriptor)
    variables = dict(os.environ)
    import_backend()
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        return  # something that starts with every Python, a profiler say, has a thread here: a copy of it could crash
    signal.signal(signal.SIGCHLD, lambda number, frame: _bury())
    while True:
        request, descriptors, _, _ = socket.recv_fds(connection, _MOST_BYTES, 3)
        if not request:
            return
        tasks, control, told = descriptors
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])  # none is buried before it is held
        child = os.fork() or _become_keeper(
            tasks, control, request, others, variables, unused=(connection.fileno(), told)
        )
        with socket.socket(fileno=told) as news, contextlib.suppress(OSError):  # whoever asked is gone
            held = os.pidfd_open(child)
            socket.send_fds(news, [str(child).encode()], [held])
            os.close(held)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        os.close(tasks)
        os.close(control)


def _bury() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _become_keeper(
    tasks: int,
    control: int,
    request: bytes,
    others: Mapping[str, str | None],
    variables: Mapping[str, str],
    *,
    unused: Sequence[int],
) -> NoReturn:
    try:
        for descriptor in unused:
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(variables)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        os.setsid()
        log, memory_mib = json.loads(request)
        keep(tasks, control, log, memory_mib, others)
    finally:
        os._exit(0)
