"""Trials in this process, one at a time: for debugging, and for machines with room for one TensorFlow only."""

from __future__ import annotations

import threading

from harness.datasets import Dataset
from harness.errors import HarnessError
from harness.executors.base import ExecutorStopped, failed
from harness.executors.worker import describe_error
from harness.records import Record
from harness.trials import Trial


class InProcessExecutor:
    """Runs trials here; `stop` takes effect at the end of an epoch."""

    workers = 1

    def __init__(self, dataset: Dataset) -> None:
        from harness.training.trial import Trainer

        self._dataset = dataset
        self._trainer = Trainer()
        self._stopped = threading.Event()

    def run(self, trial: Trial) -> Record:
        """Run one trial here and return its record."""
        if self._stopped.is_set():
            raise ExecutorStopped
        try:
            return self._trainer.run(trial, self._dataset, stop=self._stopped.is_set)
        except KeyboardInterrupt:
            raise ExecutorStopped from None
        except HarnessError as error:
            return failed(trial, str(error))
        except Exception as error:  # a trial's failure is a result, not the sweep's end
            return failed(trial, describe_error(error))

    def stop(self) -> None:
        """Stop after the running epoch."""
        self._stopped.set()

    def close(self) -> None:
        """Nothing is kept open."""
