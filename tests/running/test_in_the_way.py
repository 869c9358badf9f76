"""What the parts of a run do where something is in their way: each by itself, without training."""

import dataclasses
import os
import re
import resource
import signal
import sys
import threading
import time
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import pytest

from harness import BASELINE, BUDGETS, Suite
from harness.datasets import DatasetRef, load_dataset
from harness.errors import HarnessError, InputError
from harness.results.kept_models import KeptModel, kept_models
from harness.results.records import Record
from harness.results.step_times import StepTimes
from harness.results.trials import Environment, Trial
from harness.running import timing_processes, worker_process
from harness.running.futures_engine import FuturesEngine
from harness.running.interrupts import interrupt_on_signals, no_more_threads
from harness.running.job import begin, prepare
from harness.running.job_settings import JobSettings
from harness.running.live import _Writer
from harness.running.models import write_model_of
from harness.running.pace import Pace
from harness.running.progress import Progress
from harness.running.share import Share
from harness.running.stopwatch import Stopwatch
from harness.running.timing_processes import TimingProcesses
from harness.running.worker import Answer, Home, WorkerSettings, _check_files, run_timing, serve
from harness.running.worker_process import WorkerDied, WorkerProcess
from harness.variants import Variant
from harness.variants.sources import source_fingerprint

ENVIRONMENT = Environment("cpu", "tensorflow", 1, (("keras", "3"),))


DATA = DatasetRef("digits", "f" * 16, load_dataset("digits").origin)  # of another content: no worker opens it


TRIAL = Trial(BASELINE, "", "digits", "f" * 16, 1, BUDGETS["smoke"], ENVIRONMENT)


@pytest.fixture
def started(tmp_path):
    """A worker that has started, without TensorFlow."""
    process = WorkerProcess(WorkerSettings("cpu", 1, DATA, tuple(sys.path), tmp_path / "workers.log"))
    yield process
    process.close()


def stop_keeper(process):
    os.kill(process._process.pid, signal.SIGKILL)
    process._process.wait()


def test_a_worker_answers_tells_what_was_raised_and_ends_with_its_keeper(started):
    assert started.run(os.getcwd, limit_s=600) == str(Path.cwd())
    with pytest.raises(HarnessError, match="ZeroDivisionError"):
        started.run(divmod, 1, 0, limit_s=600)
    stop_keeper(started)
    with pytest.raises(WorkerDied) as caught:
        started.run(os.getcwd, limit_s=600)
    assert caught.value.ending.exitcode == -signal.SIGKILL
    assert started.spent


def test_a_worker_that_stops_reading_is_ended_for_its_time(started):
    started.ready()
    with pytest.raises(WorkerDied) as caught:
        started.run(time.sleep, 10_000, limit_s=0.2)
    assert caught.value.ending.limit == "time"


def test_an_answer_that_cannot_be_read_ends_the_worker(started):
    started.ready()
    with pytest.raises(WorkerDied):  # the class of what it returns is not to be found here
        started.run(eval, "__import__('harness.running.worker').running.worker.run_task.__code__", limit_s=600)
    assert started.spent


def test_a_keeper_that_does_not_end_is_killed(started, monkeypatch):
    monkeypatch.setattr(worker_process, "_END_S", 0.2)
    started.ready()
    os.kill(started._process.pid, signal.SIGSTOP)
    started.close()
    assert started._process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("does", "limit_s", "said"),
    [("hangs", 0.2, "took longer than 0.2 s and was ended"), ("dies", 600, "the worker died of SIGKILL")],
)
def test_a_timing_that_hangs_or_dies_is_told_and_its_process_replaced(tmp_path, monkeypatch, does, limit_s, said):
    monkeypatch.setattr(timing_processes, "_TIMEOUT_S", limit_s)
    times = TimingProcesses(DATA, ENVIRONMENT, BUDGETS["smoke"], log=tmp_path / "workers.log")
    try:
        process = times._fresh()
        times.start()  # there is one
        assert times._process is process
        process.ready()
        (worker,) = psutil.Process(process._process.pid).children()
        if does == "hangs":
            worker.suspend()  # so that it is not faster than its limit
        else:
            worker.kill()
        with pytest.raises(HarnessError, match=said):
            times.time(BASELINE, BASELINE, key="k")
        assert times._fresh() is not process
    finally:
        times.close()
        times.close()


