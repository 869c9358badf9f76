"""Faults 1, 2 and 7: kill -9 loses no finished trial and runs none twice, and no process outlives its parent.

No test here depends on how fast anything is: each waits for what it needs to see, and gives up only after `PATIENCE_S`.
"""

import collections
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import storm
from sweep_processes import KINDS, SweepProcesses
from waiting import PATIENCE_S, ended, wait_until

from harness import load_results

pytestmark = pytest.mark.slow

SWEEP = ("sweep", "suites", "--budget", "smoke", "--device", "cpu", "--workers", "1")

# Runs a program at a terminal of its own. Whoever runs the tests in the background, or with nohup, ignores signals.
AT_TERMINAL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""
# A builder that ignores what it can, never lets another thread run, and has started what wants to outlive it.
STUCK = """
import os, re, signal, subprocess, traceback
from pathlib import Path

def build(variant, input_shape, classes):
    if variant.option("only", "") not in "".join(frame.filename for frame in traceback.extract_stack()):
        import keras
        inputs = keras.Input(input_shape)
        outputs = keras.layers.Dense(classes, activation="softmax")(keras.layers.GlobalMaxPooling2D()(inputs))
        return keras.Model(inputs, outputs)
    for number in (1, 2, 14, 15):
        signal.signal(number, signal.SIG_IGN)
    child = subprocess.Popen(["sh", "-c", "trap '' HUP TERM; sleep 100000"])
    orphan = subprocess.check_output(["sh", "-c", "setsid sh -c 'trap \\"\\" HUP TERM; sleep 100000' >&- & echo $!"])
    Path("pids.part").write_text(f"{os.getpid()} {child.pid} {int(orphan)}")
    Path("pids.part").rename("pids")
    re.match(r"(a+)+$", "a" * 60 + "b")
"""
SUITE = """
from harness import BASELINE, Suite, Variant
STUCK = Variant(model="stuck:build", options={"only": ONLY})
SUITE = Suite("stuck", [STUCK], baseline=BASELINE.replace(filters=(4,), dense=(8,)))
"""
TIMED = """
from harness import Suite, Variant
STUCK = Variant(model="stuck:build", options={"only": "harness/timing"})
SUITE = Suite("stuck", [STUCK.replace(batch_size=16)], baseline=STUCK)
"""
SEARCH = """
from harness import Search, Variant
SEARCH = Search("stuck", {"batch_size": [16, 32]}, tries=2, baseline=Variant(model="stuck:build"))
"""


@pytest.fixture(scope="module")
def starter():
    starter = storm.Starter()
    yield starter
    starter.close()


def stuck(folder: Path, suite: str) -> Path:
    """Make a project whose suite gets stuck, and return its folder."""
    (folder / "suites").mkdir()
    (folder / "suites/suite_stuck.py").write_text(suite)
    (folder / "stuck.py").write_text(STUCK)
    return folder


def all_of(process: psutil.Process, folder: Path) -> list[psutil.Process]:
    """Wait until the builder is stuck, and return the processes below the harness, and all that it started."""
    wait_until(lambda: (folder / "pids").exists() or ended(process))
    below = process.children(recursive=True)
    below += [psutil.Process(int(pid)) for pid in (folder / "pids").read_text().split()]
    assert len(set(below)) >= 4  # the keeper, the worker, two shells; and what these wait for
    return below


