"""The first trials of a sweep, begun before keras-tuner is there to hand them out."""

import gc
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from harness import BASELINE, BUDGETS
from harness.heavy import uncollected
from harness.results.records import Record
from harness.results.trials import Environment, Trial
from harness.running.ahead import prepare_the_end
from harness.running.executor import Executor, ExecutorStopped
from harness.running.head_start import HeadStart
from harness.running.job import begin, prepare
from harness.running.job_settings import JobSettings
from harness.running.share import Share
from harness.running.train import _Watch, train
from harness.suites import Suite

ENVIRONMENT = Environment("cpu", "tensorflow", 1, (("keras", "3"),))
TRIALS = [Trial(BASELINE, "", "digits", "0" * 16, seed, BUDGETS["smoke"], ENVIRONMENT) for seed in (1, 2, 3)]


@pytest.fixture
def run_alone():
    """Runs code in a process whose garbage is its own."""
    return lambda code: subprocess.run([sys.executable, "-c", code], check=True)


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
    head_start = HeadStart(executor)
    head_start.begin(TRIALS[:2])
    assert all(executor.begun.acquire(timeout=60) for _ in range(2))
    assert sorted(executor.ran) == [1, 2]

    executor.may_end.set()
    assert [head_start.run(trial).total_s for trial in (*TRIALS, TRIALS[0])] == [1.0, 2.0, 3.0, 1.0]
    assert sorted(executor.ran) == [1, 1, 2, 3]  # whoever asks again gets it run again
    head_start.close()


def test_a_trial_that_nobody_has_asked_for_ends_with_its_executor():
    executor = Counted()
    head_start = HeadStart(executor)
    head_start.begin(TRIALS[:2])
    head_start.close()

    assert executor.stopped.is_set()
    with pytest.raises(ExecutorStopped):
        head_start.run(TRIALS[0])


def test_an_executor_that_ran_nothing_is_closed_not_stopped():
    executor = Counted()
    head_start = HeadStart(executor)
    head_start.begin([])
    head_start.wait()
    head_start.close()

    assert not executor.stopped.is_set()


class Refusing:
    """An engine whose trials fail at once."""

    def size(self, asked):
        return asked

    def start(self, work, workers):
        return Failing(workers)


class Failing(Executor):
    def __init__(self, workers):
        self.workers = workers

    def wait(self): ...

    def run(self, trial):
        return Record(trial, "failed", "refused")

    def stop(self): ...

    def close(self): ...


@pytest.mark.parametrize(("trials", "cores", "left"), [(2, 1, 0), (2, 2, 1), (2, 3, 2), (4, 2, 1), (4, 8, 2)])
def test_what_begins_beside_the_last_trials_begins_once_where_a_core_is_free(
    tmp_path, monkeypatch, trials, cores, left
):
    monkeypatch.setattr("harness.running.train.usable_cores", lambda: cores)
    settings = JobSettings(
        "digits", BUDGETS["smoke"].override(seeds=trials // 2), device="cpu", results=tmp_path / "results", workers=2
    )
    job = prepare(settings, [Suite("one", [BASELINE.replace(l2=0.1)])])
    job = replace(job, engine=Refusing())
    ended, told = [], []
    with begin(job) as store:
        train(job, store, notify=ended.append, last_begun=lambda: told.append(trials - len(ended)))
    assert len(ended) == trials
    assert told == [left]


def test_a_share_begins_nothing_more_once_as_many_trials_have_failed_as_may(tmp_path):
    settings = JobSettings(
        "digits", BUDGETS["smoke"].override(seeds=4), device="cpu", results=tmp_path, workers=1, share=Share(1, 2)
    )
    job = replace(prepare(settings, [Suite("one", [BASELINE.replace(l2=0.1)])]), engine=Refusing())
    ended = []
    with begin(job) as store:
        train(job, store, notify=ended.append, stop_after_failures=2)
    assert (len(job.plan.todo), len(ended)) == (4, 2)


def test_what_trials_took_is_known_to_the_next_plan_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    settings = JobSettings("digits", BUDGETS["smoke"], device="cpu", results=tmp_path / "results", workers=1)
    suites = [Suite("one", [BASELINE.replace(l2=0.1)])]
    plan = prepare(settings, suites).plan
    assert plan.estimator.speed.of("training", plan.estimator.training_kind) is None
    watch = _Watch(plan)
    watch.see(Record(plan.todo[0], "failed", "refused"))
    watch.note()  # of nothing
    for trial in plan.todo:
        watch.see(Record(trial, "ok", total_s=1.0))
    watch.note()
    estimator = prepare(settings, suites).plan.estimator
    assert estimator.speed.of("training", estimator.training_kind) is not None


def test_what_fails_while_the_end_is_prepared_is_left_to_the_end(monkeypatch):
    monkeypatch.setitem(sys.modules, "harness.report.write", None)
    told, before = [], set(threading.enumerate())
    monkeypatch.setattr(threading, "excepthook", told.append)
    prepare_the_end()
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert told == []


def test_garbage_from_before_many_imports_is_collected_and_in_others_process_everything_again(run_alone):
    run_alone("""
import gc, weakref
from harness.heavy import collect_again, uncollected

class Node: ...

def ring():
    node = Node()
    node.itself = node
    return weakref.ref(node)

gc.disable()
before = ring()
with uncollected():
    kept = Node()
    kept.itself = kept
    alive = weakref.ref(kept)
assert before() is None
del kept
gc.collect()
assert alive() is not None
collect_again()
gc.collect()
assert alive() is None
""")


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
