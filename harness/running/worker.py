"""What runs inside a worker process: it lives for many trials, so that TensorFlow starts once.

This module must import nothing heavy: a worker is configured before its first import of TensorFlow. The process is a
fork of its keeper (`keeper.py`), which ends it when the harness is gone, or a trial takes too long or too much.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import platform
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.budgets import Budget
from harness.errors import HarnessError, InputError
from harness.heavy import uncollected
from harness.noise import hide_library_warnings
from harness.results.records import Record
from harness.results.trials import DeviceKind, Environment, Trial
from harness.running.device_errors import is_out_of_memory, spoils_gpu
from harness.running.executor import failed
from harness.running.footprint import Footprint, identity
from harness.running.trace import traced
from harness.training.devices import configure_process, quiet_start
from harness.training.generated_files import remove_generated_files
from harness.variants import Variant
from harness.variants.sources import source_fingerprint
from harness.variants.user_code import contained, describe

if TYPE_CHECKING:
    from harness.datasets import Dataset, DatasetRef
    from harness.results.step_times import StepTimes
    from harness.timing.timer import Timer
    from harness.training.trial import Trainer


@dataclass(frozen=True)
class Home:
    """Where the harness itself runs, for a worker on another machine: it works there as it would at home.

    Attributes:
        folder: The harness's current one; a machine that has none of that path goes without.
        variables: Of the environment: what decides what is computed.
    """

    folder: Path
    variables: tuple[tuple[str, str], ...]

    def enter(self) -> None:
        """Make this process's folder and variables those of the harness."""
        os.environ |= dict(self.variables)
        with contextlib.suppress(OSError):
            os.chdir(self.folder)


# Models of the baseline's kind leave nothing behind (benchmarks/no_op_trials.py --memory); one's own may.
MOST_BUILDS = 50


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
        warm: Import TensorFlow and open the data at once, not with the first task.
        home: Of a worker that another engine's process has started; None where the harness did.
        most_builds: After so many models another process takes the next trial.
    """

    device: DeviceKind
    threads: int
    dataset: DatasetRef
    path: tuple[str, ...]
    log: Path
    checkpoints: Path | None = None
    visible: str = ""
    warm: bool = False
    home: Home | None = None
    most_builds: int = MOST_BUILDS


class Worker:
    """The state of a worker process: its data and the trainer that keeps models from trial to trial.

    `spent` is set once something is left here that no next trial should meet.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.timer: Timer | None = None
        self.spent = False
        self._builds = 0
        self._variant: Variant | None = None

    def begin(self, variant: Variant) -> None:
        """Count the models that are built here: after many, another process takes the next trial."""
        # A user's own model is built anew for each trial, any other once for all seeds that follow each other.
        if variant.model or variant != self._variant:
            self._builds += 1
            self._variant = variant
        self.spent = self.spent or self._builds >= self.settings.most_builds

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


# Exit codes: a CUDA error left no usable context; a trial's code closed the connection over which it is to answer.
SPOILT_GPU = 86
LOST_CONNECTION = 87

_workers: list[Worker] = []  # a process is one worker: this is where its tasks find it


@dataclass(frozen=True)
class Answer:
    """What a task gave.

    Attributes:
        value: What it returned.
        error: What it raised instead.
        spent: Whether another process should take the next task.
    """

    value: Any = None
    error: HarnessError | None = None
    spent: bool = False


def serve(tasks: Connection) -> None:
    """Run tasks, each a function and its arguments, and answer each, until nobody is there to ask."""
    process, connection = os.getpid(), identity(tasks.fileno())
    while True:
        try:
            function, arguments = tasks.recv()
        except (EOFError, OSError):
            return
        answer = _answer(function, arguments)
        if os.getpid() != process:  # a copy that a trial's code made of this process, past `contained`
            os._exit(1)
        if identity(tasks.fileno()) != connection:
            os._exit(LOST_CONNECTION)
        try:
            tasks.send(answer)
        except OSError:
            return


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Answer:
    try:
        value, error = function(*arguments), None
    except HarnessError as raised:
        value, error = None, raised
    except BaseException as raised:
        traceback.print_exc()
        value, error = None, HarnessError(describe(raised))
    remove_generated_files()  # a worker is killed, and runs nothing as it ends
    return Answer(value, error, any(worker.spent for worker in _workers))


