"""A storm: sweeps, each killed (kill -9) at random instants and started again until it is done.

Whatever process is hit, the harness, a worker, a worker's keeper or the fork server, the folder must end as that of a
sweep nobody disturbed: the same trials with the same predictions, none twice, the same table but for times. No process
may be left, of those that a killed one orphaned neither.
`--kind search` does the same with a search, `--kind looks` with a sweep that decides how many seeds it needs.

    python benchmarks/storm.py --sweeps 100

prints a line for each sweep, and how many kills there were in all.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
from sweep_processes import KINDS, SweepProcesses, running

from harness import load_results

SUITE = """
from harness import BASELINE, Suite

SMALL = BASELINE.replace(filters=(4,), dense=(8,))
SUITE = Suite("dense", [SMALL.replace(dense=(6,))], baseline=SMALL)
"""
SEARCH = """
from harness import BASELINE, Search

SMALL = BASELINE.replace(filters=(4,), dense=(8,))
SEARCH = Search("small", {"dense": [4, 6, 8, 10], "learning_rate": [0.001, 0.003]}, tries=7, seeds=2, baseline=SMALL)
"""
_COMMON = ("suites", "--budget", "smoke", "--device", "cpu", "--workers", "1")
COMMANDS = {
    "sweep": ("sweep", *_COMMON, "--seeds", "6"),
    "looks": ("sweep", *_COMMON, "--seeds", "auto", "--max-seeds", "9"),
    "search": ("search", *_COMMON),
}
# Of a table: what another run of the same trials may give otherwise.
TIMES = ("build_s", "first_step_s", "train_time_s", "time_to_baseline_s", "peak_memory_mib", "trained_at")
PATIENCE_S = 900

# A process that has imported what a sweep needs, and is forked for each start: the storm is to hit trials, not imports.
_TEMPLATE = """
import json, os, sys
from harness.cli import run
import harness.running.tuner, harness.cli.search, harness.cli.sweep, harness.search.job

