"""A sweep whose executor, store or keras-tuner is in its way: it ends, and leaves no wrong record."""

import dataclasses
import signal
import threading

import pytest
from test_in_the_way import TRIAL

from harness.errors import HarnessError, InputError
from harness.results.opening import open_store
from harness.results.provenance import Provenance
from harness.results.records import Record
from harness.running.executor import ExecutorStopped
from harness.running.head_start import HeadStart
from harness.running.tuner import run_sweep


class Running:
    """An executor that does what the test says."""

    workers = 1

    def __init__(self, does):
        self.does = does

    def run(self, trial):
        return self.does(trial)

    def stop(self):
        pass

    close = stop


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "results") as opened:
        opened.begin_run(Provenance("harness", "2026-01-02T03:04:05", "box", "cpu", (), 2, 4096, "Linux", "3.12"))
        yield opened


def sweep(store, scratch, does, trials=(TRIAL,), **options):
    told: list[Record] = []
    return run_sweep(trials, executor=Running(does), store=store, scratch=scratch, notify=told.append, **options), told


def test_a_sweep_of_nothing_is_done(store, tmp_path):
    assert sweep(store, tmp_path / "scratch", None, trials=()) == (True, [])
    assert not (tmp_path / "scratch").exists()


def test_a_sweep_whose_scratch_place_is_taken_is_refused(store, tmp_path):
    (tmp_path / "scratch").write_text("")
    with pytest.raises(InputError, match=r"scratch cannot be written .*: remove what is in its place"):
        sweep(store, tmp_path / "scratch", None)


def test_what_an_executor_raises_ends_the_sweep_and_leaves_no_record(store, tmp_path):
    def raises(trial):
        raise HarnessError("no process answers")

    with pytest.raises(HarnessError, match="no process answers"):
        sweep(store, tmp_path / "scratch", raises)
    assert not store.records()
    assert not (tmp_path / "scratch").exists()


def test_what_keras_tuner_raises_ends_the_sweep_unless_something_else_has(store, tmp_path, monkeypatch):
    def breaks(*_, **__):
        raise OSError("keras-tuner's own folder is gone")

    def refuses(trial):
        raise HarnessError("no process answers")

    monkeypatch.setattr("keras_tuner.engine.base_tuner.BaseTuner.on_trial_end", breaks)
    with pytest.raises(OSError, match="own folder is gone"):
        sweep(store, tmp_path / "scratch", lambda trial: Record(trial, "failed", "no memory"))
    with pytest.raises(HarnessError, match="no process answers"):
        sweep(store, tmp_path / "scratch", refuses)


def test_ctrl_c_amid_a_sweep_ends_its_workers_and_leaves_no_record(store, tmp_path):
    ended = threading.Event()

    def waits(trial):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        assert ended.wait(600)
        raise ExecutorStopped

    executor = Running(waits)
    executor.stop = ended.set
    with pytest.raises(KeyboardInterrupt):
        run_sweep([TRIAL], executor=HeadStart(executor), store=store, scratch=tmp_path / "scratch", notify=pytest.fail)
    assert ended.is_set()
    assert not store.records()
    assert not (tmp_path / "scratch").exists()


def test_a_failed_trial_may_stop_a_sweep(store, tmp_path):
    trials = [dataclasses.replace(TRIAL, seed=seed) for seed in (1, 2, 3)]
    fails = lambda trial: Record(trial, "failed", "no memory")  # noqa: E731
    done, told = sweep(store, tmp_path / "scratch", fails, trials, stop_after_failures=2)
    assert (done, [one.trial.seed for one in told]) == (False, [1, 2])
    assert store.records().keys() == {trial.key for trial in trials[:2]}