def start_worker(settings: WorkerSettings) -> None:
    """Prepare this process: the first task of each."""
    hide_library_warnings()
    sys.path[:] = settings.path
    if settings.home:
        settings.home.enter()
    configure_process(settings.device, threads=settings.threads, visible=settings.visible)
    worker = Worker(settings)
    _workers[:] = [worker]
    if settings.warm:
        with contextlib.suppress(HarnessError):  # the first trial tells it
            with uncollected():
                _ = worker.trainer
            _ = worker.dataset


def import_backend() -> None:
    """Import in this process what CPU workers need, so that its forks need not; it gets no second thread by that."""
    hide_library_warnings()
    configure_process("cpu", threads=1)
    with quiet_start(), uncollected():
        importlib.import_module("harness.training.trial")
        importlib.import_module("harness.training.tensorflow_epoch")


def this_worker() -> Worker:
    """Return the state that `start_worker` made."""
    return _workers[0]


def run_task(trial: Trial, limit_s: float) -> Record:
    """Run one trial and return its record; an error becomes a failed record with its message.

    Where it kills this process, or has not ended after `limit_s` seconds, its trace says at which line.
    """
    worker = this_worker()
    try:
        with traced(worker.settings.log, trial, limit_s), _noting_what_is_left(worker, trial.variant):
            if worker.settings.home:
                _check_files(trial)
            worker.begin(trial.variant)
            return worker.trainer.run(trial, worker.dataset)
    except BaseException as error:  # a trial's failure is a result, not the worker's end
        _end_if_spoilt(worker, error)
        if isinstance(error, HarnessError):
            return failed(trial, str(error))
        traceback.print_exc()
        return failed(trial, describe(error))


def _check_files(trial: Trial) -> None:
    """Refuse a trial whose model or weights are others on this machine than where the harness runs."""
    if not trial.source:
        return
    try:
        same = source_fingerprint(trial.variant) == trial.source
    except InputError as error:
        raise HarnessError(f"on {platform.node()}: {error}") from None
    if not same:
        what = trial.variant.model or trial.variant.weights
        raise HarnessError(f'"{what}" on {platform.node()} is not what it is where the harness runs: bring it there')


@contextlib.contextmanager
def _noting_what_is_left(worker: Worker, *variants: Variant) -> Iterator[None]:
    if not any(variant.model for variant in variants):
        yield
        return
    before = Footprint.now()
    try:
        yield
    finally:
        worker.spent = worker.spent or Footprint.now().differs(before)


def run_timing(
    baseline: Variant, variant: Variant, budget: Budget, key: str, part: int, environment: Environment
) -> StepTimes:
    """Time a pair, or one part of it."""
    worker = this_worker()
    try:
        if worker.timer is None:
            from harness.timing.timer import Timer

            worker.timer = Timer(worker.dataset, environment)
        from harness.models.builders import user_errors
        from harness.models.state import known_state

        with (
            known_state(None),
            contained(),
            user_errors(variant.model),
            _noting_what_is_left(worker, baseline, variant),
        ):
            return worker.timer.time(baseline, variant, budget, key=key, part=part)
    except BaseException as error:
        _end_if_spoilt(worker, error)
        raise


def _end_if_spoilt(worker: Worker, error: BaseException) -> None:
    if worker.settings.device == "gpu" and spoils_gpu(error):
        traceback.print_exc()
        os._exit(SPOILT_GPU)
    # What was allocated may stay with the backend, in pieces: the next trial gets a process without them.
    worker.spent = worker.spent or is_out_of_memory(error)
