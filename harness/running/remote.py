"""Trials in another engine's processes: a lost process, a lost answer or a hung one costs a try, not the sweep."""

from __future__ import annotations

import contextlib
import dataclasses
import platform
import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import Executor as Pool
from pathlib import Path
from typing import Any

from harness.datasets import Dataset
from harness.errors import HarnessError, InputError
from harness.results.provenance import cpu_flags
from harness.results.records import Record
from harness.results.trials import Trial
from harness.results.variables import bit_changing
from harness.running.executor import ExecutorStopped, Work, failed
from harness.running.keeper import LOG_LIMIT_BYTES
from harness.running.node import Order, Reply, code_fingerprint, serve
from harness.running.worker import Home
from harness.running.worker_process import prepare_log
from harness.training.devices import keras_backend
from harness.variants.sources import search_here
from harness.wording import harmless

TRIES = 3
"""How often a trial is given out whose process, or whose answer, is lost."""

# For how long the first answers are waited for: a process starts Python, and looks for the data. One whose turn does
# not come (a queue, a lack of room) is not waited for where another has answered.
JOIN_S = 600.0
_ALL_S = 180.0
_NOTICE_S = 30.0
# What an answer may take beyond the trial's own limit: a worker's start, and a trial that is run once more alone.
_BEYOND_S = 900.0
_POLL_S = 0.2


class NoWorkerLeft(HarnessError):
    """An engine's word, as the outcome of a call, that nothing can run in it any more: it costs no try."""


