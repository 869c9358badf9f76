"""A sweep with --seeds auto, killed (kill -9) at many instants across its looks and started again: the same table?

python benchmarks/killed_looks.py --kills 10         # some minutes; prints each kill, and whether the tables are equal
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from harness import load_results
from harness.comparison import compare

SUITES = """
from harness import BASELINE, Suite

SMALL = BASELINE.replace(filters=(4, 8))
SHARED = SMALL.replace(dropout=0.2)
ONE = Suite("one", [SHARED, SMALL.replace(filters=(16, 32)), SMALL.replace(l2=0.01)], SMALL)
TWO = Suite("two", [SHARED, SMALL.replace(dense=(32,))], SMALL)
"""
SWEEP = ("sweep", "suites", "--budget", "smoke", "--device", "cpu", "--seeds", "auto", "--max-seeds", "18")
_TIMES = ("train_time_s", "time_to_baseline_s", "peak_memory_mib", "trained_at")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    kills = parser.parse_args().kills
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "suites").mkdir()
        (folder / "suites/suite_killed.py").write_text(SUITES)
        start(folder, "whole").wait()
        trials = rows(folder / "whole")
        print(f"undisturbed: {trials} trials; rows at {judged_at(folder / 'whole')}", flush=True)
        for number in range(1, kills + 1):
            sweep = start(folder, "killed")
            # The last kills come where nothing is left to train: while tables are written.
            while rows(folder / "killed") < trials * number // (kills + 1) and sweep.poll() is None:
                time.sleep(0.005)
            time.sleep(0.02 * number)
            kill(sweep)
            print(f"killed with {rows(folder / 'killed')} trials; rows at {judged_at(folder / 'killed')}", flush=True)
        start(folder, "killed").wait()
        equal = table(folder / "whole") == table(folder / "killed")
        print(f"ended with {rows(folder / 'killed')} trials; tables {'equal' if equal else 'DIFFER'}")
        return 0 if equal and rows(folder / "killed") == trials else 1


def start(folder: Path, results: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "harness", *SWEEP, "--results", results]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, start_new_session=True)


def kill(sweep: subprocess.Popen[bytes]) -> None:
    """Kill -9 the sweep, and wait until its workers have ended with it."""
    children = [] if sweep.poll() is not None else psutil.Process(sweep.pid).children(recursive=True)
    os.kill(sweep.pid, signal.SIGKILL)
    sweep.wait()
    psutil.wait_procs(children, timeout=60)


def rows(results: Path) -> int:
    """Return how many results the store has; each of a trial of its own, or the sweep ran one twice."""
    path = results / "harness.sqlite"
    if not path.exists():
        return 0
    with sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30) as connection:
        try:
            keys = [key for (key,) in connection.execute("SELECT key FROM trials")]
        except sqlite3.OperationalError:
            return 0  # the very first transaction has not ended
    assert len(keys) == len(set(keys)), "a trial ran twice"
    return len(keys)


def table(results: Path) -> list[dict[str, Any]]:
    """Return everything that the tables say, but for how long it took."""
    frame = compare(load_results(results)).drop(columns=list(_TIMES))
    return list(json.loads(frame.to_json(orient="records")))


def judged_at(results: Path) -> str:
    """Return of each row the seeds, and whether it is settled."""
    if not rows(results):
        return "none"
    return ", ".join(f"{row['seeds']} ({row['accuracy_verdict'] or 'baseline'})" for row in table(results))


if __name__ == "__main__":
    sys.exit(main())
