"""The sweep: keras-tuner hands out the trials, an executor runs them, the store remembers each at once.

keras-tuner's own folder is scratch: what is done is read from the store, so a sweep killed at any instant goes on
where the store ends (its files, written in place, can be left half-written).
"""

from __future__ import annotations

import math
import os
import shutil
import threading
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.results.records import Record
from harness.results.store import Store
from harness.results.trials import Trial
from harness.running.executor import Executor, ExecutorStopped
from harness.training.devices import quiet_start

OBJECTIVE = "val_accuracy"
_POLL_S = 0.2


def run_sweep(
    trials: Sequence[Trial],
    *,
    executor: Executor,
    store: Store,
    scratch: Path,
    notify: Callable[[Record], None],
    stop_after_failures: int = 0,
) -> bool:
    """Run trials in their order, as many at once as the executor has workers.

    Every record is in the store before keras-tuner, or `notify`, hears of it.

    Args:
        trials: What to run; none of them is in the store.
        executor: Where they run.
        store: Where their records go.
        scratch: Folder for keras-tuner's own files; removed afterwards.
        notify: Called with each record, from one thread at a time.
        stop_after_failures: Start no further trial after that many failed ones; 0 never stops.

    Returns:
        Whether every trial was run (False: stopped after failures).

    Raises:
        KeyboardInterrupt: Passed on, after the workers were ended.
    """
    if not trials:
        return True
    keras_tuner = import_keras_tuner()
    stop = threading.Event()
    errors: list[BaseException] = []
    failures = 0
    recording = threading.Lock()

    class ReplayOracle(keras_tuner.Oracle):  # type: ignore[misc, name-defined]  # keras-tuner ships no types
        """Hands out the list of trials, in order."""

        def populate_space(self, trial_id: str) -> dict[str, Any]:
            number = int(trial_id)
            if stop.is_set() or number >= len(trials):
                return {"status": keras_tuner.engine.trial.TrialStatus.STOPPED}
            trial = trials[number]
            values = {"variant": trial.variant.name, "seed": trial.seed}
            return {"status": keras_tuner.engine.trial.TrialStatus.RUNNING, "values": values}

    class TrialTuner(keras_tuner.engine.base_tuner.BaseTuner):  # type: ignore[misc, name-defined]
        """Gives a trial to the executor and waits for its record."""

        def run_trial(self, trial: Any, *arguments: Any, **options: Any) -> dict[str, float]:
            nonlocal failures
            # A result that is not a number ends the trial as failed. Raising would do so too, but keras-tuner prints
            # the traceback of whatever is raised, and goes on when the disk is full.
            try:
                record = executor.run(trials[int(trial.trial_id)])
                with recording:
                    store.add_record(record)
                    failures += record.status == "failed"
                    if stop_after_failures and failures >= stop_after_failures:
                        stop.set()
                    notify(record)
            except BaseException as error:
                stop.set()
                if not isinstance(error, ExecutorStopped):
                    errors.append(error)
                return {OBJECTIVE: math.nan}
            trial.message = record.message or None
            if record.status != "ok":
                return {OBJECTIVE: math.nan}
            return {OBJECTIVE: max(epoch.val_accuracy for epoch in record.history)}

    hyperparameters = keras_tuner.HyperParameters()
    hyperparameters.Choice("variant", list(dict.fromkeys(trial.variant.name for trial in trials)))
    hyperparameters.Int("seed", 1, max(trial.seed for trial in trials))
    oracle = ReplayOracle(
        objective=keras_tuner.Objective(OBJECTIVE, "max"),
        max_trials=len(trials) + 1,
        hyperparameters=hyperparameters,
        max_retries_per_trial=0,
        max_consecutive_failed_trials=len(trials) + 1,
    )
    oracle.verbose = 0
    threads = []
    for number in range(min(executor.workers, len(trials))):
        tuner = TrialTuner(oracle, hypermodel=None, directory=str(scratch), project_name="sweep", overwrite=number == 0)
        tuner.tuner_id = f"tuner{number}"
        threads.append(threading.Thread(target=tuner.search, kwargs={"verbose": 0}, daemon=True))
    try:
        with warnings.catch_warnings():
            # It still calls names of the threading module that Python has deprecated.
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="keras_tuner")
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():  # a join without a limit would not let Ctrl-C in
                    thread.join(_POLL_S)
    except BaseException:
        stop.set()
        executor.stop()
        for thread in threads:
            thread.join(timeout=5)
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if errors:
        raise errors[0]
    return not stop.is_set()


def import_keras_tuner() -> Any:
    """Return keras-tuner, imported without its libraries' greetings."""
    # It imports TensorFlow, which greets on standard error.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # the parent trains nothing: leave the GPU to the workers
    with quiet_start():
        import keras_tuner
        import keras_tuner.engine.base_tuner
        import keras_tuner.engine.trial
    return keras_tuner