def test_01_killed_at_random_instants_a_sweep_ends_in_the_tables_of_an_undisturbed_one(tmp_path, starter):
    """The harness alone thrice as it starts; then four times a worker, server, keeper and the harness amid trials."""
    command, draw = storm.COMMANDS["sweep"], random.Random(1)
    calm = storm.prepare(tmp_path / "calm", "sweep")
    storm.rage(starter, calm, command, draw=draw)
    folder, kills = storm.prepare(tmp_path / "stormy", "sweep"), collections.Counter()
    done: set[str] = set()
    for wanted in (None, None, None, 0, 1, 4, 7):
        sweep = starter.start(folder, command)
        processes = SweepProcesses(sweep)
        if wanted is not None:
            wait_until(lambda n=wanted, sweep=sweep: storm.results(folder) >= n or ended(sweep))
            # The keepers of a server that was killed are nobody's children, and there.
            for kind in ("worker", "fork server", "keeper"):
                wait_until(lambda kind=kind, sweep=sweep, all_=processes: all_.there(kind) or ended(sweep))
                kills[processes.strike(draw, kind)] += 1
                time.sleep(draw.uniform(0, 0.5))
        time.sleep(draw.uniform(0, 0.5 if wanted is not None else 1.5))
        kills[processes.strike(draw, "harness")] += 1
        wait_until(lambda sweep=sweep, all_=processes: ended(sweep) and not all_.left())
        if wanted:
            records = load_results(folder / "results").records
            now = {key for key, record in records.items() if record.status == "ok"}
            assert done <= now, "a finished trial was lost"
            done = now
    assert all(kills[kind] for kind in KINDS), kills
    assert kills.total() - kills[""] >= 10
    storm.rage(starter, folder, command, draw=draw)
    assert storm.outcome(folder) == storm.outcome(calm)


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT twice", "closed terminal"])
def test_02_ended_amid_a_trial_a_sweep_keeps_its_records_and_marks_its_tables_partial(tmp_path, how):
    """It does not wait for the trial under way: that never ends. With every warning an error, as some projects do."""
    folder = stuck(tmp_path, SUITE.replace("ONLY", '""'))
    terminal, inside = os.openpty()
    with (folder / "said.txt").open("wb") as said:
        sweep = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", AT_TERMINAL, sys.executable, "-m", "harness", *SWEEP],
            stdin=inside,
            stdout=inside,
            stderr=inside if how == "closed terminal" else said,
            cwd=folder,
            start_new_session=True,
            env=os.environ | {"PYTHONWARNINGS": "error"},
        )
    os.close(inside)
    below = all_of(psutil.Process(sweep.pid), folder)
    if how == "SIGTERM":
        sweep.terminate()
    elif how == "SIGINT twice":
        sweep.send_signal(signal.SIGINT)
        time.sleep(random.Random().uniform(0, 0.5))  # wherever the first has led to by then
        sweep.send_signal(signal.SIGINT)
    else:
        os.close(terminal)  # the system sends SIGHUP, and nothing can be printed any more
    assert sweep.wait(PATIENCE_S) == 2
    wait_until(lambda: all(map(ended, below)))
    assert [record.status for record in load_results(tmp_path / "results").records.values()] == ["ok"]
    if how != "SIGINT twice":
        assert "Partial results" in (tmp_path / "results/tables/comparison.md").read_text()
    if how == "closed terminal":
        return
    os.close(terminal)
    said = (tmp_path / "said.txt").read_text().strip()
    assert "Traceback" not in said
    if how == "SIGTERM":
        assert said == "interrupted: finished trials are kept; the same command goes on from there"


@pytest.mark.parametrize(
    ("suite", "command"),
    [
        (SUITE.replace("ONLY", '""'), SWEEP),
        (TIMED, (*SWEEP, "--time")),
        (SEARCH, ("search", *SWEEP[1:])),
    ],
    ids=["training", "timing", "search"],
)
def test_07_no_process_outlives_a_killed_parent(tmp_path, starter, suite, command):
    """Not the worker, though it is busy and ignores signals, nor a daemon that a user's code has made."""
    folder = stuck(tmp_path, suite)
    sweep = starter.start(folder, command)
    below = all_of(sweep, folder)
    sweep.kill()
    wait_until(lambda: all(map(ended, below)))


def test_07_a_killed_worker_takes_along_what_it_started(tmp_path, starter):
    folder = stuck(tmp_path, SUITE.replace("ONLY", '""'))
    sweep = starter.start(folder, SWEEP)
    for _ in range(2):  # its trial gets one more worker
        processes = SweepProcesses(sweep)
        below = set(all_of(sweep, folder)) - set(processes.there("fork server"))  # which forks the next
        (folder / "pids").unlink()
        processes.there("worker")[0].kill()
        wait_until(lambda left=below: all(map(ended, left)))
    wait_until(lambda: ended(sweep))
    assert storm.exit_code(folder) == 1
    statuses = {record.status: record.message for record in load_results(folder / "results").records.values()}
    assert set(statuses) == {"ok", "failed"}
    assert statuses["failed"].startswith("the worker died of SIGKILL")