for line in sys.stdin:
    order = json.loads(line)
    pid = os.fork()
    if not pid:
        os.setsid()
        os.chdir(order["folder"])
        said = os.open("said.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(said, 1), os.dup2(said, 2)
        code = 99
        try:
            code = run(order["arguments"])
            sys.stdout.flush()
        finally:
            with open("code.txt", "w") as file:
                file.write(str(code))
            os._exit(code)
    print(pid, flush=True)
"""


class Starter:
    """Starts sweeps in processes that cost no import."""

    def __init__(self) -> None:
        self._template = subprocess.Popen(
            [sys.executable, "-c", _TEMPLATE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, folder: Path, arguments: Sequence[str]) -> psutil.Process:
        """Run `harness ARGUMENTS` in a folder, to which its output and exit code go."""
        assert self._template.stdin is not None
        assert self._template.stdout is not None
        (folder / "code.txt").unlink(missing_ok=True)
        self._template.stdin.write(json.dumps({"folder": str(folder), "arguments": list(arguments)}) + "\n")
        self._template.stdin.flush()
        return psutil.Process(int(self._template.stdout.readline()))

    def close(self) -> None:
        """End it."""
        self._template.kill()
        self._template.wait()


@dataclass
class Storm:
    """What became of one sweep.

    Attributes:
        kills: How often a process was killed, by what it was.
        starts: How often the sweep was started.
        seconds: For how long it was on its way.
    """

    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    starts: int = 0
    seconds: float = 0.0


def rage(starter: Starter, folder: Path, command: Sequence[str], *, draw: random.Random, trials: int = 0) -> Storm:
    """Start a command until it is done, and kill it at random instants: once at least, then with one chance in two.

    With `trials`, how many it runs in all, an instant is a random one of these trials and a time up to a second after
    it, so that a busy machine is hit amid its work as well as an idle one. Without, it is left in peace.

    Raises:
        AssertionError: A process outlived the harness.
    """
    storm, began = Storm(), time.monotonic()
    while True:
        storm.starts += 1
        sweep = starter.start(folder, command)
        processes = SweepProcesses(sweep)
        more = bool(trials) and (not sum(storm.kills.values()) or draw.random() < 0.5)
        while more and running(sweep):
            goal = draw.randint(min(results(folder), trials), trials)
            while results(folder) < goal and running(sweep):
                time.sleep(0.01)
            time.sleep(draw.uniform(0, 1 if goal else 8))  # a start takes longer than a trial
            found = processes.strike(draw)
            if found:
                storm.kills[found] += 1
            more = found != "harness" and draw.random() < 0.5
        deadline = time.monotonic() + PATIENCE_S
        while running(sweep):
            processes.look()
            assert time.monotonic() < deadline, "the harness hangs"
            time.sleep(0.1)
        deadline = time.monotonic() + PATIENCE_S
        while left := processes.left():
            assert time.monotonic() < deadline, f"left behind: {left}"
            time.sleep(0.02)
        # A process that was just made may hold the folder's lock for an instant longer than the killed one.
        said = (folder / "said.txt").read_text(errors="replace")[-2000:]
        assert exit_code(folder) in (None, 0, 1) or "is being written by another run" in said, said
        if exit_code(folder) == 0:
            storm.seconds = time.monotonic() - began
            return storm


def outcome(folder: Path) -> tuple[Any, ...]:
    """Return what must be equal: how many results the store has, what each trial gave, and the table without times."""
    records = sorted(
        (key, record.status, record.epoch, record.accuracy, record.loss, record.predictions.predicted.tobytes())
        for key, record in load_results(folder / "results").records.items()
        if record.predictions is not None
    )
    table = pd.read_csv(folder / "results/tables/comparison.csv")
    return results(folder), records, table.drop(columns=list(TIMES)).to_csv(index=False)


def difference(found: tuple[Any, ...], wanted: tuple[Any, ...]) -> str:
    """Return in words how two outcomes differ."""
    lines = difflib.unified_diff(
        wanted[2].splitlines(), found[2].splitlines(), "undisturbed", "found", n=0, lineterm=""
    )
    keys, others = ({record[0] for record in one[1]} for one in (found, wanted))
    return "\n".join(
        [
            f"results: {found[0]}, of the undisturbed {wanted[0]}",
            f"trials more: {len(keys - others)}, missing: {len(others - keys)}, "
            f"otherwise: {len(set(found[1]) - set(wanted[1])) - len(keys - others)}",
            *lines,
        ]
    )


def results(folder: Path) -> int:
    """Return how many results a sweep's store has by now."""
    store = folder / "results/harness.sqlite"
    if not store.exists():
        return 0
    with contextlib.closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM trials WHERE status <> 'failed'").fetchone()[0])
        except sqlite3.OperationalError:
            return 0  # the very first transaction has not ended


def exit_code(folder: Path) -> int | None:
    """Return with what the last sweep in a folder ended; None where it was killed."""
    try:
        return int((folder / "code.txt").read_text())
    except (OSError, ValueError):
        return None


def prepare(folder: Path, kind: str) -> Path:
    """Write the suites of a kind of storm into a new folder and return it."""
    (folder / "suites").mkdir(parents=True)
    (folder / "suites/suite_small.py").write_text(SEARCH if kind == "search" else SUITE)
    return folder


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=100)
    parser.add_argument("--kind", choices=COMMANDS, default="sweep")
    parser.add_argument("--seed", type=int, default=1, help="of the instants and of who is hit")
    options = parser.parse_args()
    command = COMMANDS[options.kind]
    draw, starter, equal = random.Random(options.seed), Starter(), 0
    total = dict.fromkeys(KINDS, 0)
    try:
        with tempfile.TemporaryDirectory() as place:
            calm = prepare(Path(place) / "calm", options.kind)
            undisturbed = rage(starter, calm, command, draw=draw)
            wanted = outcome(calm)
            print(f"undisturbed: {wanted[0]} trials in {undisturbed.seconds:.0f} s", flush=True)
            for number in range(1, options.sweeps + 1):
                storm = Storm()
                while not sum(storm.kills.values()):  # one that was done before anything was hit is no storm
                    folder = prepare(Path(tempfile.mkdtemp(dir=place)) / "project", options.kind)
                    storm = rage(starter, folder, command, draw=draw, trials=wanted[0])
                found = outcome(folder)
                same = found == wanted
                equal += same
                for kind, count in storm.kills.items():
                    total[kind] += count
                print(
                    f"{number}: {storm.starts} starts, killed {storm.kills}, {storm.seconds:.0f} s: "
                    f"{'equal' if same else 'DIFFERENT'}",
                    flush=True,
                )
                if not same:
                    print(difference(found, wanted), (folder / "said.txt").read_text(errors="replace"), sep="\n")
    finally:
        starter.close()
    print(f"{equal} of {options.sweeps} equal to the undisturbed one; killed {total}")
    return 0 if equal == options.sweeps else 1


if __name__ == "__main__":
    sys.exit(main())
