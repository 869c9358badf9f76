"""Fault 1 and 7: kill -9 at any instant loses no finished trial and runs none twice; workers end with their parent."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from harness import load_results

SUITE = """
from harness import BASELINE, Suite
SUITE = Suite("small", [BASELINE.replace(filters=(4, 4 * n)) for n in range(1, 4)])
"""


def start(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "harness", "sweep", "suites", "--budget", "smoke", "--seeds", "6"]
    # With every warning an error, as some projects have it: none of ours and none of a library's may be there.
    environment = os.environ | {"PYTHONWARNINGS": "error"}
    with (folder / "said.txt").open("ab") as said:
        return subprocess.Popen(
            command, cwd=folder, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True, env=environment
        )


def rows(folder: Path) -> int:
    store = folder / "results/harness.sqlite"
    if not store.exists():
        return 0
    with sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True, timeout=30) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM trials").fetchone()[0])
        except sqlite3.OperationalError:
            return 0  # the very first transaction has not ended


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def wait_until(condition, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "gave up waiting"
        time.sleep(0.01)


@pytest.mark.slow
def test_fault_1_kill_9_of_the_parent_loses_nothing_and_runs_nothing_twice(tmp_path):
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites/suite_small.py").write_text(SUITE)
    seen: set[str] = set()
    for stop_at in (1, 5, 11):
        sweep = start(tmp_path)
        wait_until(lambda n=stop_at, sweep=sweep: rows(tmp_path) >= n or sweep.poll() is not None, seconds=180)
        children = psutil.Process(sweep.pid).children(recursive=True)
        os.kill(sweep.pid, signal.SIGKILL)
        sweep.wait()
        wait_until(
            lambda kids=children: not any(kid.is_running() and kid.status() != "zombie" for kid in kids), seconds=10
        )
        records = load_results(tmp_path / "results").records
        assert seen <= set(records), "a finished trial was lost"
        seen = set(records)
    assert start(tmp_path).wait(timeout=300) == 0
    with sqlite3.connect(tmp_path / "results/harness.sqlite") as connection:
        keys = [key for (key,) in connection.execute("SELECT key FROM trials")]
    assert len(keys) == len(set(keys)) == 4 * 6
    assert seen <= set(keys)
    assert (tmp_path / "results/tables/comparison.csv").read_text().count("\n") == 1 + 4


@pytest.mark.slow
def test_fault_2_sigterm_ends_within_5_s_keeps_records_and_marks_tables_partial(tmp_path):
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites/suite_small.py").write_text(SUITE)
    sweep = start(tmp_path)
    wait_until(lambda: rows(tmp_path) >= 2 or sweep.poll() is not None, seconds=180)
    began = time.monotonic()
    sweep.terminate()
    assert sweep.wait(timeout=20) == 2
    assert time.monotonic() - began < 5
    records = load_results(tmp_path / "results").records
    assert len(records) >= 2
    assert {record.status for record in records.values()} == {"ok"}
    said = (tmp_path / "said.txt").read_text().strip()
    assert said == "interrupted: finished trials are kept; the same command goes on from there"
    assert "Partial results" in (tmp_path / "results/tables/comparison.md").read_text()


@pytest.mark.slow
def test_fault_3_a_worker_that_dies_fails_its_trial_with_the_signal_and_the_others_go_on(tmp_path):
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites/suite_small.py").write_text(
        "from harness import BASELINE, Suite\n"
        "SUITE = Suite('deadly', [BASELINE.replace(model='deadly:build'), BASELINE.replace(filters=(4, 8))])\n"
    )
    (tmp_path / "deadly.py").write_text(
        "import os, signal\n\ndef build(variant, input_shape, classes):\n    os.kill(os.getpid(), signal.SIGSEGV)\n"
    )
    command = [sys.executable, "-m", "harness", "sweep", "suites", "--budget", "smoke"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    assert "the worker died of SIGSEGV" in done.stdout + done.stderr
    statuses = sorted(record.status for record in load_results(tmp_path / "results").records.values())
    assert statuses == ["failed", "ok", "ok"]
