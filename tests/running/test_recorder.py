"""Records are told once they are stored, and the next trial does not wait for the disk."""

import dataclasses
import signal
import threading

import pytest
from made_results import Made, make_results
from waiting import wait_until, waits_in

from harness import load_results
from harness.errors import HarnessError
from harness.results.opening import open_store, read_store
from harness.results.provenance import collect_provenance
from harness.running.background import BackgroundThread
from harness.running.executor import ExecutorStopped
from harness.running.recorder import MOST_WAITING, Recorder


@pytest.fixture
def folder(tmp_path):
    return make_results(tmp_path / "results", Made(seeds=(1,)))


@pytest.fixture
def drawn(folder):
    """Records that the store has not."""
    record = next(iter(load_results(folder).records.values()))
    return [
        dataclasses.replace(record, trial=dataclasses.replace(record.trial, seed=100 + number)) for number in range(50)
    ]


@pytest.fixture
def store(folder):
    with open_store(folder) as opened:
        opened.begin_run(collect_provenance())
        yield opened


def keys(records):
    return [record.trial.key for record in records]


def stored(folder):
    with read_store(folder) as reader:
        return keys(record for _, record in reader.trials())[3:]


def fill(store):
    """Let SQLite find its disk full with the next page."""
    pages = store.connection.execute("PRAGMA page_count").fetchone()[0]
    store.connection.execute(f"PRAGMA max_page_count = {pages}")


def test_a_record_that_is_told_is_seen_by_who_opens_the_store_then(folder, store, drawn):
    found = []
    with Recorder(store, lambda record: found.append((record.trial.key, stored(folder))), pytest.fail) as recorder:
        for record in drawn:
            recorder.add(record)
    assert [key for key, _ in found] == keys(drawn)
    assert all(key in there for key, there in found)


def test_records_that_come_while_one_is_written_share_a_transaction_and_more_than_may_wait_do_wait(store, drawn):
    told, go_on, commits = threading.Semaphore(0), threading.Semaphore(0), []

    def tell(record):
        told.release()
        go_on.acquire()

    store.connection.set_trace_callback(lambda statement: commits.append(statement) if statement == "COMMIT" else None)
    with Recorder(store, tell, pytest.fail) as recorder:
        recorder.add(drawn[0])
        told.acquire()
        for record in drawn[1 : MOST_WAITING + 1]:
            recorder.add(record)
        late = threading.Thread(target=recorder.add, args=(drawn[MOST_WAITING + 1],))
        late.start()
        late.join(0.2)
        assert late.is_alive()
        go_on.release(MOST_WAITING + 2)
        late.join()
    assert len(commits) == 3  # the first record, those that waited, the late one


def test_what_has_finished_when_a_sweep_is_interrupted_is_stored_and_told(folder, store, drawn):
    told = []

    def interrupted():
        with Recorder(store, told.append, pytest.fail) as recorder:
            for record in drawn[:MOST_WAITING]:
                recorder.add(record)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert keys(told) == stored(folder) == keys(drawn[:MOST_WAITING])


def test_what_has_finished_when_ctrl_c_comes_while_the_last_records_are_stored_is_stored_and_told(folder, store, drawn):
    told, errors, interrupted, left = [], [], threading.Event(), threading.Event()

    def interrupt(number, frame):
        interrupted.set()
        raise KeyboardInterrupt

    def tell(record):
        if not told:
            wait_until(lambda: "__exit__" in waits_in(threading.main_thread()))
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            interrupted.wait()
            left.wait(0.2)  # who does not wait any more has left by then
        told.append(record)

    def sweep():
        with Recorder(store, tell, errors.append) as recorder:
            for record in drawn[:4]:
                recorder.add(record)

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            sweep()
    finally:
        signal.signal(signal.SIGINT, before)
    left.set()
    assert (keys(told), errors) == (keys(drawn[:4]), [])
    assert stored(folder) == keys(drawn[:4])


def test_a_thread_that_ctrl_c_found_waited_for_is_waited_for_again():
    go_on, ended = threading.Event(), []

    def work():
        wait_until(lambda: "until_interrupted" in waits_in(threading.main_thread()))
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        go_on.wait()
        ended.append(True)

    thread = BackgroundThread(work)

    def until_interrupted():
        thread.wait()

    assert thread.wait()  # it was never started
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        until_interrupted()
    assert not thread.wait(0.01)
    go_on.set()
    assert thread.wait()
    assert ended


