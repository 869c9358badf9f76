"""An engine's processes that are late, lost or of another kind, and engines that break: each told, none waited for."""

import dataclasses
import os
import threading
from concurrent.futures import BrokenExecutor, Executor, Future
from pathlib import Path

import pytest
from test_in_the_way import DATA, ENVIRONMENT, TRIAL
from waiting import wait_until

from harness.datasets import DatasetRef
from harness.datasets.dataset import Origin
from harness.errors import HarnessError, InputError
from harness.results.provenance import collect_hardware
from harness.results.records import Record
from harness.running import remote
from harness.running.executor import ExecutorStopped, Work
from harness.running.keeper import LOG_LIMIT_BYTES
from harness.running.node import Reply
from harness.running.remote import NoWorkerLeft, RemoteExecutor, order_of

PATIENCE_S = 600
HERE = Reply(machine=dataclasses.replace(collect_hardware(), host="here"))


def order_for(data=DATA):
    """Make what all trials of a job share."""
    return order_of(Work(data, ENVIRONMENT, timeout_s=PATIENCE_S, memory_mib=0, log=Path(os.devnull)))


def outcome(given):
    future = Future()
    if isinstance(given, Exception):
        future.set_exception(given)
    elif given is not None:
        future.set_result(given)
    return future


class Engine(Executor):
    """An engine whose processes greet, and then answer, as the test says: an error, a reply, or None for not yet."""

    def __init__(self, greetings=(HERE,), answers=()):
        self.greetings, self.answers = [outcome(one) for one in greetings], list(answers)
        self.waiting, self.calls, self.closed = list(self.greetings), [], 0

    def submit(self, function, /, *arguments):
        if len(arguments) == 1:
            return self.waiting.pop(0)
        self.calls.append(arguments)
        answer = self.answers.pop(0)
        return outcome(answer(*arguments) if callable(answer) else answer)

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.closed += 1
        raise RuntimeError("already gone")  # some libraries' do


def broken(*_):
    raise BrokenExecutor("a process died")


def done(order, trial, *data):
    return Reply(Record(trial, "ok"))


def executor_on(engine, folder, order=None, **options):
    opened = iter([engine] if isinstance(engine, Engine) else engine)
    workers = options.pop("workers", 1)
    return RemoteExecutor(
        order or order_for(), workers=workers, open_pool=opened.__next__, log=folder / "log", **options
    )


@pytest.fixture
def impatient(monkeypatch):
    for name in ("_NOTICE_S", "_ALL_S", "JOIN_S"):
        monkeypatch.setattr(remote, name, 0.05)


def test_workers_that_are_late_or_lost_are_told_of_and_the_others_begin(tmp_path, capsys, impatient):
    engine = Engine([HERE, OSError("n7 is gone"), None, None], [done])
    executor = executor_on(engine, tmp_path, workers=4)
    assert executor.run(TRIAL).status == "ok"
    assert capsys.readouterr().err == (
        "note: waiting for 2 of 4 workers of the engine\n"
        "warning: a worker of the engine was lost at its start: OSError: n7 is gone\n"
        "warning: 2 of 4 workers have not answered yet: the others begin\n"
    )
    engine.greetings[2].set_exception(OSError("n8 is gone too"))  # nothing to those that work
    engine.greetings[3].set_result(Reply(refused="n9: another keras"))
    with pytest.raises(InputError, match=r"^n9: another keras$"):
        executor.run(TRIAL)


def test_an_engine_none_of_whose_workers_answers_is_told_of_for_every_trial(tmp_path, impatient):
    executor = executor_on(Engine([None]), tmp_path)
    for _ in range(2):
        with pytest.raises(InputError, match=r"^no worker of the engine answered within 0\.05 s: is there"):
            executor.run(TRIAL)


def test_an_engine_all_of_whose_workers_are_lost_is_told_of_with_the_last_loss(tmp_path):
    with pytest.raises(InputError, match=r"^no worker of the engine can work: OSError: n7 is gone$"):
        executor_on(Engine([OSError("n7 is gone")]), tmp_path).run(TRIAL)


def test_an_engine_that_is_stopped_while_its_workers_start_gives_no_result(tmp_path, impatient):
    executor = executor_on(Engine([None]), tmp_path)
    executor.stop()
    executor.wait()
    with pytest.raises(ExecutorStopped):
        executor.run(TRIAL)


def test_an_engine_that_takes_nothing_is_refused_as_it_starts(tmp_path):
    engine = Engine()
    engine.submit = broken
    with pytest.raises(HarnessError, match=r"^the engine takes no work: BrokenExecutor: a process died$"):
        executor_on(engine, tmp_path)
    assert engine.closed