def test_a_worker_serves_until_nobody_asks_or_nobody_listens(tmp_path):
    ours, theirs = Pipe()
    ours.send((len, ("abc",)))
    ours.send((int, ("x",)))
    ours.close()
    serve(theirs)  # its first answer finds nobody
    ours, theirs = Pipe()
    ours.send((len, ("abc",)))
    ours.send((int, ("x",)))
    reading = os.dup(ours.fileno())
    kept = Connection(reading)
    thread = threading.Thread(target=serve, args=(theirs,))
    thread.start()
    assert kept.recv() == Answer(3)
    told = kept.recv()
    assert isinstance(told, Answer)
    assert "ValueError: invalid literal for int()" in str(told.error)
    kept.close()
    ours.close()
    thread.join()


def test_what_a_task_refuses_reaches_who_asked_as_it_was_raised():
    ours, theirs = Pipe()
    thread = threading.Thread(target=serve, args=(theirs,), daemon=True)
    thread.start()
    ours.send((Share.parse, ("3/2",)))
    refused = ours.recv().error
    ours.close()
    thread.join(60)
    assert not thread.is_alive()
    assert isinstance(refused, InputError)
    assert '--share is "3/2"' in str(refused)


def test_a_timing_that_fails_is_told_as_it_failed_and_its_process_goes_on(started):
    timing = (BASELINE, BASELINE, BUDGETS["smoke"], "k", 0, ENVIRONMENT)
    with pytest.raises(HarnessError, match=f"'digits' changed while it was in use: its fingerprint was {'f' * 16} and"):
        started.run(run_timing, *timing, limit_s=600)
    assert not started.spent
    assert started.run(os.getcwd, limit_s=600) == str(Path.cwd())


def test_pieces_that_are_added_count_at_once():
    pace = Pace({"a": 2.0}, clock=lambda: 0.0)
    pace.add({"b": 4.0})
    pace.took("a", 3.0)
    assert pace.left_s() == 6.0  # half as long again as expected, as the first


ENGINES = """
from harness.errors import HarnessError
def refuses():
    raise HarnessError("the queue is closed")
"""


def test_an_engine_that_is_not_there_or_refuses_says_so_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "engines_that_refuse.py").write_text(ENGINES)
    (tmp_path / "engines_that_raise.py").write_text("1 / 0\n")
    with pytest.raises(InputError, match='there is no module "engines_nowhere" in the current folder'):
        FuturesEngine("engines_nowhere:pool")
    with pytest.raises(InputError, match="importing it failed: ZeroDivisionError"):
        FuturesEngine("engines_that_raise:pool")
    with pytest.raises(HarnessError, match=r"^the queue is closed$"):
        FuturesEngine("engines_that_refuse:refuses")._open()


def test_files_that_differ_from_those_at_home_are_refused_with_the_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "nets_elsewhere.py").write_text("def build(context):\n    return 1\n")
    own = dataclasses.replace(TRIAL, variant=Variant(model="nets_elsewhere:build"), source="a" * 64)
    with pytest.raises(HarnessError, match=r'"nets_elsewhere:build" on .* is not what it is where the harness runs'):
        _check_files(own)
    with pytest.raises(HarnessError, match=r"on .*nets_nowhere"):
        _check_files(dataclasses.replace(own, variant=Variant(model="nets_nowhere:build")))
    _check_files(dataclasses.replace(own, source=source_fingerprint(own.variant)))
    _check_files(TRIAL)


def test_a_worker_elsewhere_does_without_a_folder_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CNN_HARNESS_TEST", "old")
    Home(tmp_path / "nowhere", (("CNN_HARNESS_TEST", "new"),)).enter()
    assert (os.environ["CNN_HARNESS_TEST"], Path.cwd()) == ("new", tmp_path)


