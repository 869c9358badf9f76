"""What runs in a process of another engine (a Ray actor, a Dask worker ...): it keeps one worker of ours there.

The engine's process stays small. Its worker is the local pool's, with its keeper: a trial has the same limits and
leaves as little behind, and ends with the engine's process. Each thread of such a process has a worker of its own.
This module must import nothing heavy.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from harness.datasets import Dataset, DatasetRef
from harness.datasets.cache import temporary_directory
from harness.errors import HarnessError
from harness.results.provenance import Hardware, collect_hardware
from harness.results.records import Record
from harness.results.trials import Environment, Trial
from harness.running.worker import Home, WorkerSettings
from harness.running.worker_pool import PoolExecutor
from harness.running.worker_process import WorkerDied, WorkerProcess, describe_death, prepare_log
from harness.training.devices import Device, find_device, training_environment

# A process that serves nobody for so long ends its worker, and gives back the memory.
_IDLE_S = 600.0
_LOOK_S = 900.0
_PRINTED_BYTES = 2**16
_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Order:
    """What a process must know to run the trials of one job.

    Attributes:
        job: Another one for each start of an executor.
        dataset: What the trials train on.
        environment: What the process must have: backend, versions, device.
        code: `code_fingerprint` of the harness that sends it.
        timeout_s, memory_mib: Limits of a trial.
        path: Folders in which the sender finds modules.
        home: Folder and variables of the sender.
    """

    job: str
    dataset: DatasetRef
    environment: Environment
    code: str
    timeout_s: float
    memory_mib: int
    path: tuple[str, ...]
    home: Home


@dataclass(frozen=True)
class Reply:
    """What a process answers.

    Attributes:
        record: Of the trial, where there is one.
        refused: Why this process must not train: its versions, device or code are others.
        lacks_data: Whether it needs the dataset sent.
        printed: What the worker printed meanwhile, its end.
        machine: Where it runs; None where it must not, or that was not looked at.
    """

    record: Record | None = None
    refused: str = ""
    lacks_data: bool = False
    printed: bytes = b""
    machine: Hardware | None = None


def serve(order: Order, trial: Trial | None = None, data: Dataset | None = None) -> Reply:
    """Run a trial in this thread's worker; without one only make sure that it could.

    Args:
        order: What all trials share.
        trial: What to run.
        data: The dataset, where an earlier reply lacked it.

    Raises:
        HarnessError: No worker starts here.
    """
    thread = threading.get_ident()
    mine = _hosts.get(thread)
    if mine is None or not mine.take(order):
        _hosts.pop(thread, None)
        found = _look(order)
        if found.refused:
            return Reply(refused=f"{platform.node()}: {found.refused}")
        dataset = found.dataset or (order.dataset.keep(data) if data is not None else None)
        if dataset is None:
            return Reply(lacks_data=True, machine=found.machine)
        mine = _hosts[thread] = _Host(order, dataset, found.machine)
    try:
        if trial is None:
            return Reply(machine=mine.machine)
        return Reply(mine.run(trial), printed=mine.printed(), machine=mine.machine)
    finally:
        mine.rest()


class _Host:
    """One worker, kept for the next trial of the same job."""

    def __init__(self, order: Order, dataset: DatasetRef, machine: Hardware | None) -> None:
        self.machine = machine
        self._order = order
        self._log = _folder() / f"workers-{threading.get_ident()}.log"
        self._read = 0
        self._busy = threading.Lock()
        self._busy.acquire()
        self._idle = threading.Timer(_IDLE_S, self._end_idle)  # started anew whenever it serves nobody
        self._pool: PoolExecutor | None = PoolExecutor(
            dataset,
            order.environment,
            workers=1,
            timeout_s=order.timeout_s,
            memory_mib=order.memory_mib,
            log=self._log,
            path=_path(order),
            home=order.home,
        )

    def take(self, order: Order) -> bool:
        """Take the worker for one more trial; False, and it is gone, where it is none of this job's."""
        self._busy.acquire()
        self._idle.cancel()
        if self._pool is not None and self._order.job == order.job:
            return True
        try:
            self._close()
        finally:
            self._busy.release()
        return False

    def run(self, trial: Trial) -> Record:
        """Run a trial."""
        assert self._pool is not None
        return self._pool.run(trial)

    def printed(self) -> bytes:
        """Return the end of what was printed since it was asked last."""
        with contextlib.suppress(OSError), self._log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._read, size - _PRINTED_BYTES))
            self._read = size
            return log.read()
        return b""

    def rest(self) -> None:
        """Let go of it until the next trial, or its end."""
        self._idle = threading.Timer(_IDLE_S, self._end_idle)
        self._idle.daemon = True
        self._idle.start()
        self._busy.release()

    def _end_idle(self) -> None:
        if self._busy.acquire(blocking=False):
            self._close()
            self._busy.release()

    def _close(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None


_hosts: dict[int, _Host] = {}


@dataclass(frozen=True)
class _Found:
    refused: str = ""
    dataset: DatasetRef | None = None
    machine: Hardware | None = None


def look(order: Order) -> _Found:
    """Say whether this process, made as workers are, is what the sender needs, and whether the data is here."""
    wanted, code = order.environment, code_fingerprint()
    if code != order.code:
        return _Found(f"another cnn-harness is installed there ({_PACKAGE}): install the same one")
    try:
        device = find_device("gpu") if wanted.device == "gpu" else Device("cpu")
        here = training_environment(device, threads=wanted.threads)
    except HarnessError as error:
        return _Found(str(error))
    if here != wanted:
        return _Found(_differences(here, wanted))
    machine = collect_hardware(gpus=device.gpus, driver=device.driver)
    return _Found(dataset=order.dataset.on_this_machine(), machine=machine)


@functools.cache
def code_fingerprint() -> str:
    """Return the SHA-256 of all source files of this package: another version may train otherwise under one key."""
    digest = hashlib.sha256()
    for file in sorted(_PACKAGE.rglob("*.py")):
        if "starter" in file.relative_to(_PACKAGE).parts:  # what it holds besides depends on how it was installed
            continue
        digest.update(f"{file.relative_to(_PACKAGE)}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def _look(order: Order) -> _Found:
    """Look from a process of its own, made as a worker is, so that nothing is changed in the engine's."""
    log = _folder() / "look.log"
    prepare_log(log)
    environment = order.environment
    path = _path(order)
    settings = WorkerSettings(environment.device, environment.threads, order.dataset, path, log, home=order.home)
    process = WorkerProcess(settings)
    try:
        found: _Found = process.run(look, order, limit_s=_LOOK_S)
    except WorkerDied as death:
        raise HarnessError(f"{platform.node()}: no worker starts: {describe_death(death.ending)}") from None
    finally:
        process.close()
    return found


@functools.cache
def _folder() -> Path:
    try:
        return temporary_directory()
    except OSError as error:
        raise HarnessError(f"{platform.node()}: no temporary folder can be made ({error})") from None


def _path(order: Order) -> tuple[str, ...]:
    """Return where this machine finds modules, and after that the sender's folders: what is installed here counts."""
    return tuple(dict.fromkeys([*sys.path, *order.path]))


def _differences(here: Environment, wanted: Environment) -> str:
    """Name what differs of two environments.

    >>> one = Environment("cpu", "tensorflow", 1, (("keras", "3.15.1"),))
    >>> _differences(Environment("cpu", "tensorflow", 1, (("keras", "3.10.0"), ("jax", "0.7"))), one)
    'keras 3.10.0 instead of 3.15.1, jax 0.7 instead of none: install there what is here'
    """
    pairs = {name: (getattr(here, name), getattr(wanted, name)) for name in ("device", "backend")}
    mine, other = dict(here.versions), dict(wanted.versions)
    pairs |= {name: (mine.get(name, "none"), other.get(name, "none")) for name in (*other, *mine)}
    told = ", ".join(f"{name} {ours} instead of {theirs}" for name, (ours, theirs) in pairs.items() if ours != theirs)
    return f"{told}: install there what is here"
