"""A pool of workers that is stopped, or whose workers cannot start."""

import threading

import psutil
import pytest
from test_in_the_way import DATA, ENVIRONMENT, TRIAL
from waiting import wait_until, waits_in

from harness.running.executor import ExecutorStopped
from harness.running.worker_pool import PoolExecutor, _Turns


def test_a_pool_that_was_stopped_takes_no_trial(tmp_path):
    pool = PoolExecutor(DATA, ENVIRONMENT, workers=1, timeout_s=600, log=tmp_path / "workers.log")
    pool.stop()
    with pytest.raises(ExecutorStopped):
        pool.run(TRIAL)
    with pytest.raises(ExecutorStopped):
        pool._fill(pool._places[0])


def test_a_pool_that_is_stopped_while_a_worker_starts_gives_no_result(tmp_path):
    pool = PoolExecutor(DATA, ENVIRONMENT, workers=1, timeout_s=600, log=tmp_path / "workers.log")
    stopping = threading.Thread(target=pool.stop)
    worker = pool._places[0].worker
    ready = worker.ready

    def ready_soon():
        stopping.start()  # as Ctrl-C in another thread
        ready()

    worker.ready = ready_soon
    with pytest.raises(ExecutorStopped):
        pool.run(TRIAL)
    stopping.join()


def test_a_worker_that_cannot_start_fails_its_trial_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflo")
    pool = PoolExecutor(DATA, ENVIRONMENT, workers=1, timeout_s=600, log=tmp_path / "workers.log")
    try:
        record = pool.run(TRIAL)
    finally:
        pool.close()
    assert record.status == "failed"
    assert record.message.startswith('KERAS_BACKEND is "tensorflo"')


def test_who_waits_for_a_worker_to_start_goes_on_when_it_could_not(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflo")
    pool = PoolExecutor(DATA, ENVIRONMENT, workers=1, timeout_s=600, log=tmp_path / "workers.log")
    waiting = threading.Thread(target=pool.wait, daemon=True)
    try:
        waiting.start()
        wait_until(lambda: "wait" in waits_in(waiting))
        pool.run(TRIAL)
        waiting.join(60)
        assert not waiting.is_alive()
    finally:
        pool.close()


def test_a_trial_that_is_run_alone_waits_for_those_under_way_and_holds_up_the_next():
    turns, log = _Turns(), []

    def run(turn, name):
        with turn():
            log.append(name)

    with turns.beside_others():
        alone = threading.Thread(target=run, args=(turns.alone, "alone"))
        alone.start()
        wait_until(lambda: log or "alone" in waits_in(alone))
        late = threading.Thread(target=run, args=(turns.beside_others, "late"))
        late.start()
        wait_until(lambda: log or "beside_others" in waits_in(late))
        assert log == []
    alone.join()
    late.join()
    assert log == ["alone", "late"]


def test_a_worker_that_is_replaced_gets_the_environment_of_the_first(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    pool = PoolExecutor(DATA, ENVIRONMENT, workers=1, timeout_s=600, log=tmp_path / "workers.log")
    try:
        pool._places[0].worker.close()
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")  # as while the harness imports keras-tuner
        process = psutil.Process(pool._fill(pool._places[0])._process.pid)
        wait_until(process.environ)  # it is about to begin
        assert process.environ()["CUDA_VISIBLE_DEVICES"] == "1"
    finally:
        pool.close()
