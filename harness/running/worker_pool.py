"""A pool of local worker processes (Pebble): a dead or hanging worker costs only its own trial."""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError, wait
from pathlib import Path
from queue import Empty, SimpleQueue

import pebble
import pebble.common

from harness.datasets import DatasetRef
from harness.errors import InputError
from harness.machine import usable_cores
from harness.results.provenance import Gpu
from harness.results.records import Record
from harness.results.trials import Environment, Trial
from harness.running.executor import ExecutorStopped, failed
from harness.running.worker import SPOILT_GPU, WorkerSettings, run_task, start_worker, trace_path, warm_up
from harness.training.devices import Device
from harness.variants.sources import builder_files
from harness.variants.user_code import line_of, places_in

# A worker with TensorFlow and the baseline at work stays below this; the data comes on top.
WORKER_MEMORY_MIB = 820
# Pebble waits this long, worker after worker, for a politely ended one: ours have nothing to save.
_TERMINATION_S = 0.3
_POLL_S = 0.2
# When a worker notes at which line a trial is that is going to be ended for its time.
_LINE_AT = 0.9


def pool_size(data_mib: float, device: Device, asked: int | None = None) -> int:
    """Return how many workers to start: as many as asked for, else as the cores and the free memory allow.

    `data_mib` is the size of the training images. On GPUs one worker each: several processes on one would take each
    other's memory.

    Raises:
        InputError: More are asked for than there are GPUs.
    """
    import psutil

    if device.gpus:
        count = len(device.gpus)
        if asked and asked > count:
            raise InputError(f"--workers {asked}: each trains on a GPU of its own; GPUs here: {count}")
        return asked or count
    if asked:
        return asked
    fitting = psutil.virtual_memory().available / 2**20 // (WORKER_MEMORY_MIB + 2 * data_mib)
    return max(1, min(usable_cores(), int(fitting)))


class PoolExecutor:
    """Runs trials in worker processes.

    Args:
        dataset: How a worker opens what every trial trains on.
        environment: Device and threads of every trial.
        workers: Processes; trials that run at once.
        timeout_s: Longest time of a trial.
        log: File that takes what the workers print.
        checkpoints: Folder through which a trial goes on from a shorter run of itself; None for none.
        gpus: One for each worker, on a machine that has any.
    """

    def __init__(
        self,
        dataset: DatasetRef,
        environment: Environment,
        *,
        workers: int,
        timeout_s: float,
        log: Path,
        checkpoints: Path | None = None,
        gpus: Sequence[Gpu] = (),
    ) -> None:
        pebble.CONSTS.term_timeout = _TERMINATION_S
        # Of the workers: the order of a set of texts, and so of layers made in a loop over one, must not be chance.
        os.environ["PYTHONHASHSEED"] = "0"
        self.workers = workers
        self._timeout_s = timeout_s
        self._settings = WorkerSettings(
            environment.device, environment.threads, dataset, tuple(sys.path), log, checkpoints
        )
        self._stopped = threading.Event()
        self._alone = threading.Lock()
        # On GPUs a pool of one each: whoever replaces a worker that died then has its GPU.
        shares = {gpu.visible: 1 for gpu in gpus[:workers]} or {"": workers}
        self._pools = {visible: self._start(visible, count) for visible, count in shares.items()}
        self._free: SimpleQueue[str] = SimpleQueue()
        for visible, count in shares.items():
            for _ in range(count):
                self._pools[visible].schedule(warm_up)
                self._free.put(visible)

    def run(self, trial: Trial) -> Record:
        """Run one trial in a worker; a dead or late worker gives a failed record that says which."""
        visible = self._take()
        try:
            record, killed = self._attempt(self._pools[visible], trial)
            if killed:
                # Once more, without a second retry beside it.
                with self._alone:
                    pool = self._start(visible, 1)
                    try:
                        record, _ = self._attempt(pool, trial)
                    finally:
                        pool.stop()
                        pool.join()
        finally:
            self._free.put(visible)
        return record

    def stop(self) -> None:
        """End the workers now."""
        self._stopped.set()
        self.close()

    def close(self) -> None:
        """End the workers; none has a task left."""
        for pool in self._pools.values():
            pool.stop()
        for pool in self._pools.values():
            pool.join()

    def _take(self) -> str:
        """Return the GPU of a worker that is free, once there is one."""
        while not self._stopped.is_set():
            with contextlib.suppress(Empty):
                return self._free.get(timeout=_POLL_S)
        raise ExecutorStopped

    def _start(self, visible: str, workers: int) -> pebble.ProcessPool:
        return pebble.ProcessPool(
            max_workers=workers,
            initializer=start_worker,
            initargs=(dataclasses.replace(self._settings, visible=visible),),
            context=multiprocessing.get_context("spawn"),
        )

    def _attempt(self, pool: pebble.ProcessPool, trial: Trial) -> tuple[Record, bool]:
        if self._stopped.is_set():
            raise ExecutorStopped
        kills = _out_of_memory_kills()
        try:
            task = pool.schedule(run_task, args=(trial, _LINE_AT * self._timeout_s), timeout=self._timeout_s)
            # Pebble never answers for a task that it took while it was being stopped.
            while not wait([task], timeout=_POLL_S).done:
                if self._stopped.is_set():
                    raise ExecutorStopped
            record: Record = task.result()
            return record, False
        except pebble.ProcessExpired as error:
            if self._stopped.is_set():
                raise ExecutorStopped from None
            killed = error.exitcode == -signal.SIGKILL and _out_of_memory_kills() > kills
            return failed(trial, describe_death(error.exitcode, for_memory=killed) + self._line(trial)), killed
        except TimeoutError:
            return failed(
                trial,
                f"took longer than {self._timeout_s:g} s and was ended: raise --trial-timeout, or train less"
                + self._line(trial),
            ), False
        except (CancelledError, RuntimeError):  # RuntimeError: the pool was stopped before it took the task
            raise ExecutorStopped from None

    def _line(self, trial: Trial) -> str:
        """Return the line of a user's own model at which its worker died or hung; empty where it was elsewhere."""
        path = trace_path(self._settings.log, trial)
        if not (trial.variant.model and path.is_file()):
            return ""
        places = places_in(path.read_text(errors="replace"))
        path.unlink()
        return line_of(places[::-1], builder_files(trial.variant.model).values())


def describe_death(exitcode: int | None, *, for_memory: bool = False) -> str:
    """Return in words how a worker ended."""
    if for_memory:
        return "the worker was killed for memory (the system ran out): use fewer --workers or a smaller model"
    if exitcode == SPOILT_GPU:
        return "a CUDA error left the GPU unusable to its worker, which was replaced: workers.log has the error"
    if exitcode is not None and exitcode < 0:
        return f"the worker died of {signal.Signals(-exitcode).name}"
    return f"the worker ended with exit code {exitcode}"


def _out_of_memory_kills() -> int:
    """Return how often the kernel killed a process for memory since it started (Linux; elsewhere 0)."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
