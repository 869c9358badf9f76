"""`--executor module:function` on Dask, as docs/scale.md shows it: equal to the local pool, a worker killed or not.

    python benchmarks/dask_engine.py

needs `pip install distributed`. The sweep runs in two Dask workers of this machine; then again, with one of them
killed (kill -9) in its middle. Prints what each took, and whether all records are equal, bit for bit; exit 1 where not.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from ray_cluster import SUITE, done, records

ENGINE = """
from dask.distributed import Client, LocalCluster

def engine():
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None)
    return Client(cluster).get_executor(pure=False)
"""
PATIENCE_S = 900


def sweep(folder: Path, results: str, *more: str) -> subprocess.Popen[str]:
    """Start a sweep on two workers."""
    options = ("--device", "cpu", "--seeds", "5", "--epochs", "2", "--workers", "2", *more, "--results", results)
    return subprocess.Popen(
        [sys.executable, "-m", "harness", "sweep", *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> None:
    """Wait for a sweep."""
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said[-3000:]


def main() -> int:
    failed = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "suites").mkdir()
        (folder / "suites/suite_small.py").write_text(SUITE)
        (folder / "on_dask.py").write_text(ENGINE)
        end(sweep(folder, "pool"))
        for results in ("dask", "killed"):
            began = time.monotonic()
            process = sweep(folder, results, "--executor", "on_dask:engine")
            if results == "killed":
                while done(folder / results) < 3 and process.poll() is None:
                    time.sleep(0.1)
                below = psutil.Process(process.pid).children(recursive=True)
                next(one for one in below if "spawn_main" in " ".join(one.cmdline())).kill()
            end(process)
            same = records(folder / results) == records(folder / "pool")
            failed += not same
            print(
                f"{results}: {time.monotonic() - began:.0f} s, {done(folder / results)} records, equal: {same}",
                flush=True,
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
