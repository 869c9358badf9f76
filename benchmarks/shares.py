"""A sweep in four shares, one of them killed (kill -9) in its midst and run again, then merged: equal to one run?

python benchmarks/shares.py          # about two minutes; prints what each share did, and whether all is equal
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from killed_looks import rows, table

from harness import load_results
from harness.results.merging import same_result
from harness.running.share import Share

SUITES = """
from harness import BASELINE, Suite

SMALL = BASELINE.replace(filters=(4, 8))
ONE = Suite("one", [SMALL.replace(filters=(16, 32)), SMALL.replace(dropout=0.2), SMALL.replace(l2=0.01)], SMALL)
"""
OPTIONS = ("suites", "--budget", "smoke", "--device", "cpu", "--seeds", "5")
SHARES = [Share(number, 4) for number in (1, 2, 3, 4)]
KILLED = SHARES[1]


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "suites").mkdir()
        (folder / "suites/suite_one.py").write_text(SUITES)
        run(folder, "sweep", *OPTIONS, "--results", "whole")
        print(f"one run: {rows(folder / 'whole')} trials", flush=True)
        kill_in_its_midst(folder)
        for share in SHARES:
            before = rows(share.store_in(folder / "results"))
            run(folder, "worker", *OPTIONS, "--share", str(share), "--workers", "1")
            print(f"share {share}: had {before}, has {rows(share.store_in(folder / 'results'))} trials", flush=True)
        print(run(folder, "merge"), end="")
        whole, merged = load_results(folder / "whole").records, load_results(folder / "results").records
        equal_bits = whole.keys() == merged.keys() and all(same_result(whole[key], merged[key]) for key in whole)
        equal_tables = table(folder / "whole") == table(folder / "results")
        print(f"{len(merged)} trials; predictions and losses {'equal' if equal_bits else 'DIFFER'}", end=", ")
        print(f"tables {'equal' if equal_tables else 'DIFFER'}")
        told = run(folder, "sweep", *OPTIONS)
        print(f"a sweep of the merged folder: {next(line for line in told.splitlines() if 'to train' in line)}")
        return 0 if equal_bits and equal_tables and "0 trials to train" in told else 1


def kill_in_its_midst(folder: Path) -> None:
    """Kill -9 a share once it has two trials, and wait until its workers have ended with it."""
    command = [*harness("worker"), *OPTIONS, "--share", str(KILLED), "--workers", "1"]
    worker = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, start_new_session=True)
    while rows(KILLED.store_in(folder / "results")) < 2 and worker.poll() is None:
        time.sleep(0.005)
    children = psutil.Process(worker.pid).children(recursive=True)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    psutil.wait_procs(children, timeout=60)
    print(f"share {KILLED}: killed with {rows(KILLED.store_in(folder / 'results'))} trials", flush=True)


def run(folder: Path, *arguments: str) -> str:
    return subprocess.run(harness(*arguments), cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


def harness(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "harness", *arguments]


if __name__ == "__main__":
    sys.exit(main())
