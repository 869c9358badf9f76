"""What every executor offers, and what of a job it must know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.datasets import DatasetRef
from harness.results.provenance import Gpu
from harness.results.records import Record
from harness.results.trials import Environment, Trial


class ExecutorStopped(Exception):
    """The executor was stopped before the trial finished: there is no result, and no failure either."""


class Executor(Protocol):
    """Runs trials; as many at once as `workers` says."""

    workers: int

    def wait(self) -> None:
        """Return once a worker computes its first trial, or none is going to, or it is not known when."""
        ...

    def run(self, trial: Trial) -> Record:
        """Run one trial and return its record, a failed one included.

        Raises:
            ExecutorStopped: Stopped meanwhile.
            HarnessError: No trial can run there.
        """
        ...

    def stop(self) -> None:
        """End running trials at once and refuse further ones."""
        ...

    def close(self) -> None:
        """End the workers after their last trial."""
        ...


@dataclass(frozen=True)
class Work:
    """What the trials of one job share, wherever they run.

    Attributes:
        dataset: How a worker opens what every trial trains on.
        environment: Device, backend, threads and versions of every trial.
        timeout_s: Longest time of a trial.
        memory_mib: The most resident memory of a trial's processes; 0 for any.
        log: File that takes what the workers print.
        checkpoints: Folder through which a trial on this machine goes on from a shorter run of itself; None for none.
        gpus: Of this machine, where it trains on them.
    """

    dataset: DatasetRef
    environment: Environment
    timeout_s: float
    memory_mib: int
    log: Path
    checkpoints: Path | None = None
    gpus: Sequence[Gpu] = ()


class Engine(Protocol):
    """Where trials run: this machine's processes, or others'."""

    def size(self, asked: int | None) -> int:
        """Return how many trials run at once; InputError where so many, or any, cannot."""
        ...

    def start(self, work: Work, workers: int) -> Executor:
        """Start the workers; HarnessError where they cannot work, or with the first trial, where that shows later."""
        ...


def failed(trial: Trial, message: str) -> Record:
    """Return the record of a trial that gave no result."""
    return Record(trial=trial, status="failed", message=message)
