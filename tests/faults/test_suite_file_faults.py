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


def ended(words, folder, **environ):
    """Run Python in a folder; what waits without end fails by name."""
    environ = os.environ | environ
    words = [sys.executable, *words]
    return subprocess.run(words, cwd=folder, env=environ, capture_output=True, text=True, timeout=900, check=False)


@pytest.mark.parametrize("command", [["harness", "list"], ["pytest", "--collect-only", "-q"]])
def test_what_a_suite_file_does_to_its_process_neither_fails_a_command_nor_keeps_it(tmp_path, command):
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites/suite_changes.py").write_text(CHANGES)
    process = ended(["-m", *command, "suites"], tmp_path)
    assert (process.returncode, process.stderr) == (0, "")
    assert "dropout:0.5" in process.stdout


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
    process = ended(["-m", "pytest", "suite_one.py", "--benchmark", "--collect-only"], tmp_path)
    assert process.returncode == 4
    assert "conftest.py:1: SystemExit: " in process.stderr
    assert "a conftest file or a plugin of pytest ends the process" in process.stderr


CANNOT = 77
WITHOUT_THREADS = f"""
import _thread, ctypes, os, resource, runpy, sys

try:
    if not os.geteuid():  # an administrator may start any number: gives that up, and keeps that it may read all files
        ctypes.CDLL(None).prctl(8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS
        os.setresuid(65534, 65534, 65534)
        header, files = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(2, 2)  # CAP_DAC_OVERRIDE
        if ctypes.CDLL(None).capset(header, files):
            sys.exit({CANNOT})
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    _thread.start_new_thread(int, ())
except RuntimeError:
    pass  # none can be started, as is wanted
except (OSError, AttributeError):
    sys.exit({CANNOT})
else:
    sys.exit({CANNOT})
sys.argv[:] = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("command", [["harness", "doctor"], ["pytest", "suite_one.py", "--benchmark"]])
def test_where_no_thread_may_be_started_that_is_said_and_nobody_is_told_of_an_interruption(tmp_path, command):
    (tmp_path / "suite_one.py").write_text(SUITE)
    process = ended(["-c", WITHOUT_THREADS, *command], tmp_path, OPENBLAS_NUM_THREADS="2")
    if process.returncode == CANNOT:
        pytest.skip("this system, or this container, lets no process be kept from starting threads")
    said = process.stdout + process.stderr
    assert process.returncode != 0
    assert "error: no further thread or process can be started: 1 are allowed, all of this user's counted" in said
    assert "interrupted:" not in said


@pytest.mark.parametrize("command", [["harness", "list"], ["pytest", "suite_one.py", "--benchmark", "--collect-only"]])
def test_python_without_docstrings_is_refused_before_any_work(tmp_path, command):
    (tmp_path / "suite_one.py").write_text(SUITE)
    process = ended(["-OO", "-B", "-m", *command], tmp_path)
    assert process.returncode == 4
    assert "Python runs without docstrings (-OO, PYTHONOPTIMIZE=2)" in process.stderr
