"""A pool of local worker processes: one that dies, hangs or takes too much memory costs only its own trial."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Literal

from harness.datasets import DatasetRef
from harness.errors import HarnessError
from harness.machine import usable_cores
from harness.results.provenance import Gpu
from harness.results.records import Record
from harness.results.trials import Environment, Trial
from harness.running.device_errors import is_out_of_memory
from harness.running.executor import ExecutorStopped, failed
from harness.running.fork_server import ForkServer
from harness.running.keeper import Ending
from harness.running.trace import take_line
from harness.running.worker import MOST_BUILDS, Home, WorkerSettings, run_task
from harness.running.worker_process import WorkerDied, WorkerProcess, describe_death, prepare_log
from harness.training.devices import Device

# A worker with TensorFlow and the baseline at work stays below this; the data comes on top.
WORKER_MEMORY_MIB = 820
# What it has of that for itself alone, where it was forked.
FORKED_MEMORY_MIB = 330
_POLL_S = 0.2
# When a worker notes at which line a trial is that is going to be ended for its time.
_LINE_AT = 0.9
# A worker that ends before its trial has begun is replaced so often.
_STARTS = 3
_KERNEL_COUNTS = Path("/proc/vmstat")

_Again = Literal["alone", "beside others"]


def pool_size(data_mib: float, device: Device, asked: int | None = None, *, forked: bool = False) -> int:
    """Return how many workers to start: as many as asked for, else as the cores and the free memory allow.

    `data_mib` is the size of the training images. Unasked, each GPU gets one worker: what a model takes of a GPU's
    memory is not known beforehand, and several take it from each other.
    """
    import psutil

    if asked:
        return asked
    if device.gpus:
        return len(device.gpus)
    shared_mib = WORKER_MEMORY_MIB - FORKED_MEMORY_MIB if forked else 0
    fitting = (psutil.virtual_memory().available / 2**20 - shared_mib) // (
        WORKER_MEMORY_MIB - shared_mib + 2 * data_mib
    )
    return max(1, min(usable_cores(), int(fitting)))


class PoolExecutor:
    """Runs trials in worker processes.

    Args:
        dataset: How a worker opens what every trial trains on.
        environment: Device and threads of every trial.
        workers: Processes; trials that run at once.
        timeout_s: Longest time of a trial.
        log: File that takes what the workers print.
        memory_mib: The most resident memory of a trial's processes; 0 for any.
        checkpoints: Folder through which a trial goes on from a shorter run of itself; None for none.
        gpus: Where the workers train, on a machine that has any; more workers than GPUs share them evenly.
        path: Where workers find modules; None for where this process does.
        home: Where the harness runs, if that is not this process.
        most_builds: After so many models a worker makes room for another.
        server: Forks the workers; None starts each as a program.

    Raises:
        HarnessError: The log cannot be written.
    """

    def __init__(
        self,
        dataset: DatasetRef,
        environment: Environment,
        *,
        workers: int,
        timeout_s: float,
        log: Path,
        memory_mib: int = 0,
        checkpoints: Path | None = None,
        gpus: Sequence[Gpu] = (),
        path: Sequence[str] | None = None,
        home: Home | None = None,
        most_builds: int = MOST_BUILDS,
        server: ForkServer | None = None,
    ) -> None:
        prepare_log(log)
        self.workers = workers
        self._timeout_s = timeout_s
        self._memory_mib = memory_mib
        self._settings = WorkerSettings(
            environment.device,
            environment.threads,
            dataset,
            tuple(sys.path if path is None else path),
            log.resolve(),
            checkpoints,
            warm=True,
            home=home,
            most_builds=most_builds,
        )
        # A worker that is replaced gets what the first ones got, whatever this process does to its own meanwhile: as it
        # imports keras-tuner, it hides the GPU from itself.
        self._variables = dict(os.environ) if server is None else server.variables
        self._server = server
        self._stopped = threading.Event()
        self._computing = threading.Event()
        self._turns = _Turns()
        self._starting = threading.Lock()
        shown = [gpu.visible for gpu in gpus] or [""]
        self._places = [_Place(shown[number % len(shown)]) for number in range(workers)]
        self._sharing = bool(gpus) and workers > len(gpus)
        self._free: SimpleQueue[_Place] = SimpleQueue()
        for place in self._places:
            self._fill(place)
            self._free.put(place)

    def wait(self) -> None:
        """Wait until a worker has started and computes its trial, or could not; a trial must have been given to it."""
        if self._server is None:  # a server imports alone: where there is another core, it is free
            self._computing.wait()

    def run(self, trial: Trial) -> Record:
        """Run one trial in a worker; a dead worker, or one ended for its time or memory, gives a failed record.

        A worker that something else killed amid its trial, the system for memory or a person, says nothing of it: it is
        tried once more, with no other beside it where memory may have been the reason.
        """
        place = self._take()
        try:
            with self._turns.beside_others():
                record, again = self._attempt(place, trial)
            if again:
                with self._turns.alone() if again == "alone" else self._turns.beside_others():
                    record, _ = self._attempt(place, trial)
        finally:
            self._computing.set()
            self._free.put(place)
        return record

    def stop(self) -> None:
        """End the workers now."""
        self._stopped.set()
        self._computing.set()
        if self._server is not None:
            self._server.close()  # one that still imports would be waited for
        self.close()

    def close(self) -> None:
        """End the workers; none has a task left."""
        with self._starting:
            workers = [place.worker for place in self._places if place.worker is not None]
        for worker in workers:
            worker.end()
        for worker in workers:
            worker.close()

    def _take(self) -> _Place:
        """Return a worker's place, once one is free."""
        while not self._stopped.is_set():
            with contextlib.suppress(Empty):
                return self._free.get(timeout=_POLL_S)
        raise ExecutorStopped

    def _fill(self, place: _Place) -> WorkerProcess:
        """Return the worker in a place: a new one where the last has ended, or should not be used again.

        A place has one trial at a time, and so nobody else fills it.
        """
        if place.worker is not None and place.worker.spent:
            place.worker.close()  # it may take seconds, for which no other place waits
            place.worker = None
        with self._starting:
            if self._stopped.is_set():
                raise ExecutorStopped
            if place.worker is None:
                settings = dataclasses.replace(self._settings, visible=place.visible)
                place.worker = WorkerProcess(
                    settings, memory_mib=self._memory_mib, variables=self._variables, server=self._server
                )
            return place.worker

    def _attempt(self, place: _Place, trial: Trial) -> tuple[Record, _Again | None]:
        """Run a trial; return its record, and how to try it once more, if something else killed its worker."""
        starts = 0
        while True:
            starts += 1
            worker, kills = self._fill(place), _out_of_memory_kills()
            try:
                worker.ready()
                self._computing.set()
                record: Record = worker.run(
                    run_task,
                    trial,
                    _LINE_AT * self._timeout_s,
                    limit_s=self._timeout_s,
                    tidy=trial.variant.model is not None,
                )
                if self._sharing and record.status == "failed" and is_out_of_memory(HarnessError(record.message)):
                    record = failed(
                        trial, f"{record.message}; {self.workers} workers share the GPU: try fewer --workers"
                    )
                return record, None
            except WorkerDied as death:
                if self._stopped.is_set():
                    raise ExecutorStopped from None
                ending = death.ending
                killed = not ending.limit and ending.exitcode in (None, -signal.SIGKILL)
                for_memory = killed and kills is not None and (_out_of_memory_kills() or 0) > kills
                if not worker.is_ready and not ending.limit and starts < _STARTS:
                    continue  # the trial has not begun
                told = self._describe(ending, for_memory) + take_line(self._settings.log, trial)
                if not worker.is_ready:  # it was tried as often as that is worth
                    return failed(trial, f"at its start, {told}"), None
                if not killed:
                    return failed(trial, told), None
                return failed(trial, told), "alone" if for_memory or kills is None else "beside others"
            except HarnessError as error:  # it cannot start, or its answer cannot be read
                return failed(trial, str(error)), None

    def _describe(self, ending: Ending, for_memory: bool) -> str:
        if ending.limit == "time":
            return f"took longer than {self._timeout_s:g} s and was ended: raise --trial-timeout, or train less"
        if ending.limit == "memory":
            return (
                f"used more than {self._memory_mib:,} MiB and was ended: raise --trial-memory, or use a smaller model "
                "or batch"
            )
        return describe_death(ending, for_memory=for_memory)


@dataclass
class _Place:
    """Where one worker after another is: on its GPU, if there are any."""

    visible: str
    worker: WorkerProcess | None = None


class _Turns:
    """Trials run beside one another, or one alone."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0
        self._alone = False

    @contextlib.contextmanager
    def beside_others(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._alone)
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._alone)
            self._alone = True  # no other begins from here on
            self._changed.wait_for(lambda: not self._running)
        try:
            yield
        finally:
            with self._changed:
                self._alone = False
                self._changed.notify_all()


def _out_of_memory_kills() -> int | None:
    """Return how often the kernel killed a process for memory since it started; None where it does not count."""
    try:
        lines = _KERNEL_COUNTS.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)
