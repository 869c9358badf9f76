"""The process that imports TensorFlow once and from which workers are forked: each then starts in a tenth of a second.

A program of its own imports for some 2.5 s of a core, and holds 750 MiB, of which a fork shares all but 180. This is
the harness's own server: that of multiprocessing is one for all code of a process, and imports the program that asks.
What is forked has a single thread, else the server ends, and has computed nothing: the backend starts in the worker.

This module must import nothing heavy before `serve` has configured its process.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
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
from harness.running.worker import import_backend

_MOST_BYTES = 2**16
# NumPy would start a thread for each further core as it is imported.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class ForkServer:
    """Forks keepers of workers, asked from any thread; one that has ended forks none. It starts as it is first asked.

    Args:
        path: Where it and its workers find modules; None for where this process does as it starts.
    """

    def __init__(self, path: Sequence[str] | None = None) -> None:
        self._path = path
        self._connection: socket.socket | None = None
        self._asking = threading.Lock()
        self.close: Callable[[], object] = lambda: None
        """End the server; what it has forked goes on."""

    @classmethod
    def of(cls, environment: Environment, path: Sequence[str] | None = None) -> Self | None:
        """Return one for the workers of some trials; None where they cannot be forked.

        That is where the backend begins to work as it is imported, and where a process cannot be held.
        """
        if sys.platform != "linux" or (environment.device, environment.backend) != ("cpu", "tensorflow"):
            return None
        try:
            os.close(os.pidfd_open(os.getpid()))
        except (AttributeError, OSError):
            return None
        return cls(path)

    def begin(self) -> None:
        """Start it, if it has not been started: it imports for seconds. Its variables are this process's of now."""
        with self._asking:
            self._begun()

    def fork(self, tasks: int, control: int, log: Path, memory_mib: int) -> ForkedProcess | None:
        """Ask for a fork: a keeper with its worker, as `keep` describes it; None where the server has ended.

        It is there once the server has imported.
        """
        request = json.dumps([str(log), memory_mib]).encode(errors="surrogateescape")
        born, told = os.pipe()
        try:
            with self._asking:
                socket.send_fds(self._begun(), [request], [tasks, control, told])
        except OSError:
            os.close(born)
            return None
        finally:
            os.close(told)
        return ForkedProcess(born)

    def _begun(self) -> socket.socket:
        if self._connection is None:
            self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                process = start_program(
                    f"import os; variables = dict(os.environ); os.environ |= {_ONE_THREAD}; "
                    f"from harness.running.fork_server import serve; serve({theirs.fileno()}, variables)",
                    sys.path if self._path is None else self._path,
                    [theirs.fileno()],
                    os.environ,
                )
            self.close = weakref.finalize(self, _end, process, self._connection)
        return self._connection


def _end(process: subprocess.Popen[bytes], connection: socket.socket) -> None:
    connection.close()
    process.kill()
    process.wait()


class ForkedProcess:
    """A process that another one has forked, with what `subprocess.Popen` offers of it.

    Args:
        born: Descriptor that tells its number, once it is there, or ends, if it never will be.
    """

    returncode = None
    """Nobody but its parent can know."""

    def __init__(self, born: int) -> None:
        self._born = born
        self._reading = threading.Lock()
        self._descriptor: int | None = None
        self._pid = 0

    @property
    def pid(self) -> int:
        """Its number, once it is there; 0 where it never will be."""
        self._open()
        return self._pid

    def terminate(self) -> None:
        """Ask it to end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._send(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it has ended.

        Raises:
            subprocess.TimeoutExpired: It has not.
        """
        descriptor = self._open()
        if descriptor is not None and not select.select([descriptor], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("a forked process", timeout or 0)

    def _send(self, number: signal.Signals) -> None:
        descriptor = self._open()
        if descriptor is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, number)

    def _open(self) -> int | None:
        """Return what refers to the process; None where it has ended, or never was."""
        with self._reading:
            if self._born >= 0:
                number = os.read(self._born, 32)
                os.close(self._born)
                self._born = -1
                self._pid = int(number or 0)
                with contextlib.suppress(ProcessLookupError):
                    self._descriptor = os.pidfd_open(self._pid) if self._pid else None
            return self._descriptor

    def __del__(self) -> None:
        for descriptor in (self._born, self._descriptor):
            if descriptor is not None and descriptor >= 0:
                os.close(descriptor)


def start_program(
    code: str, path: Sequence[str], descriptors: Sequence[int], variables: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a process of ours beside the harness, with an environment and open descriptors."""
    return subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path[:] = {list(path)}; {code}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=descriptors,
        start_new_session=True,  # no terminal reaches it
        # The order of a set of texts, and so of layers made in a loop over one, must not be chance.
        env={**variables, "PYTHONHASHSEED": "0"},
    )


def serve(descriptor: int, variables: Mapping[str, str]) -> None:
    """Import what workers need, then fork one with these variables for each request, until the harness is gone."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    connection = socket.socket(fileno=descriptor)
    import_backend()
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        return  # something that starts with every Python, a profiler say, has a thread here: a copy of it could crash
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries them
    while True:
        request, descriptors, _, _ = socket.recv_fds(connection, _MOST_BYTES, 3)
        if not request:
            return
        tasks, control, told = descriptors
        child = os.fork()
        if not child:
            connection.close()
            os.close(told)
            os.environ.clear()
            os.environ.update(variables)
            _become_keeper(tasks, control, request)
        with contextlib.suppress(OSError):  # whoever asked is gone
            os.write(told, str(child).encode())
        for one in descriptors:
            os.close(one)


def _become_keeper(tasks: int, control: int, request: bytes) -> NoReturn:
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        log, memory_mib = json.loads(request)
        keep(tasks, control, log, memory_mib)
    finally:
        os._exit(0)