def test_a_timing_process_that_cannot_start_beside_the_last_trials_is_told_of_when_it_is_needed(tmp_path):
    (tmp_path / "workers.log").mkdir()
    suites = [Suite("one", [BASELINE.replace(dropout=0.5)])]
    settings = JobSettings("digits", BUDGETS["smoke"], device="cpu", results=tmp_path, workers=1)
    job = prepare(settings, suites)
    with begin(job) as store:
        stopwatch = Stopwatch(job, store)
        stopwatch.start(job.untimed)
        told: list[str] = []
        _, trouble = stopwatch.time(job.untimed[0], Progress(1, told.append, live=False))
        assert re.match(r"step time of baseline: .*workers.log cannot be written .*: workers print into it", trouble)
        assert "workers.log cannot be written" in "".join(told)


def test_times_that_the_store_has_are_kept_unless_new_ones_are_asked_for(tmp_path, monkeypatch):
    suites = [Suite("one", [BASELINE.replace(dropout=0.5)])]
    settings = JobSettings("digits", BUDGETS["smoke"], device="cpu", results=tmp_path, workers=1)
    job = prepare(settings, suites)
    first, second = job.untimed
    blocks = ((1.0,) * 4,) * 2
    stored = StepTimes(
        job.key_of(first), first[1], first[0], "digits", job.dataset.fingerprint, BUDGETS["smoke"],
        job.timing_environment, 3, blocks, blocks, blocks, 1.0, 20.0, 128, 0.1, 1.5, 1e6, 0.25,
    )  # fmt: skip
    with begin(job) as store:
        store.add_step_times(stored)
        job = prepare(settings, suites)
        assert job.untimed == (second,)
        known = Stopwatch(job, store)
        assert known.time(first, Progress(1, lambda text: None, live=False))[1] == ""
        assert known.known(first).key == stored.key
        known.start([first])
        known.close()
        anew = prepare(dataclasses.replace(settings, retime=True), suites)
        assert anew.untimed == (first, second)
        assert Stopwatch(anew, store).known(first) is None
        # Where memory is short nothing is started beside the last trials.
        monkeypatch.setattr("harness.running.stopwatch._ROOM", 1e9)
        stopwatch = Stopwatch(anew, store)
        stopwatch.start(anew.untimed)
        stopwatch.close()
        assert not (tmp_path / "workers.log").exists()


def test_a_model_that_cannot_be_written_leaves_its_record_with_the_reason(tmp_path):
    record = Record(TRIAL, "failed", "no memory", model=KeptModel(b"a model", ".keras"))
    assert write_model_of(record, "baseline", tmp_path).model == KeptModel(ending=".keras")
    (path,) = kept_models(tmp_path).values()
    assert path.read_bytes() == b"a model"
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/models").write_text("")
    assert "cannot be written" in write_model_of(record, "baseline", tmp_path / "taken").model.trouble
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/models").symlink_to(tmp_path / "models")
    assert "is a link to" in write_model_of(record, "baseline", tmp_path / "linked").model.trouble


def test_a_writer_of_the_page_that_ignores_its_end_is_killed(monkeypatch):
    monkeypatch.setattr("harness.running.live._END_S", 0.2)
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    writer = _Writer([sys.executable, "-c", code])
    writer.process.stdout.readline()
    writer.end()
    assert writer.process.returncode == -signal.SIGKILL


def test_where_no_thread_can_be_started_the_limit_is_named(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    assert no_more_threads() == ""
    monkeypatch.setattr(threading.Thread, "start", refuse)
    for limit, told in ((200, "started: 200 are allowed"), (resource.RLIM_INFINITY, "started: raise the limit")):
        monkeypatch.setattr(resource, "getrlimit", lambda kind, limit=limit: (limit, limit))
        assert f"no further thread or process can be {told}" in no_more_threads()


def test_a_hangup_that_is_ignored_stays_ignored(monkeypatch):
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        interrupt_on_signals()
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
