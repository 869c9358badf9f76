"""What a suite file, a conftest or the system does to the process that runs: no command fails of it, or waits."""

import os
import subprocess
import sys
import threading

import pytest

from harness.suite_files import conftest_contained, load_suites
from harness.variants.user_code import contained

SUITE = """
from harness import BASELINE, Suite
SUITE = Suite("changes", [BASELINE.replace(dropout=0.5)])
"""
CHANGES = f"""{SUITE}
import builtins, json, os, signal, sys, threading, time
threading.Thread(target=threading.Event().wait).start()
sys.modules.pop("harness")
sys.setrecursionlimit(70)
signal.signal(signal.SIGINT, signal.SIG_IGN)
os.chdir("/")
os.close(1), os.close(2)
sys.exit = json.dumps = json.loads = os._exit = os.getcwd = time.monotonic = builtins.open = None
sys.stdout = sys.stderr = None
"""


@pytest.mark.parametrize("command", [["harness", "list"], ["pytest", "--collect-only", "-q"]])
def test_what_a_suite_file_does_to_its_process_neither_fails_a_command_nor_keeps_it(tmp_path, command):
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites/suite_changes.py").write_text(CHANGES)
    words = [sys.executable, "-m", *command, "suites"]
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "dropout:0.5" in ended.stdout


STARTS = """
import pathlib, threading
thread = threading.Thread(target=lambda: None)
thread.start()
pathlib.Path(__file__).with_suffix(".daemon").write_text(str(thread.daemon))
"""


def test_threads_of_a_conftest_or_plugin_may_outlive_the_work_and_those_of_a_suite_file_may_not(tmp_path):
    (tmp_path / "conftest.py").write_text(STARTS)
    (tmp_path / "suite_one.py").write_text(SUITE + STARTS)
    assert load_suites([tmp_path / "suite_one.py"])
    assert (tmp_path / "conftest.daemon").read_text() == "False"
    assert (tmp_path / "suite_one.daemon").read_text() == "True"
    begin, asked = threading.Event(), threading.Event()
    started: list[threading.Thread] = []

    def plugin():
        begin.wait()
        started.append(threading.Thread(target=asked.set))
        started[0].start()

    with conftest_contained():
        uploader = threading.Thread(target=plugin)
        uploader.start()
    with contained():  # a suite file or builder at work, beside it
        begin.set()
        assert asked.wait(600)
    assert not uploader.daemon
    assert not started[0].daemon


@pytest.mark.parametrize("line", ["import os; os._exit(0)", "import sys; sys.exit(0)"])
def test_a_conftest_that_ends_the_process_is_refused_and_no_empty_success(tmp_path, line):
    (tmp_path / "conftest.py").write_text(f"{line}\n")
    (tmp_path / "suite_one.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "suite_one.py", "--benchmark", "--collect-only"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 4
    assert "conftest.py:1: SystemExit: " in ended.stderr
    assert "a conftest file or a plugin of pytest ends the process" in ended.stderr


WITHOUT_THREADS = """
import ctypes, os, resource, runpy, sys

if not os.geteuid():  # an administrator may start any number, and gives that up last; it still may read everything
    ctypes.CDLL(None).prctl(8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS
    os.setresuid(65534, 65534, 65534)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    reading = (ctypes.c_uint32 * 6)(6, 6)  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    assert not ctypes.CDLL(None).capset(header, reading)
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
sys.argv[:] = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("command", [["harness", "doctor"], ["pytest", "suite_one.py", "--benchmark"]])
def test_where_no_thread_may_be_started_that_is_said_and_nobody_is_told_of_an_interruption(tmp_path, command):
    (tmp_path / "suite_one.py").write_text(SUITE)
    words = [sys.executable, "-c", WITHOUT_THREADS, *command]
    environ = os.environ | {"OPENBLAS_NUM_THREADS": "2"}
    tmp_path.chmod(0o755)
    ended = subprocess.run(words, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    said = ended.stdout + ended.stderr
    assert ended.returncode != 0
    assert "error: no further thread or process can be started: 1 are allowed, all of this user's counted" in said
    assert "interrupted:" not in said


@pytest.mark.parametrize("command", [["harness", "list"], ["pytest", "suite_one.py", "--benchmark", "--collect-only"]])
def test_python_without_docstrings_is_refused_before_any_work(tmp_path, command):
    (tmp_path / "suite_one.py").write_text(SUITE)
    words = [sys.executable, "-OO", "-B", "-m", *command]
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 4
    assert "Python runs without docstrings (-OO, PYTHONOPTIMIZE=2)" in ended.stderr
