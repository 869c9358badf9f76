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
from waiting import wait_until, waits_in

from harness import BASELINE, BUDGETS, Suite
from harness.datasets import DatasetRef, load_dataset
from harness.errors import HarnessError, InputError
from harness.results.kept_models import KeptModel, kept_models
from harness.results.opening import open_store
from harness.results.provenance import Provenance
from harness.results.records import Record
from harness.results.step_times import StepTimes
from harness.results.trials import Environment, Trial
from harness.running import timing_processes, worker_process
from harness.running.executor import ExecutorStopped
from harness.running.futures_engine import FuturesEngine
from harness.running.head_start import HeadStart
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
from harness.running.trace import take_line, trace_path, traced
from harness.running.tuner import run_sweep
from harness.running.worker import Answer, Home, WorkerSettings, _check_files, run_timing, serve
from harness.running.worker_pool import PoolExecutor, _Turns
from harness.running.worker_process import WorkerDied, WorkerProcess, prepare_log
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


def test_a_trace_that_cannot_be_written_costs_no_trial(tmp_path):
    log = tmp_path / "nowhere" / "workers.log"
    with traced(log, TRIAL, 600):
        assert not trace_path(log, TRIAL).exists()
    log = tmp_path / "workers.log"
    with traced(log, TRIAL, 600):
        assert trace_path(log, TRIAL).exists()
    assert not trace_path(log, TRIAL).exists()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with traced(log, TRIAL, 600):
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not trace_path(log, TRIAL).exists()


def test_a_pipe_or_link_in_the_place_of_log_or_trace_is_not_waited_for_and_not_followed(tmp_path):
    log, elsewhere = tmp_path / "workers.log", tmp_path / "elsewhere"
    elsewhere.write_text("theirs")
    log.symlink_to(elsewhere)
    prepare_log(log)
    assert not log.is_symlink()
    place = trace_path(log, TRIAL)
    place.symlink_to(elsewhere)
    with traced(log, TRIAL, 600):
        assert not place.is_symlink()
    assert elsewhere.read_text() == "theirs"
    os.mkfifo(place)
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.append(take_line(log, TRIAL)), daemon=True)
    reader.start()
    reader.join(60)
    assert lines == [""]
    with traced(log, TRIAL, 600):
        assert place.is_file()


def test_a_trace_that_cannot_be_read_or_says_nothing_gives_no_line(tmp_path):
    log = tmp_path / "workers.log"
    place = trace_path(log, TRIAL)
    place.write_text("what a trial's code has written there")
    assert take_line(log, TRIAL) == ""
    assert not place.exists()
    if Path("/proc/self/mem").exists():
        place.symlink_to("/proc/self/mem")  # nothing is at its beginning
        assert take_line(log, TRIAL) == ""
    elsewhere = dataclasses.replace(TRIAL, variant=Variant(model="nets_nowhere:build"))
    with traced(log, elsewhere, 600):
        assert trace_path(log, elsewhere).read_text() == "[]\n"


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


# A sweep, its models, its page, its signals


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
