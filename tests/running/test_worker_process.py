"""One worker and its keeper, without TensorFlow: what ends them and how that is told, wherever they run."""

import os
import subprocess
import sys

import psutil
import pytest
from test_in_the_way import DATA
from waiting import ended, wait_until

from harness.errors import HarnessError, InputError
from harness.running import worker_pool
from harness.running.keeper import Ending
from harness.running.share import Share
from harness.running.worker import SPOILT_GPU, Home, WorkerSettings
from harness.running.worker_process import WorkerDied, WorkerProcess, describe_death

PATIENCE_S = 600


@pytest.fixture
def start(tmp_path):
    """Give what starts a worker, and end what it started."""
    started = []

    def start(**options):
        settings = WorkerSettings("cpu", 1, DATA, tuple(sys.path), tmp_path / "workers.log", **options)
        started.append(WorkerProcess(settings))
        started[-1].ready()
        return started[-1]

    yield start
    for one in started:
        one.close()


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S, check=False)


@pytest.mark.parametrize(
    ("exitcode", "said"),
    [
        (-11, "the worker died of SIGSEGV"),
        (-40, "the worker died of signal 40"),  # a real-time signal: Python has no name for it
        (3, "the worker ended with exit code 3"),
        (None, "the worker was ended from outside"),
    ],
)
def test_a_workers_end_is_told_whatever_ended_it(exitcode, said):
    assert describe_death(Ending(exitcode)) == said
    memory = " while the system ran out of memory: use fewer --workers or a smaller model"
    assert describe_death(Ending(exitcode), for_memory=True) == said + memory


def test_an_error_of_ours_reaches_who_gave_the_task_as_it_is(start):
    with pytest.raises(InputError, match=r'^--share is "3/2": use I/N'):
        start().run(Share.parse, "3/2", limit_s=PATIENCE_S)


def test_a_worker_elsewhere_works_in_the_folder_and_environment_of_home(start, tmp_path):
    worker = start(home=Home(tmp_path, (("CNN_HARNESS_TEST", "home"),)))
    assert worker.run(os.getcwd, limit_s=PATIENCE_S) == str(tmp_path)
    assert worker.run(os.getenv, "CNN_HARNESS_TEST", limit_s=PATIENCE_S) == "home"


def test_an_answer_whose_class_is_not_to_be_found_here_ends_the_worker(start):
    worker = start()
    makes = "import sys, types; sys.modules['only_there'] = types.ModuleType('only_there')"
    defines = "import only_there; exec('class Result:\\n    pass', only_there.__dict__)"
    for code in (makes, defines):
        worker.run(exec, code, limit_s=PATIENCE_S)
    with pytest.raises(HarnessError, match=r"answered cannot be read \(ModuleNotFoundError: .*only_there"):
        worker.run(eval, "__import__('only_there').Result()", limit_s=PATIENCE_S)
    assert worker.spent


def test_a_keeper_that_something_else_ends_has_its_worker_ended_from_outside(start):
    worker = start()
    keeper = psutil.Process(worker._process.pid)
    task = f"import os, signal, time; os.kill({keeper.pid}, signal.SIGTERM); time.sleep(1e6)"
    with pytest.raises(WorkerDied) as death:
        worker.run(exec, task, limit_s=PATIENCE_S)
    assert death.value.ending == Ending(None)


def test_a_copy_that_a_task_makes_of_its_worker_answers_nobody(start):
    worker = start()
    copy = worker.run(eval, "__import__('ctypes').CDLL(None).fork()", limit_s=PATIENCE_S)
    assert copy > 0
    assert worker.run(os.getpid, limit_s=PATIENCE_S) != copy
    wait_until(lambda: ended(copy))


def test_a_system_that_tells_of_no_processs_end_is_asked_for_it(start, monkeypatch, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import os\nif hasattr(os, 'pidfd_open'):\n    del os.pidfd_open\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    worker = start()
    with pytest.raises(WorkerDied) as death:
        worker.run(exec, "import os; os._exit(5)", limit_s=PATIENCE_S)
    assert describe_death(death.value.ending) == "the worker ended with exit code 5"


def test_a_worker_whose_keeper_is_gone_before_it_could_be_watched_ends_at_once():
    assert (
        python("from harness.running.keeper import _become_worker as f; f(0, 1, 1, unused=(), others={})").returncode
        == 1
    )


def test_a_process_that_cannot_be_killed_is_not_waited_for_without_end():
    code = """
import subprocess, sys
from harness.running import keeper
with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
    keeper._DEATH_S = 0.05
    keeper._bury()
    print(child.poll())
    child.stdin.close()
"""
    assert python(code).stdout == "None\n"


def test_an_error_that_leaves_a_gpu_unusable_costs_the_worker_and_is_told(tmp_path):
    code = f"""
from pathlib import Path
from harness.datasets import DatasetRef
from harness.running.worker import Worker, WorkerSettings, _end_if_spoilt
for device in ("cpu", "gpu"):
    worker = Worker(WorkerSettings(device, 1, None, (), Path({str(tmp_path)!r})))
    try:
        raise RuntimeError("CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered")
    except RuntimeError as error:
        _end_if_spoilt(worker, error)
    print(device, "goes on", flush=True)
"""
    ended = python(code)
    assert (ended.returncode, ended.stdout) == (SPOILT_GPU, "cpu goes on\n")
    assert "CUDA_ERROR_ILLEGAL_ADDRESS" in ended.stderr
    said = describe_death(Ending(SPOILT_GPU))
    assert said.startswith("a CUDA error left the GPU unusable to its worker, which was replaced")


def test_a_system_that_counts_no_kills_for_memory_is_believed_to_know_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(worker_pool, "_KERNEL_COUNTS", tmp_path / "nowhere")
    assert worker_pool._out_of_memory_kills() is None
    (tmp_path / "vmstat").write_text("pgfault 9\noom_kill 3\n")
    monkeypatch.setattr(worker_pool, "_KERNEL_COUNTS", tmp_path / "vmstat")
    assert worker_pool._out_of_memory_kills() == 3
