"""The first trials of a sweep, begun before keras-tuner is there to hand them out."""

import gc
import threading

import pytest

from harness import BASELINE, BUDGETS
from harness.heavy import uncollected
from harness.results.records import Record
from harness.results.trials import Environment, Trial
from harness.running.executor import Executor, ExecutorStopped
from harness.running.head_start import HeadStart

ENVIRONMENT = Environment("cpu", "tensorflow", 1, (("keras", "3"),))
TRIALS = [Trial(BASELINE, "", "digits", "0" * 16, seed, BUDGETS["smoke"], ENVIRONMENT) for seed in (1, 2, 3)]


class Counted(Executor):
    """Two workers whose trials end once they may."""

    workers = 2

    def __init__(self):
        self.ran, self.begun = [], threading.Semaphore(0)
        self.may_end, self.stopped = threading.Event(), threading.Event()

    def run(self, trial):
        self.ran.append(trial.seed)
        self.begun.release()
        self.may_end.wait()
        if self.stopped.is_set():
            raise ExecutorStopped
        return Record(trial, "ok", total_s=float(trial.seed))

    def stop(self):
        self.stopped.set()
        self.may_end.set()

    def close(self):
        assert not self.stopped.is_set()


def test_the_first_trials_run_before_anybody_asks_and_each_runs_once():
    executor = Counted()
    head_start = HeadStart(executor, TRIALS[:2])
    assert all(executor.begun.acquire(timeout=60) for _ in range(2))
    assert sorted(executor.ran) == [1, 2]

    executor.may_end.set()
    assert [head_start.run(trial).total_s for trial in (*TRIALS, TRIALS[0])] == [1.0, 2.0, 3.0, 1.0]
    assert sorted(executor.ran) == [1, 1, 2, 3]  # whoever asks again gets it run again
    head_start.close()


def test_a_trial_that_nobody_has_asked_for_ends_with_its_executor():
    executor = Counted()
    head_start = HeadStart(executor, TRIALS[:2])
    head_start.close()

    assert executor.stopped.is_set()
    with pytest.raises(ExecutorStopped):
        head_start.run(TRIALS[0])


def test_the_garbage_collector_is_as_before_after_many_imports_and_passes_over_them():
    kept = [[] for _ in range(100)]
    before = gc.get_freeze_count()
    with uncollected():
        assert not gc.isenabled()

    assert gc.isenabled()
    assert gc.get_freeze_count() >= before + len(kept)
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
