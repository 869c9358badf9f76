"""The first trials of a sweep begin at once: keras-tuner, which hands trials out, takes seconds to import."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from threading import Thread

from harness.results.records import Record
from harness.results.trials import Trial
from harness.running.executor import Executor


class HeadStart(Executor):
    """Runs trials by another executor, which is given the first of them before anybody asks."""

    def __init__(self, executor: Executor) -> None:
        self.workers = executor.workers
        self._executor = executor
        self._begun: dict[str, Future[Record]] = {}

    def begin(self, trials: Sequence[Trial]) -> None:
        """Begin what is asked for first, as many trials as there are workers or fewer.

        Each is run once, and whoever asks for it gets that record.
        """
        for trial in trials:
            record = self._begun[trial.key] = Future()
            Thread(target=self._run, args=(trial, record), daemon=True).start()

    def wait(self) -> None:
        """Wait until a worker computes one of them, or none is going to."""
        if self._begun:
            self._executor.wait()

    def run(self, trial: Trial) -> Record:
        """Return a trial's record: the one that was begun, or one that is run now."""
        record = self._begun.pop(trial.key, None)
        return record.result() if record is not None else self._executor.run(trial)

    def stop(self) -> None:
        """End running trials at once and refuse further ones."""
        self._executor.stop()

    def close(self) -> None:
        """End the workers; a trial that was begun, and that nobody has asked for, ends with them."""
        if self._begun:
            self._executor.stop()
        else:
            self._executor.close()

    def _run(self, trial: Trial, record: Future[Record]) -> None:
        try:
            record.set_result(self._executor.run(trial))
        except BaseException as error:  # whoever asks for it gets it
            record.set_exception(error)
