"""What every executor offers."""

from __future__ import annotations

from typing import Protocol

from harness.results.records import Record
from harness.results.trials import Trial


class ExecutorStopped(Exception):
    """The executor was stopped before the trial finished: there is no result, and no failure either."""


class Executor(Protocol):
    """Runs trials; as many at once as `workers` says."""

    workers: int

    def run(self, trial: Trial) -> Record:
        """Run one trial and return its record, a failed one included; ExecutorStopped when stopped meanwhile."""
        ...

    def stop(self) -> None:
        """End running trials at once and refuse further ones."""
        ...

    def close(self) -> None:
        """End the workers after their last trial."""
        ...


def failed(trial: Trial, message: str) -> Record:
    """Return the record of a trial that gave no result."""
    return Record(trial=trial, status="failed", message=message)
