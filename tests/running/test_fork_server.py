"""Workers that are forked from a process which has imported TensorFlow once."""

import contextlib
import os
import signal
import socket
import subprocess
import sys

import psutil
import pytest
from waiting import ended, wait_until

from harness.datasets import DatasetRef, load_dataset
from harness.results.trials import Environment
from harness.running import worker_process
from harness.running.fork_server import ForkServer
from harness.running.processes import ForkedProcess
from harness.running.worker import WorkerSettings
from harness.running.worker_process import WorkerDied, WorkerProcess

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")
DATA = DatasetRef("digits", "f" * 16, load_dataset("digits").origin)
ENVIRONMENT = Environment("cpu", "tensorflow", 1, (("keras", "3"),))
PATIENCE_S = 600


@pytest.fixture(scope="module")
def server():
    """One that keeps the variables that it has started with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OF_THE_START", "yes")
        patch.delenv("OMP_NUM_THREADS", raising=False)
        found = ForkServer.of(ENVIRONMENT)
        found.begin()
    yield found
    found.close()


@pytest.fixture
def start(server, tmp_path):
    """Starts workers, which end with the test."""
    started = []

    def worker(threads=1):
        settings = WorkerSettings("cpu", threads, DATA, tuple(sys.path), tmp_path / "workers.log")
        started.append(WorkerProcess(settings, server=server))
        return started[-1]

    yield worker
    for one in started:
        one.close()


def ask(worker, function, *arguments):
    return worker.run(function, *arguments, limit_s=PATIENCE_S)


def test_workers_of_one_server_have_imported_tensorflow_and_share_nothing_else(start):
    first, second = start(), start(threads=0)
    # What `sys` of each worker holds is asked for by a text: only functions that pickle by name can be sent.
    assert [ask(one, eval, "'tensorflow' in __import__('sys').modules") for one in (first, second)] == [True, True]
    # No thread but Python's own, of which coverage, where it measures, has one.
    tasks, threads = "len(__import__('os').listdir('/proc/self/task'))", "__import__('threading').active_count()"
    assert ask(first, eval, f"{tasks} - {threads}") == 0
    assert ask(first, os.getppid) == first._process.pid != second._process.pid
    assert ask(first, os.getsid, 0) == first._process.pid
    assert ask(first, os.getenv, "OF_THE_START") == "yes"
    # A worker with all cores, as for step times, has nothing left of the server's single thread.
    assert [ask(one, os.getenv, "OMP_NUM_THREADS") for one in (first, second)] == ["1", None]
    ask(first, os.putenv, "ONLY", "here")
    assert ask(second, os.getenv, "ONLY") is None


def test_a_forked_keeper_that_is_killed_takes_its_worker_along(start):
    worker = start()
    pid = ask(worker, os.getpid)
    os.kill(worker._process.pid, signal.SIGKILL)
    with pytest.raises(WorkerDied) as caught:
        ask(worker, os.getpid)
    assert caught.value.ending.exitcode is None
    wait_until(lambda: ended(pid))


def test_a_forked_keeper_that_does_not_end_is_killed(start, monkeypatch):
    monkeypatch.setattr(worker_process, "_END_S", 0.2)
    worker = start()
    pid = ask(worker, os.getpid)
    os.kill(worker._process.pid, signal.SIGSTOP)
    worker.close()
    wait_until(lambda: ended(pid))


def test_where_the_server_was_killed_its_workers_go_on_and_further_ones_are_programs(tmp_path):
    server = ForkServer.of(ENVIRONMENT)
    settings = WorkerSettings("cpu", 1, DATA, tuple(sys.path), tmp_path / "workers.log")
    worker = WorkerProcess(settings, server=server)
    unborn = None
    try:
        before = ask(worker, os.getpid)
        process = psutil.Process(worker._process.pid).parent()
        process.suspend()
        unborn = WorkerProcess(settings, server=server)
        ended = WorkerProcess(settings, server=server)
        process.kill()
        assert ask(unborn, os.getppid) == unborn._process.pid
        ended.close()
        with pytest.raises(WorkerDied):
            ended.ready()
        assert ask(worker, os.getpid) == before
        further = WorkerProcess(settings, server=server)
        try:
            assert isinstance(further._process, subprocess.Popen)
            assert ask(further, os.getppid) == further._process.pid
        finally:
            further.close()
    finally:
        for one in filter(None, (worker, unborn)):
            one.close()
        server.close()


def test_where_something_has_a_thread_in_every_python_workers_are_programs(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    server = ForkServer.of(ENVIRONMENT)
    settings = WorkerSettings("cpu", 1, DATA, tuple(sys.path), tmp_path / "workers.log")
    worker = WorkerProcess(settings, server=server)
    try:
        assert ask(worker, os.getppid) == worker._process.pid
        assert isinstance(worker._process, subprocess.Popen)
    finally:
        worker.close()
        server.close()


def test_a_worker_that_is_ended_before_it_came_ends_as_it_comes(tmp_path):
    server = ForkServer.of(ENVIRONMENT)
    settings = WorkerSettings("cpu", 1, DATA, tuple(sys.path), tmp_path / "workers.log")
    worker = WorkerProcess(settings, server=server)
    worker.close()  # while the server imports
    later = WorkerProcess(settings, server=server)
    try:
        keeper = psutil.Process(ask(later, os.getppid))
        wait_until(lambda: keeper.parent().children() == [keeper])
    finally:
        later.close()
        server.close()


def test_a_server_that_hangs_is_not_waited_for_for_ever(tmp_path, monkeypatch):
    server = ForkServer.of(ENVIRONMENT)
    settings = WorkerSettings("cpu", 1, DATA, tuple(sys.path), tmp_path / "workers.log")
    first = WorkerProcess(settings, server=server)
    psutil.Process(ask(first, os.getppid)).parent().suspend()
    monkeypatch.setattr(worker_process, "_START_LIMIT_S", 0.2)
    second = WorkerProcess(settings, server=server)
    try:
        with contextlib.suppress(WorkerDied):  # the program that takes its place has no longer either
            second.ready()
        assert isinstance(second._process, subprocess.Popen)
    finally:
        first.close()
        second.close()
        server.close()


def news(number, held):
    """Return what tells of a process, as a server does; of none where there is no number."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if number:
        socket.send_fds(theirs, [str(number).encode()], [held])
        os.close(held)
    theirs.close()
    return ForkedProcess(ours)


def test_a_process_that_never_came_has_ended():
    process = news(0, None)
    process.terminate()
    process.kill()
    process.wait()
    assert not process.is_born(PATIENCE_S)


def test_a_process_that_has_ended_is_no_later_one_of_its_number():
    child = subprocess.Popen([sys.executable, "-c", ""])
    held = os.pidfd_open(child.pid)
    child.wait()  # from here on the number is free
    process = news(child.pid, held)
    process.kill()
    process.wait()
    assert process.is_born()


def test_a_process_that_goes_on_is_waited_for_no_longer_than_asked():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = news(child.pid, os.pidfd_open(child.pid))
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.terminate()
    process.wait()
    assert child.wait() == -signal.SIGTERM


@pytest.mark.parametrize(("device", "backend"), [("gpu", "tensorflow"), ("cpu", "jax")])
def test_a_backend_that_begins_to_work_as_it_is_imported_is_not_forked(device, backend):
    assert ForkServer.of(Environment(device, backend, 1, ())) is None


def test_where_the_system_holds_no_process_none_is_forked(monkeypatch):
    monkeypatch.delattr(os, "pidfd_open")
    assert ForkServer.of(ENVIRONMENT) is None
