"""The sweep: keras-tuner hands out the trials, an executor runs them, the store remembers each at once.

keras-tuner's own folder is scratch: what is done is read from the store, so a sweep killed at any instant goes on
where the store ends (its files, written in place, can be left half-written).
"""

from __future__ import annotations

import math
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, InputError
from harness.files import own_folder, unwritable
from harness.noise import quiet_libraries
from harness.results.records import Record
from harness.results.store import Store
from harness.results.trials import Trial
from harness.running.background import BackgroundThread
from harness.running.executor import Executor, ExecutorStopped
from harness.running.keras_tuner_import import import_keras_tuner
from harness.running.recorder import MOST_WAITING, Recorder
from harness.wording import counted

OBJECTIVE = "val_accuracy"

keras_tuner = import_keras_tuner()


def run_sweep(
    trials: Sequence[Trial],
    *,
    executor: Executor,
    store: Store,
    scratch: Path,
    notify: Callable[[Record], None],
    finished: Callable[[Record], Record] = lambda record: record,
    most_waiting: int = MOST_WAITING,
    stop_after_failures: int = 0,
) -> bool:
    """Run trials in their order, as many at once as the executor has workers.

    Every record is in the store before `notify` hears of it; the next trial does not wait for that.

    Args:
        trials: What to run; a result that the store has of one is replaced.
        executor: Where they run.
        store: Where their records go.
        scratch: Folder for keras-tuner's own files; removed afterwards.
        notify: Called with each record, from one thread at a time.
        finished: Called before, once it is stored: returns what of it is told.
        most_waiting: Records that may wait for the store, and for `finished`, as of `Recorder`.
        stop_after_failures: Start no further trial after that many failed ones; 0 never stops.

    Returns:
        Whether every trial was run (False: stopped after failures).

    Raises:
        InputError, HarnessError: `scratch` cannot be made.
        KeyboardInterrupt: Passed on, after the workers were ended.
    """
    if not trials:
        return True
    try:
        own_folder(scratch)
    except OSError as error:
        elsewhere = "remove what is in its place, or give --results another folder"
        raise unwritable(scratch, error, elsewhere=elsewhere) from None
    sweep = _Sweep(trials, executor, store, lambda record: notify(finished(record)), most_waiting, stop_after_failures)
    oracle = _Replay(sweep)
    threads = []
    for number in range(min(executor.workers, len(trials))):
        runner = _Runner(oracle, hypermodel=None, directory=str(scratch), project_name="sweep", overwrite=number == 0)
        runner.tuner_id = f"tuner{number}"
        threads.append(BackgroundThread(partial(sweep.search, runner)))
    with quiet_libraries(), sweep.recorder:
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.wait()
        except BaseException:
            sweep.stop.set()
            executor.stop()
            for thread in threads:
                thread.wait(5)
            raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    if sweep.errors:
        raise _with_what_is_lost(sweep.errors[0], len(sweep.recorder.lost))
    return not sweep.stop.is_set()


def _with_what_is_lost(error: BaseException, lost: int) -> BaseException:
    if not lost or not isinstance(error, HarnessError):
        return error
    kind = InputError if isinstance(error, InputError) else HarnessError
    return kind(f"{error}; {counted(lost, 'finished trial')} could not be stored and will run again")


@dataclass
class _Sweep:
    """What the threads of one sweep share."""

    trials: Sequence[Trial]
    executor: Executor
    store: InitVar[Store]
    tell: InitVar[Callable[[Record], None]]
    most_waiting: InitVar[int]
    stop_after_failures: int
    stop: threading.Event = field(default_factory=threading.Event)
    errors: list[BaseException] = field(default_factory=list)
    recorder: Recorder = field(init=False)
    failures: int = 0
    counting: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self, store: Store, tell: Callable[[Record], None], most_waiting: int) -> None:
        self.recorder = Recorder(store, tell, self._stop_at_once, most=most_waiting)

    def search(self, runner: _Runner) -> None:
        """Let a runner work in its thread; what keras-tuner itself raises ends the sweep, if nothing else does."""
        try:
            runner.search(verbose=0)
        except BaseException as error:
            if not self.stop.is_set():
                self.stop.set()
                self.errors.append(error)

    def run(self, trial: Trial) -> Record | None:
        """Return the record of a trial, on its way into the store; None where there is none: the sweep then stops."""
        try:
            record = self.executor.run(trial)
        except BaseException as error:
            self.stop.set()
            if not isinstance(error, ExecutorStopped):
                self.errors.append(error)
            return None
        self.recorder.add(record)
        with self.counting:
            self.failures += record.status == "failed"
            if self.stop_after_failures and self.failures >= self.stop_after_failures:
                self.stop.set()
        return record

    def _stop_at_once(self, error: BaseException) -> None:
        """End trials whose records could not be kept either."""
        self.errors.append(error)
        self.stop.set()
        self.executor.stop()


class _Replay(keras_tuner.Oracle):  # type: ignore[misc, name-defined]  # keras-tuner ships no types
    """Hands out the list of trials, in order."""

    def __init__(self, sweep: _Sweep) -> None:
        # No space is declared: a list needs none, and keras-tuner copies all of it for each trial.
        super().__init__(
            objective=keras_tuner.Objective(OBJECTIVE, "max"),
            max_trials=len(sweep.trials) + 1,
            max_retries_per_trial=0,
            max_consecutive_failed_trials=len(sweep.trials) + 1,
        )
        self.verbose = 0
        self.sweep = sweep

    def save(self) -> None:
        """Write nothing: the store remembers, and keras-tuner's files cost seven writes a trial, each longer."""

    def _save_trial(self, trial: Any) -> None:
        """Write nothing."""

    def _check_consecutive_failures(self) -> None:
        """Look at no trial that has ended: this goes through all of them after each, and no number of them stops us."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        number, sweep = int(trial_id), self.sweep
        if sweep.stop.is_set() or number >= len(sweep.trials):
            return {"status": keras_tuner.engine.trial.TrialStatus.STOPPED}
        values = {"variant": sweep.trials[number].variant.name, "seed": sweep.trials[number].seed}
        return {"status": keras_tuner.engine.trial.TrialStatus.RUNNING, "values": values}


class _Runner(keras_tuner.engine.base_tuner.BaseTuner):  # type: ignore[misc, name-defined]
    """Gives a trial to the executor and waits for its record."""

    def save(self) -> None:
        """Write nothing."""

    def run_trial(self, trial: Any, *arguments: Any, **options: Any) -> dict[str, float]:
        # A result that is not a number ends the trial as failed. Raising would do so too, but keras-tuner prints
        # the traceback of whatever is raised, and goes on when the disk is full.
        sweep = self.oracle.sweep
        record = sweep.run(sweep.trials[int(trial.trial_id)])
        if record is None:
            return {OBJECTIVE: math.nan}
        trial.message = record.message or None
        if record.status != "ok":
            return {OBJECTIVE: math.nan}
        return {OBJECTIVE: max(epoch.val_accuracy for epoch in record.history)}
