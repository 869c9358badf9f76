"""What `--live` costs a sweep: the same one with and without, alternating, and the processor time of who writes.

    python benchmarks/live_cost.py DIR --runs 3             # --live 10, three times as often as a person may want it
    python benchmarks/live_cost.py DIR --live 30 --epochs 8

DIR is CIFAR-10 as images (`DIR/train/CLASS/*`, `DIR/test/CLASS/*`), of which 6,400 and 1,000 are taken. A sweep trains
4 variants over some seeds, each run in a folder of its own; all share a cache, which an untimed sweep fills first. The
ratio of wall times has the noise of the machine in it. The seconds of processors that the writer took, beside those
that the machine had meanwhile, have not: where all cores train, that share is what the sweep can lose to it. The first
page comes late, since the writer has the lowest priority: a sweep should take some minutes, so that it writes several.
One in which it wrote fewer than two says so.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil
from plain_keras_tuner import SUITE, write_images

from harness.machine import usable_cores

# In the command line of the writer's process alone.
WRITER = "live_writer"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--live", type=float, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=7)
    arguments = parser.parse_args()
    if not (arguments.folder / "train").is_dir():
        parser.error(f"{arguments.folder}: CIFAR-10 as DIR/train/CLASS/* and DIR/test/CLASS/*")
    if arguments.runs < 1:
        parser.error(f"--runs {arguments.runs}: at least 1")
    with tempfile.TemporaryDirectory() as name:
        images = Path(name) / "cifar.npz"
        write_images(arguments.folder, images)
        options = [f"--dataset={images}", f"--seeds={arguments.seeds}", f"--epochs={arguments.epochs}"]
        walls: dict[bool, list[float]] = {False: [], True: []}
        shares, written = [], []
        sweep(Path(name) / "first", Path(name) / "cache", [*options, "--epochs=1"])
        for run in range(arguments.runs):
            for live in (False, True) if run % 2 == 0 else (True, False):
                more = [f"--live={arguments.live}"] if live else []
                wall_s, writer_s, pages = sweep(Path(name) / f"{run}-{live}", Path(name) / "cache", [*options, *more])
                walls[live].append(wall_s)
                told = f"without {wall_s:.1f} s"
                if live:
                    shares.append(writer_s / wall_s / usable_cores())
                    written.append(pages)
                    told = f"with {wall_s:.1f} s: {pages} pages by {writer_s:.1f} s of a core, {shares[-1]:.1%} of all"
                print(f"run {run + 1}, {told}")
                sys.stdout.flush()
    ratio = median(walls[True]) / median(walls[False])
    print(f"medians: with --live {arguments.live:g} {median(walls[True]):.1f} s, without {median(walls[False]):.1f} s,")
    print(f"{ratio - 1:+.1%}; the writer took {median(shares):.1%} of the machine's {usable_cores()} cores")
    if min(written) < 2:
        print(f"a sweep wrote {min(written)} pages only, which says little of what pages cost: take more --epochs")
    return 0


def sweep(folder: Path, cache: Path, options: list[str]) -> tuple[float, float, int]:
    """Return a sweep's wall time, the writer's seconds of a core, and how many pages it wrote, the last not counted."""
    (folder / "suites").mkdir(parents=True)
    (folder / "suites" / "suite_four.py").write_text(SUITE)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1]), "HARNESS_CACHE": str(cache)}
    command = [sys.executable, "-m", "harness", "sweep", "--device=cpu", *options]
    page, pages, writers = folder / "results" / "report" / "index.html", set(), dict[int, float]()
    started = time.monotonic()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        while process.poll() is None:
            time.sleep(0.25)
            with contextlib.suppress(OSError):
                pages.add(page.stat().st_mtime_ns)
            with contextlib.suppress(psutil.Error):
                for child in psutil.Process(process.pid).children():
                    with contextlib.suppress(psutil.Error):
                        if WRITER in " ".join(child.cmdline()):
                            writers[child.pid] = sum(child.cpu_times()[:2])
    wall_s = time.monotonic() - started
    if process.returncode:
        raise SystemExit((folder / "log").read_text())
    return wall_s, sum(writers.values()), max(len(pages) - 1, 0)


if __name__ == "__main__":
    sys.exit(main())
