"""What runs inside a worker process: it lives for many trials, so that TensorFlow starts once.

This module must import nothing heavy: a worker is configured before its first import of TensorFlow.
"""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import multiprocessing.connection
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.budgets import Budget
from harness.errors import HarnessError
from harness.noise import hide_library_warnings
from harness.results.records import Record
from harness.results.trials import DeviceKind, Environment, Trial
from harness.running.executor import failed
from harness.training.devices import configure_process
from harness.variants import Variant
from harness.variants.user_code import contained, describe

if TYPE_CHECKING:
    from harness.datasets import Dataset, DatasetRef
    from harness.results.step_times import StepTimes
    from harness.timing.timer import Timer
    from harness.training.trial import Trainer


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker must know before it starts.

    Attributes:
        device: Kind of device to train on.
        visible: The GPU that it has to itself (`Gpu.visible`); empty on a CPU.
        threads: Intra-op threads; 0 for all cores.
        dataset: How to open the data.
        path: The parent's `sys.path`, so that a user's own `model=` module is found.
        log: File for what TensorFlow and its libraries print.
        checkpoints: Folder through which a trial goes on from a shorter run of itself; None for none.
    """

    device: DeviceKind
    threads: int
    dataset: DatasetRef
    path: tuple[str, ...]
    log: Path
    checkpoints: Path | None = None
    visible: str = ""


class Worker:
    """The state of a worker process: its data and the trainer that keeps models from trial to trial."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.timer: Timer | None = None

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset, opened at first use."""
        return self.settings.dataset.open()

    @cached_property
    def trainer(self) -> Trainer:
        """The trainer; TensorFlow is imported here."""
        from harness.training.checkpoints import Checkpoints
        from harness.training.trial import Trainer

        folder = self.settings.checkpoints
        return Trainer(Checkpoints(folder) if folder else None)


# Exit code of a worker that a CUDA error has left without a usable context; a fresh one takes its place.
SPOILT_GPU = 86

_workers: list[Worker] = []  # a process is one worker: this is where its tasks find it


def start_worker(settings: WorkerSettings) -> None:
    """Prepare this process; the pool calls it once in each."""
    # The parent stops its workers: a Ctrl-C in the terminal reaches the whole group, workers included.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Pebble's own handler raises SystemExit, which would pass for a user's.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _end_with_parent()
    _send_output_to(settings.log)
    hide_library_warnings()
    sys.path[:] = settings.path
    configure_process(settings.device, threads=settings.threads, visible=settings.visible)
    _workers[:] = [Worker(settings)]


def this_worker() -> Worker:
    """Return the state that `start_worker` made."""
    return _workers[0]


def warm_up() -> None:
    """Import TensorFlow and open the data, while the parent still plans."""
    worker = this_worker()
    _ = worker.trainer, worker.dataset


def run_task(trial: Trial, limit_s: float) -> Record:
    """Run one trial and return its record; an error becomes a failed record with its message.

    Where it kills this process, or has not ended after `limit_s` seconds, `trace_path` says at which line.
    """
    worker = this_worker()
    try:
        with _traced(trace_path(worker.settings.log, trial), limit_s):
            return worker.trainer.run(trial, worker.dataset)
    except BaseException as error:  # a trial's failure is a result, not the worker's end
        _end_if_spoilt(worker, error)
        if isinstance(error, HarnessError):
            return failed(trial, str(error))
        traceback.print_exc()
        return failed(trial, describe(error))


def trace_path(log: Path, trial: Trial) -> Path:
    """Return the file of the lines at which a trial killed its worker or hung; there is none of one that ended."""
    return log.with_name(f"{log.stem}-{trial.key[:16]}.trace")


@contextlib.contextmanager
def _traced(path: Path, limit_s: float) -> Iterator[None]:
    with path.open("w") as file:
        faulthandler.enable(file)
        faulthandler.dump_traceback_later(limit_s, file=file)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
            faulthandler.disable()
            path.unlink(missing_ok=True)


def spoils_gpu(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, leaves this process's CUDA context unusable for every later trial.

    >>> spoils_gpu(RuntimeError("CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered"))
    True
    >>> spoils_gpu(MemoryError("CUDA_ERROR_OUT_OF_MEMORY: out of memory")), spoils_gpu(ValueError("shapes differ"))
    (False, False)
    """
    if error is None or isinstance(error, HarnessError):  # ours may quote CUDA on why there is no GPU
        return error is not None and spoils_gpu(error.__cause__ or error.__context__)
    text = f"{type(error).__name__}: {error}"
    if re.search(r"out.of.memory|RESOURCE_EXHAUSTED|ResourceExhausted", text, re.IGNORECASE):
        return False
    kinds = r"CUDA_ERROR_|CUDA error|CUDNN_STATUS_|^(InternalError|UnknownError|AcceleratorError)\b"
    return bool(re.search(kinds, text)) or spoils_gpu(error.__cause__ or error.__context__)


def run_timing(
    baseline: Variant, variant: Variant, budget: Budget, key: str, part: int, environment: Environment
) -> StepTimes:
    """Time a pair, or one part of it; an error reaches the parent as a HarnessError in one line."""
    worker = this_worker()
    try:
        if worker.timer is None:
            from harness.timing.timer import Timer

            worker.timer = Timer(worker.dataset, environment)
        from harness.models.builders import user_errors
        from harness.models.state import known_state

        with known_state(None), contained(), user_errors(variant.model):
            return worker.timer.time(baseline, variant, budget, key=key, part=part)
    except BaseException as error:
        _end_if_spoilt(worker, error)
        if isinstance(error, HarnessError):
            raise
        traceback.print_exc()
        raise HarnessError(f"timing {variant.name}: {describe(error)}") from None


def _end_if_spoilt(worker: Worker, error: BaseException) -> None:
    if worker.settings.device == "gpu" and spoils_gpu(error):
        traceback.print_exc()
        os._exit(SPOILT_GPU)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    end = os._exit  # the real one, whatever stands in its place during a trial

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        end(1)  # a busy graph would otherwise train on for a parent that is gone

    threading.Thread(target=watch, daemon=True).start()


def _send_output_to(log: Path) -> None:
    # TensorFlow's C++ side writes to the descriptors, past Python and past TF_CPP_MIN_LOG_LEVEL.
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