def test_an_engine_that_cannot_be_opened_says_why_in_one_line(tmp_path):
    class RayError(Exception):  # as Ray's, which hold what was raised behind a page of a traceback
        cause = ConnectionError("no\nGCS at 10.0.0.5")

    def raising():
        raise RayError("Traceback ...")

    with pytest.raises(HarnessError, match=r"^the engine cannot be opened: ConnectionError: no GCS at 10\.0\.0\.5$"):
        RemoteExecutor(order_for(), workers=1, open_pool=raising, log=tmp_path / "log")

    def closing():
        raise HarnessError("the queue is closed")

    with pytest.raises(HarnessError, match=r"^the queue is closed$"):
        RemoteExecutor(order_for(), workers=1, open_pool=closing, log=tmp_path / "log")


def test_an_engine_that_breaks_under_two_trials_is_opened_again_once(tmp_path):
    both = threading.Barrier(2)

    def breaks(*_):
        both.wait(PATIENCE_S)
        broken()

    first, second = Engine([HERE, HERE], [breaks, breaks]), Engine(answers=[done, done])
    executor = executor_on([first, second], tmp_path, workers=2)
    found = []
    threads = [threading.Thread(target=lambda: found.append(executor.run(TRIAL).status)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert found == ["ok", "ok"]
    assert first.closed == 1


def test_a_trial_at_which_every_engine_breaks_is_failed_in_the_end(tmp_path):
    executor = executor_on((Engine(answers=[broken]) for _ in range(100)), tmp_path)
    record = executor.run(TRIAL)
    assert (record.status, record.message) == ("failed", "lost 3 times, at last: BrokenExecutor: a process died")


def test_an_engine_that_is_opened_again_while_all_is_stopped_is_closed(tmp_path):
    engines = []

    def open_pool():
        if engines:
            executor.stop()
        engines.append(Engine(answers=[broken]))
        return engines[-1]

    executor = RemoteExecutor(order_for(), workers=1, open_pool=open_pool, log=tmp_path / "log")
    with pytest.raises(ExecutorStopped):
        executor.run(TRIAL)
    assert engines[-1].closed
    with pytest.raises(ExecutorStopped):
        executor.run(TRIAL)


def test_a_trial_that_waits_ends_when_all_is_stopped_and_is_no_failure(tmp_path):
    engine = Engine(answers=[None])
    executor = executor_on(engine, tmp_path)
    caught = []

    def run():
        with pytest.raises(ExecutorStopped) as stopped:
            executor.run(TRIAL)
        caught.append(stopped.type)

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: engine.calls)
    executor.stop()
    thread.join(PATIENCE_S)
    assert caught == [ExecutorStopped]


def test_an_engine_without_any_worker_left_ends_the_run_at_once(tmp_path):
    engine = Engine(answers=[NoWorkerLeft("its nodes are gone")])
    with pytest.raises(NoWorkerLeft, match="its nodes are gone"):
        executor_on(engine, tmp_path).run(TRIAL)
    assert len(engine.calls) == 1


def test_data_is_opened_once_for_all_that_lack_it_and_anew_for_a_new_engine(tmp_path, digits):
    lacks = Reply(lacks_data=True)
    first = Engine([HERE], [lacks, done, lacks, done, broken])
    second = Engine(answers=[lacks, done])
    executor = executor_on([first, second], tmp_path, order_for(DatasetRef.of(digits)))
    assert [executor.run(TRIAL).status for _ in range(3)] == ["ok", "ok", "ok"]
    calls = first.calls + second.calls
    assert [len(call) for call in calls] == [2, 3, 2, 3, 2, 2, 3]
    once, again, anew = (call[2] for call in calls if len(call) == 3)
    assert once is again
    assert anew is not once
    assert once.fingerprint == anew.fingerprint == digits.fingerprint


def test_data_that_is_gone_here_meanwhile_is_told_as_it_is(tmp_path):
    gone = DatasetRef("photos", "f" * 16, Origin(directory=tmp_path / "gone"))
    with pytest.raises(HarnessError, match=r"^the temporary files of dataset 'photos' in .* are gone or damaged"):
        executor_on(Engine(answers=[Reply(lacks_data=True)]), tmp_path, order_for(gone)).run(TRIAL)


def test_what_workers_elsewhere_print_is_noted_until_the_log_is_full(tmp_path):
    n7 = dataclasses.replace(collect_hardware(), host="n7")

    def printing(order, trial):
        return Reply(Record(trial, "ok"), printed=b"a warning\n", machine=n7)

    engine, log = Engine(answers=[printing] * 3), tmp_path / "log"
    executor = executor_on(engine, tmp_path)
    executor.run(TRIAL)
    noted = f"[n7: {TRIAL.label}]\na warning\n"
    assert log.read_text() == noted
    log.write_bytes(b"x" * LOG_LIMIT_BYTES)
    executor.run(TRIAL)
    assert log.stat().st_size == LOG_LIMIT_BYTES
    log.unlink()
    log.mkdir()
    assert executor.run(TRIAL).status == "ok"
