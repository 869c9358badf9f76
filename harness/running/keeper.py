"""The process between the harness and one worker: it ends the worker, and whatever that started, when it must.

It lives in a session of its own, so that no terminal reaches it, and waits for the first of four things: the worker
ended; the harness is gone (a pipe between them closed); the time or the memory of a trial is used up. Then it ends
every process below itself. On Linux it adopts orphans, so that a daemon that a user's code left behind is below it too.

This module must import nothing heavy: one such process runs beside each worker. It is started as a program, with the
numbers of two open descriptors, and turns into a keeper and, in a fork made before any thread is there, a worker.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import selectors
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Literal, NoReturn

from harness.running.processes import hold, put_back

# prctl(2): children of a descendant that ended become this process's own; a signal for the death of the parent.
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
# How often memory is read, and the worker asked for where the system cannot tell of its end.
_POLL_S = 0.2
# What a worker that is over its memory gets to write down the line at which it is.
_LINE_S = 0.5
_DEATH_S = 5.0
LOG_LIMIT_BYTES = 10 * 2**20
_CUT = b"\n[the log is full: what follows of this run is left out]\n"


@dataclass(frozen=True)
class Ending:
    """How a worker ended.

    Attributes:
        exitcode: Of the worker, a signal's number below zero; None where nobody knows.
        limit: What it went beyond, where it was ended for that.
    """

    exitcode: int | None
    limit: Literal["", "time", "memory"] = ""


@dataclass(frozen=True)
class Begin:
    """From the harness: the worker has got a task, which may take so long."""

    limit_s: float


@dataclass(frozen=True)
class Done:
    """From the harness: the task is done. The answer is this very message.

    Attributes:
        tidy: Whether to end what it started first: a user's code had its hands in it.
    """

    tidy: bool


def keep(tasks: int, control: int, log: str, memory_mib: int, others: Mapping[str, str | None]) -> None:
    """Run a worker, and become its keeper.

    Args:
        tasks: Descriptor of the worker's connection.
        control: Descriptor of the keeper's connection: takes Begin and Done, gives Done and, last, an Ending.
        log: File that takes what the worker and its descendants print.
        memory_mib: The most resident memory that they may use together; 0 for any.
        others: What the worker puts back of its environment (`start_program`).
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    reader, writer = os.pipe()
    keeper = os.getpid()
    worker = os.fork() or _become_worker(tasks, writer, keeper, unused=(control, reader), others=others)
    os.close(tasks)
    os.close(writer)
    connection = Connection(control)
    ending = Ending(None)
    try:
        ending = _Watch(worker, connection, reader, Path(log), memory_mib).run()
    finally:
        end_descendants()
        with contextlib.suppress(OSError):  # nobody is there to read it
            connection.send(ending)


def end_descendants(*, but: int = 0) -> None:
    """Kill every process below this one, except the process `but`; stopped first, so that none is born meanwhile."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        seen: set[int] = {but}
        while new := _descendants() - seen:
            seen |= new
            for pid in new:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
    if not but:
        _bury()


def _descendants() -> set[int]:
    """Return every process below this one.

    psutil's `children` leaves out those that seem older than this one, as all do whose clock was set back meanwhile.
    """
    import psutil

    psutil.process_iter.cache_clear()
    children: dict[int, list[int]] = {}
    for process in psutil.process_iter(["ppid"]):
        children.setdefault(process.info["ppid"], []).append(process.pid)
    found: set[int] = set()
    parents = [os.getpid()]
    while parents:
        new = set(children.get(parents.pop(), ())) - found
        found |= new
        parents += new
    return found


def _bury() -> None:
    """Wait for children that were killed, but not for ever: one may hang in a driver."""
    deadline = time.monotonic() + _DEATH_S
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if not pid:
                time.sleep(0.005)


class _Watch:
    """Waits for what ends a worker, and takes its output meanwhile."""

    def __init__(self, worker: int, control: Connection, output: int, log: Path, memory_mib: int) -> None:
        self._worker = worker
        self._control = control
        self._output = output
        self._log = log
        self._memory_mib = memory_mib
        self._deadline = float("inf")
        self._full = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ, self._answer)
        self._selector.register(output, selectors.EVENT_READ, self._take_output)
        held = hold(worker)
        self._told = held is not None  # the selector tells of the worker's end
        if held is not None:
            self._selector.register(held, selectors.EVENT_READ, lambda: None)

    def run(self) -> Ending:
        """Return once the worker has ended, or is to be."""
        os.set_blocking(self._output, False)
        while True:
            for key, _ in self._selector.select(self._patience()):
                if key.data() is False:
                    return Ending(None)
            pid, status = os.waitpid(self._worker, os.WNOHANG)
            if pid:
                self._take_output()
                return Ending(os.waitstatus_to_exitcode(status))
            if time.monotonic() >= self._deadline:
                return Ending(None, "time")
            if self._memory_mib and _resident_mib() > self._memory_mib:
                os.kill(self._worker, signal.SIGABRT)  # faulthandler then notes its line
                time.sleep(_LINE_S)
                return Ending(None, "memory")

    def _patience(self) -> float | None:
        """Return for how long at most nothing needs to be looked at; None for any time."""
        left = self._deadline - time.monotonic()
        if self._memory_mib or not self._told:
            left = min(left, _POLL_S)
        return None if left == float("inf") else max(left, 0)

    def _answer(self) -> bool:
        """Do what the harness says; False where it is gone."""
        try:
            message = self._control.recv()
            if isinstance(message, Begin):
                self._deadline = time.monotonic() + message.limit_s
            else:
                self._deadline = float("inf")
                if message.tidy:
                    end_descendants(but=self._worker)
                self._control.send(message)
        except (EOFError, OSError):
            return False
        return True

    def _take_output(self) -> None:
        """Move what was printed to the log, or nowhere once that is full: a flood must not fill the disk."""
        while True:
            try:
                text = os.read(self._output, 2**16)
            except BlockingIOError:
                return
            if not text:  # all who could print are gone
                with contextlib.suppress(KeyError):  # it was known
                    self._selector.unregister(self._output)
                return
            self._write(text)
            if len(text) < 2**16:
                return

    def _write(self, text: bytes) -> None:
        if self._full:
            return
        with contextlib.suppress(OSError), self._log.open("ab") as log:
            room = LOG_LIMIT_BYTES - log.tell()
            self._full = len(text) > room
            log.write(text[: max(room, 0)] + _CUT if self._full else text)


def _become_worker(
    tasks: int, output: int, keeper: int, *, unused: Sequence[int], others: Mapping[str, str | None]
) -> NoReturn:
    for descriptor in unused:
        os.close(descriptor)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != keeper:  # it ended before it could be watched
        os._exit(1)
    # The parent stops its workers: they end for no Ctrl-C, and nothing of them is to be saved.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # TensorFlow's C++ side writes to the descriptors, past Python and past TF_CPP_MIN_LOG_LEVEL.
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))  # it would be gigabytes
    with contextlib.suppress(OSError):  # Linux: when memory runs out, the worker is to go, not the harness
        Path("/proc/self/oom_score_adj").write_text("500")
    from harness.running.worker import serve

    put_back(others)
    serve(Connection(tasks))
    os._exit(0)


def _resident_mib() -> float:
    import psutil

    total = 0.0
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            total += child.memory_info().rss / 2**20
    return total


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(AttributeError):  # of Linux alone
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _end(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second one must not break off the ending
    raise SystemExit
