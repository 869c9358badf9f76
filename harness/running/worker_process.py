"""One worker process as the harness sees it: it gets one task at a time, and its end, however it comes, is told."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.files import replaced, unwritable
from harness.running.fork_server import ForkServer
from harness.running.keeper import LOG_LIMIT_BYTES, Begin, Done, Ending
from harness.running.processes import ForkedProcess, start_program
from harness.running.worker import LOST_CONNECTION, SPOILT_GPU, Answer, WorkerSettings, start_worker
from harness.variants.user_code import describe

# Starting takes seconds; this only ends a start that hangs.
_START_LIMIT_S = 900.0
_END_S = 15.0


class WorkerDied(Exception):
    """The worker ended before its task did; `ending` says how."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending


class WorkerProcess:
    """A worker, started; from one thread at a time, but for `end`.

    Args:
        settings: What it must know.
        memory_mib: The most resident memory that it, and what it starts, may use; 0 for any.
        variables: Its environment, where it is a program; None for the server's, or this process's own.
        server: Forks it; None, or one that forks none, for a program.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        *,
        memory_mib: int = 0,
        variables: Mapping[str, str] | None = None,
        server: ForkServer | None = None,
    ) -> None:
        self.spent = False
        self._ready = False
        self._settings = settings
        self._memory_mib = memory_mib
        self._variables = dict(variables or (server.variables if server else os.environ))
        self._starting = threading.Lock()
        self._ended = False
        self._start(server)

    def _start(self, server: ForkServer | None) -> None:
        settings = self._settings
        self._tasks, tasks = multiprocessing.Pipe()
        self._control, control = multiprocessing.Pipe()
        with tasks, control:
            numbers = tasks.fileno(), control.fileno()
            forked = server.fork(*numbers, settings.log, self._memory_mib) if server else None
            self._process: subprocess.Popen[bytes] | ForkedProcess = forked or start_program(
                "from harness.running.keeper import keep; "
                f"keep(*{numbers}, {str(settings.log)!r}, {self._memory_mib}, others)",
                settings.path,
                numbers,
                self._variables,
            )
        with contextlib.suppress(OSError):  # it ended already: `ready` tells
            self._control.send(Begin(_START_LIMIT_S))
            self._tasks.send((start_worker, (settings,)))

    @property
    def is_ready(self) -> bool:
        """Whether it has started."""
        return self._ready

    def ready(self) -> None:
        """Wait until it has started.

        Raises:
            WorkerDied: It ended meanwhile.
            HarnessError: It cannot start.
        """
        if self._ready:
            return
        if isinstance(self._process, ForkedProcess) and not self._process.is_born(_START_LIMIT_S):
            with self._starting:
                if self._ended:
                    raise WorkerDied(Ending(None))
                self._start(None)  # the server has ended, does not fork, or hangs: a program instead
        self._receive(tidy=False)
        self._ready = True

    def run(self, function: Callable[..., Any], *arguments: Any, limit_s: float, tidy: bool = False) -> Any:
        """Run one task and return what it returns.

        Args:
            function, arguments: The task; what it returns and raises must pickle.
            limit_s: The longest that it may take.
            tidy: End the processes that it started, once it is done.

        Raises:
            WorkerDied: The worker ended, or was ended for its time or memory.
            HarnessError: As the function raised it; or what came in its place cannot be read.
        """
        self.ready()
        try:
            self._control.send(Begin(limit_s))
            self._tasks.send((function, arguments))
        except OSError:
            raise WorkerDied(self._ending()) from None
        return self._receive(tidy=tidy)

    def end(self) -> None:
        """End it, and what it started, now; from any thread, and as often as one likes."""
        with self._starting:
            self._ended = True
            self._process.terminate()
            if not self._process.pid:  # it ends as it is born: nobody is there
                for connection in (self._tasks, self._control):
                    _hang_up(connection)

    def close(self) -> None:
        """End it and wait until it is gone."""
        self.spent = True
        self.end()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _receive(self, *, tidy: bool) -> Any:
        try:
            answer: Answer = self._tasks.recv()
            # So that no limit which runs out now is taken for the next task's.
            self._control.send(Done(tidy))
            told = self._control.recv()
        except (EOFError, OSError):
            raise WorkerDied(self._ending()) from None
        except Exception as error:  # whatever pickle makes of what somebody else wrote there
            self.end()
            self._ending()
            raise HarnessError(f"what its worker answered cannot be read ({describe(error)})") from None
        self.spent = answer.spent or isinstance(told, Ending)
        if answer.error is not None:
            raise answer.error
        return answer.value

    def _ending(self) -> Ending:
        self.spent = True
        try:
            ending: Ending = self._control.recv()
        except Exception:  # the keeper itself was ended
            self.close()
            return Ending(self._process.returncode)
        return ending


def _hang_up(connection: Connection) -> None:
    """End a connection on which another thread of this process may wait."""
    with socket.socket(fileno=os.dup(connection.fileno())) as end, contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


def describe_death(ending: Ending, *, for_memory: bool = False) -> str:
    """Return in words how a worker ended; `for_memory` where the system killed something for memory meanwhile."""
    if ending.exitcode == SPOILT_GPU:
        return "a CUDA error left the GPU unusable to its worker, which was replaced: workers.log has the error"
    if ending.exitcode == LOST_CONNECTION:
        return "the code closed files that it had not opened, its worker's connection among them"
    if ending.exitcode is None:
        told = "the worker was ended from outside"
    elif ending.exitcode < 0:
        names = {one.value: one.name for one in signal.Signals}  # not of every number: real-time signals have none
        told = f"the worker died of {names.get(-ending.exitcode, f'signal {-ending.exitcode}')}"
    else:
        told = f"the worker ended with exit code {ending.exitcode}"
    # Whether this very worker was killed for memory, nobody says: the kernel counts for the whole machine.
    return f"{told} while the system ran out of memory: use fewer --workers or a smaller model" if for_memory else told


def prepare_log(path: Path) -> None:
    """Make the file that takes what workers print, and cut what earlier runs left in it.

    Raises:
        InputError, HarnessError: It cannot be written; see `unwritable`.
    """
    try:
        if path.is_symlink() or (path.exists() and not path.is_file() and not path.is_dir()):
            path.unlink()  # it leads elsewhere, or is a pipe, say, which takes nothing until somebody reads it
        with path.open("ab") as log:
            size = log.tell()
        if size > LOG_LIMIT_BYTES // 2:
            with replaced(path) as scratch, path.open("rb") as log:
                log.seek(-LOG_LIMIT_BYTES // 4, os.SEEK_END)
                scratch.write_bytes(log.read())
    except OSError as error:
        elsewhere = "workers print into it; remove what is in its place, or give --results another folder"
        raise unwritable(path, error, elsewhere=elsewhere, kept="nothing was trained") from None
