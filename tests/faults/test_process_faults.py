"""Faults 1, 2 and 7: kill -9 at any instant loses no finished trial and runs none twice; workers end with their parent.

No test here depends on how fast anything is: each waits for what it needs to see, and gives up only after `PATIENCE_S`.
"""

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
from harness.cli import run

pytestmark = pytest.mark.slow

PATIENCE_S = 900
SUITE = """
from harness import BASELINE, Suite
SUITE = Suite("small", [BASELINE.replace(filters=(4, 4 * n)) for n in range(1, 4)])
"""
SWEEP = ("sweep", "suites", "--budget", "smoke", "--device", "cpu")


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a suite, and a module of builders, into a folder that is the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suites").mkdir()

    def write_files(suite: str, **modules: str) -> None:
        (tmp_path / "suites/suite_small.py").write_text(suite)
        for name, text in modules.items():
            (tmp_path / f"{name}.py").write_text(text)

    return write_files


def start(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "harness", *SWEEP, *arguments]
    # With every warning an error, as some projects have it: none of ours and none of a library's may be there.
    environment = os.environ | {"PYTHONWARNINGS": "error"}
    with Path("said.txt").open("ab") as said:
        return subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True, env=environment
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


def ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def wait_until(condition) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "gave up waiting"
        time.sleep(0.01)


def test_01_kill_9_of_the_parent_loses_nothing_and_runs_nothing_twice(tmp_path, write):
    write(SUITE)
    seen: set[str] = set()
    for stop_at in (1, 7):
        sweep = start("--seeds", "4")
        wait_until(lambda n=stop_at, sweep=sweep: rows(tmp_path) >= n or sweep.poll() is not None)
        children = psutil.Process(sweep.pid).children(recursive=True)
        os.kill(sweep.pid, signal.SIGKILL)
        sweep.wait()
        wait_until(lambda children=children: all(map(ended, children)))
        records = load_results(tmp_path / "results").records
        assert seen <= set(records), "a finished trial was lost"
        seen = set(records)
    assert run([*SWEEP, "--seeds", "4"]) == 0
    with sqlite3.connect(tmp_path / "results/harness.sqlite") as connection:
        keys = [key for (key,) in connection.execute("SELECT key FROM trials")]
    assert len(keys) == len(set(keys)) == 4 * 4
    assert seen <= set(keys)
    assert (tmp_path / "results/tables/comparison.csv").read_text().count("\n") == 1 + 4


def test_02_sigterm_ends_amid_a_trial_keeps_records_and_marks_tables_partial(tmp_path, write):
    """It does not wait for the trials under way: these never end."""
    write(
        "from harness import BASELINE, Suite\nSUITE = Suite('stuck', [BASELINE.replace(model='stuck:build')])\n",
        stuck="import pathlib, time\n\ndef build(variant, input_shape, classes):\n"
        "    pathlib.Path('stuck').touch()\n    while True:\n        time.sleep(1)\n",
    )
    sweep = start("--seeds", "2")
    wait_until(lambda: (rows(tmp_path) == 2 and (tmp_path / "stuck").exists()) or sweep.poll() is not None)
    children = psutil.Process(sweep.pid).children(recursive=True)
    sweep.terminate()
    assert sweep.wait(PATIENCE_S) == 2
    wait_until(lambda: all(map(ended, children)))
    assert [record.status for record in load_results(tmp_path / "results").records.values()] == ["ok", "ok"]
    said = (tmp_path / "said.txt").read_text().strip()
    assert said == "interrupted: finished trials are kept; the same command goes on from there"
    assert "Partial results" in (tmp_path / "results/tables/comparison.md").read_text()