def test_one_that_cannot_be_stored_takes_no_other_along_and_is_counted(folder, store, drawn):
    told, errors, go_on = [], [], threading.Event()
    unfit = [dataclasses.replace(drawn[number], message=b"no text") for number in (3, 5)]

    def tell(record):
        go_on.wait()
        told.append(record)

    with Recorder(store, tell, errors.append) as recorder:
        for record in (*drawn[:3], unfit[0], drawn[4], unfit[1], drawn[6]):
            recorder.add(record)
        go_on.set()
    assert [type(error) for error in errors] == [TypeError]
    assert keys(recorder.lost) == keys(unfit)
    assert keys(told) == stored(folder) == keys([*drawn[:3], drawn[4], drawn[6]])


def test_records_whose_common_transaction_failed_are_stored_one_by_one(folder, store, drawn):
    told, begun, go_on, broken = [], threading.Event(), threading.Event(), []

    def tell(record):
        begun.set()
        go_on.wait()
        told.append(record)

    def breaks():
        broken.append(not broken)
        return broken[-1]  # SQLite gives up what it is at, once

    with Recorder(store, tell, pytest.fail) as recorder:
        recorder.add(drawn[0])
        begun.wait()
        for record in drawn[1:4]:
            recorder.add(record)
        store.connection.set_progress_handler(breaks, 1)
        go_on.set()
    assert broken[0]
    assert keys(told) == stored(folder) == keys(drawn[:4])


def test_what_telling_of_a_record_raises_is_passed_on_once_and_the_others_are_told(folder, store, drawn):
    told, errors = [], []

    def tell(record):
        told.append(record)
        if len(told) < 3:
            raise OSError(f"the {len(told)}. listener is gone")

    with Recorder(store, tell, errors.append) as recorder:
        for record in drawn[:4]:
            recorder.add(record)
    assert [str(error) for error in errors] == ["the 1. listener is gone"]
    assert keys(told) == stored(folder) == keys(drawn[:4])


def test_nobody_waits_for_a_recorder_though_what_runs_cannot_be_stopped(store, drawn):
    errors = []

    def fail(error):
        errors.append(error)
        raise RuntimeError("an engine that cannot be reached")

    fill(store)
    large = dataclasses.replace(drawn[0], history=drawn[0].history * 100)
    with Recorder(store, lambda record: None, fail) as recorder:
        for record in [large, *drawn]:
            recorder.add(record)
    assert [type(error) for error in errors] == [HarnessError]
    assert keys(recorder.lost)[:1] == keys([large])


def test_records_of_which_one_may_wait_are_stored_one_by_one(store, drawn):
    commits = []
    store.connection.set_trace_callback(lambda statement: commits.append(statement) if statement == "COMMIT" else None)
    with Recorder(store, lambda record: None, pytest.fail, most=1) as recorder:
        for record in drawn[:5]:
            recorder.add(record)
    assert len(commits) == 5


def test_after_a_full_disk_what_cannot_be_stored_is_counted_and_nobody_waits(folder, store, drawn):
    told, errors = [], []
    fill(store)
    with Recorder(store, told.append, errors.append) as recorder:
        for record in drawn:
            recorder.add(record)
    assert [type(error) for error in errors] == [HarnessError]
    assert "free some space" in str(errors[0])
    assert keys(told) == stored(folder)
    assert keys(told + recorder.lost) == keys(drawn)
    assert recorder.lost


class TwoTrials:
    """An executor whose first trial has ended, and whose others run until they are stopped."""

    workers = 1

    def __init__(self, record):
        self.records = [record]
        self.stopped = threading.Event()

    def run(self, trial):
        if self.records:
            return self.records.pop()
        assert self.stopped.wait(600), "the sweep waited for a trial whose record it could not keep"
        raise ExecutorStopped

    def stop(self):
        self.stopped.set()

    def close(self):
        self.stop()


@pytest.mark.slow
def test_a_full_disk_ends_the_trial_that_runs_meanwhile(store, drawn, tmp_path):
    from harness.running.tuner import run_sweep

    large = dataclasses.replace(drawn[0], history=drawn[0].history * 100)
    executor, told = TwoTrials(large), []
    fill(store)
    with pytest.raises(HarnessError, match=r"free some space.*; 1 finished trial could not be stored and w"):
        run_sweep(
            [one.trial for one in drawn[:3]],
            executor=executor,
            store=store,
            scratch=tmp_path / "kt",
            notify=told.append,
        )
    assert executor.stopped.is_set()
    assert told == []