class RemoteExecutor:
    """Runs trials in the processes of a `concurrent.futures.Executor`.

    Args:
        order: What all trials share.
        workers: Trials that run at once.
        open_pool: Gives the engine; called again where it breaks.
        send: Makes of the dataset what `submit` takes in its place.
        log: File that takes what the workers print.
        limit_s: The longest that an answer may take.

    The processes start at once, and are met by `wait`, or with the first trial.

    Raises:
        HarnessError: The engine takes no work.
    """

    def __init__(
        self,
        order: Order,
        *,
        workers: int,
        open_pool: Callable[[], Pool],
        log: Path,
        send: Callable[[Dataset], Any] = lambda dataset: dataset,
        limit_s: float = 0.0,
    ) -> None:
        prepare_log(log)
        self.workers = workers
        self._order = order
        self._open_pool = open_pool
        self._send = send
        self._log = log
        self._limit_s = limit_s or 2 * order.timeout_s + _BEYOND_S
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._refused = ""
        self._data: Any = None
        self._meeting = threading.Lock()
        self._met = False
        self._pool = self._opened()
        try:
            self._greetings = [self._pool.submit(serve, order) for _ in range(workers)]
        except Exception as error:
            self.stop()
            raise HarnessError(f"the engine takes no work: {_told(error)}") from None

    def wait(self) -> None:
        """Wait until the processes have answered; what is wrong with them is told by `run`."""
        with contextlib.suppress(HarnessError, ExecutorStopped):
            self.meet()

    def run(self, trial: Trial) -> Record:
        """Run one trial; where its process or its answer is lost, again, and what comes first counts.

        Raises:
            HarnessError: No process answers, or one is not what the trials need.
        """
        self.meet()
        waiting: list[Future[Reply]] = []
        lost = ""
        try:
            for _ in range(TRIES):
                try:
                    waiting.append(self._submit(trial))
                    return self._first(trial, waiting)
                except _Lost as loss:
                    lost = str(loss)
            return failed(trial, f"lost {TRIES} times, at last: {lost}")
        finally:
            for late in reversed(waiting):  # what only waits before what runs, whose end lets it begin
                late.cancel()

    def meet(self) -> None:
        """Wait until the processes have looked whether they are what the trials need; HarnessError where not."""
        with self._meeting:
            if not self._met:
                self._meet()
                self._met = True

    def stop(self) -> None:
        """End the engine's work now."""
        self._stopped.set()
        self.close()

    def close(self) -> None:
        """Close the engine."""
        _close(self._pool)
        self._data = None

    def _meet(self) -> None:
        if self._refused:  # by another trial's thread
            raise InputError(self._refused)
        greetings = self._greetings
        done, late = wait(greetings, _NOTICE_S)
        if late:
            _note(f"waiting for {len(late)} of {self.workers} workers of the engine")
            done, late = wait(greetings, _ALL_S)
        if not done:
            done, late = wait(greetings, JOIN_S, FIRST_COMPLETED)
        if self._stopped.is_set():
            raise ExecutorStopped
        if not done:
            self._refused = f"no worker of the engine answered within {JOIN_S:g} s: is there a free one?"
            raise InputError(self._refused)
        machines, lost, answered = dict[str, tuple[str, ...]](), "", False
        for greeting in done:
            try:
                reply = greeting.result()
            except Exception as error:
                lost = _told(error)
                continue
            self._check(reply)
            answered = True
            if reply.machine is not None:
                machines[reply.machine.host] = reply.machine.cpu_flags
        if not answered:
            self._refused = f"no worker of the engine can work: {lost}"
            raise InputError(self._refused)
        if lost:
            _warn(f"a worker of the engine was lost at its start: {lost}")
        for one in late:
            one.add_done_callback(self._note_refusal)
        if late:
            _warn(f"{len(late)} of {self.workers} workers have not answered yet: the others begin")
        for host, flags in machines.items():
            if flags != cpu_flags():
                here = f"{platform.node()} has {', '.join(cpu_flags()) or 'none'}"
                _warn(f"{host} has another CPU ({', '.join(flags) or 'none'}; {here}): last bits of results may differ")

    def _note_refusal(self, greeting: Future[Reply]) -> None:
        with contextlib.suppress(Exception):
            self._refused = self._refused or greeting.result().refused

    def _submit(self, trial: Trial, *, with_data: bool = False) -> Future[Reply]:
        """Give a trial out; where the engine broke, once more to a new one: what broke it has cost a try already."""
        lost = ""
        for _ in range(2):
            if self._refused:
                raise InputError(self._refused)
            if self._stopped.is_set():
                raise ExecutorStopped
            pool = self._pool
            try:
                return pool.submit(serve, self._order, trial, *([self._sent()] if with_data else []))
            except HarnessError:
                raise
            except Exception as error:  # one whose processes died takes nothing any more
                lost = _told(error)
            self._open_again(pool)
        raise _Lost(lost)

    def _open_again(self, broken: Pool) -> None:
        """Open the engine anew, unless another trial's thread has."""
        with self._lock:
            if self._pool is broken:
                _close(broken)
                self._data = None  # what was sent is gone with it
                self._pool = self._opened()
        if self._stopped.is_set():  # while it was opened
            _close(self._pool)
            raise ExecutorStopped

    def _opened(self) -> Pool:
        try:
            return self._open_pool()
        except HarnessError:
            raise
        except Exception as error:
            raise HarnessError(f"the engine cannot be opened: {_told(error)}") from None

    def _first(self, trial: Trial, waiting: list[Future[Reply]]) -> Record:
        """Return the first record that comes."""
        deadline = time.monotonic() + self._limit_s
        while time.monotonic() < deadline:
            done, _ = wait(waiting, _POLL_S, FIRST_COMPLETED)
            if self._stopped.is_set():  # whose outcomes may be of the stop
                raise ExecutorStopped
            for one in done:
                waiting.remove(one)
                try:
                    reply = one.result()
                except NoWorkerLeft:
                    raise
                except Exception as error:
                    raise _Lost(_told(error)) from None
                self._check(reply)
                if reply.record is not None:
                    self._note_printed(trial, reply)
                    return dataclasses.replace(reply.record, trained_on=reply.machine)
                waiting.append(self._submit(trial, with_data=True))
        raise _Lost(f"no answer within {self._limit_s:g} s")

    def _check(self, reply: Reply) -> None:
        if reply.refused:
            self._refused = reply.refused
            raise InputError(reply.refused)

    def _sent(self) -> Any:
        with self._lock:
            if self._data is None:
                self._data = self._send(self._order.dataset.open())
            return self._data

    def _note_printed(self, trial: Trial, reply: Reply) -> None:
        if reply.printed:
            where = f"{reply.machine.host}: " if reply.machine else ""
            text = f"[{where}{trial.label}]\n".encode() + reply.printed
            with self._lock, contextlib.suppress(OSError), self._log.open("ab") as log:
                if log.tell() + len(text) < LOG_LIMIT_BYTES:
                    log.write(text)


class _Lost(Exception):
    """A try that gave no answer."""


def order_of(work: Work) -> Order:
    """Return what processes elsewhere must know of a job."""
    search_here()
    return Order(
        job=uuid.uuid4().hex,
        dataset=work.dataset,
        environment=work.environment,
        code=code_fingerprint(),
        timeout_s=work.timeout_s,
        memory_mib=work.memory_mib,
        path=tuple(str(Path(folder).absolute()) for folder in sys.path),
        home=Home(Path.cwd(), (("KERAS_BACKEND", keras_backend()), *bit_changing())),
    )


def _close(pool: Pool) -> None:
    """Close an engine without waiting for what it does; processes of Python's own pool are ended."""
    processes = list((getattr(pool, "_processes", None) or {}).values())
    with contextlib.suppress(Exception):  # whatever another library makes of it
        pool.shutdown(wait=False)
    for process in processes:
        with contextlib.suppress(Exception):
            process.kill()


def _told(error: BaseException) -> str:
    """Return an engine's own error in one line."""
    cause = getattr(error, "cause", None)  # of Ray, which puts a traceback around it
    error = cause if isinstance(cause, BaseException) else error
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _warn(text: str) -> None:
    print(harmless(f"warning: {text}"), file=sys.stderr)


def _note(text: str) -> None:
    print(harmless(f"note: {text}"), file=sys.stderr)
