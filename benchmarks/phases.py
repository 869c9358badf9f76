"""A job by phases, as its user waits for it: seconds from the command to its end, and what the step times are worth.

    python benchmarks/phases.py                             # the default job with 4 variants of digits
    python benchmarks/phases.py --against FOLDER            # alternately with another checkout of the harness
    python benchmarks/phases.py --sweep --dataset DIR       # `harness sweep`, which takes no step times

Each run has a results folder and a cache of its own. The moments are those of the lines that the command prints; where
training began is the end of the first trial less what the store says that it took after its model was traced. With
`--profile FILE` the command itself (not its workers) runs under cProfile.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from harness.datasets.load import NAMES
from harness.results import load_results

PHASES = (
    "until the plan is told",
    "then to the first training step",
    "training",
    "step time of the baseline",
    "step times of the variants",
    "from there to the exit",
)
SUITE = """
from harness import BASELINE, Suite
SUITE = Suite("four", [BASELINE.replace(dropout=share) for share in (0.2, 0.3, 0.4)])
"""
_TRIAL = re.compile(r"\[ *\d+/\d+\] .* seed \d+: ")
_TIMED = re.compile(r"\[ *\d+/\d+\] step time of ")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", choices=("smoke", "quick"), default="quick")
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--sweep", action="store_true", help="`harness sweep` instead of `pytest --benchmark`")
    parser.add_argument("--runs", type=int, default=1, help="runs of each checkout; medians are told")
    parser.add_argument("--against", type=Path, help="another checkout, which runs first in each pair")
    parser.add_argument("--profile", type=Path, help="write a profile of the command to this file")
    arguments = parser.parse_args()
    if arguments.dataset not in NAMES:  # each run has another current folder
        arguments.dataset = str(Path(arguments.dataset).resolve())

    here = Path(__file__).resolve().parents[1]
    trees = [arguments.against.resolve(), here] if arguments.against else [here]
    found: dict[Path, list[tuple[list[float], float, list[float]]]] = {tree: [] for tree in trees}
    for number in range(arguments.runs):
        for tree in trees:
            seconds, cpu_s, widths = run(tree, arguments)
            found[tree].append((seconds, cpu_s, widths))
            told = " ".join(f"{one:6.2f}" for one in (*seconds, sum(seconds)))
            print(f"run {number + 1} of {tree.name:<12} {told}   CPU {cpu_s:6.1f}   half-widths {percent(widths)}")
            sys.stdout.flush()
    print(f"\n{'seconds, medians':<36}" + "".join(f"{tree.name:>14}" for tree in trees))
    for place, phase in enumerate(PHASES):
        print(f"{phase:<36}" + "".join(f"{median(run[0][place] for run in found[tree]):>14.2f}" for tree in trees))
    for name, of in (("in all", lambda run: sum(run[0])), ("of processors", lambda run: run[1])):
        print(f"{name:<36}" + "".join(f"{median(map(of, found[tree])):>14.2f}" for tree in trees))
    widths = {tree: [width for run in found[tree] for width in run[2]] for tree in trees}
    if all(widths.values()):
        print(f"{'half-width of a step time ratio':<36}" + "".join(f"{median(widths[t]):>14.2%}" for t in trees))
    return 0


def run(tree: Path, arguments: argparse.Namespace) -> tuple[list[float], float, list[float]]:
    """Return the seconds of each phase of one run, those of processors, and half-widths of the step time ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "suites").mkdir()
        (folder / "suites" / "suite_four.py").write_text(SUITE)
        command = command_of(arguments)
        environment = os.environ | {"PYTHONPATH": str(tree), "HARNESS_CACHE": str(folder / "cache")}
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.time()
        marks, ends = [started], {"trial": 0.0, "timed": 0.0}
        first = timed = 0.0
        with subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                now = time.time()
                lines.append(line)
                if len(marks) == 1 and " to train, " in line:
                    marks.append(now)
                elif _TRIAL.match(line):
                    first, ends["trial"] = first or now, now
                elif _TIMED.match(line):
                    timed, ends["timed"] = timed or now, now
        ended = time.time()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if process.returncode:
            raise SystemExit("".join(lines))
        # The baseline's smallest seed is the first to begin; that it is also the first to end is taken for granted.
        records = load_results(folder / "results").records.values()
        whole = min(records, key=lambda record: (record.trial.variant.name != "baseline", record.trial.seed))
        marks.append(first - whole.total_s + whole.build_s)
        marks += [ends["trial"], timed or ends["trial"], ends["timed"] or ends["trial"], ended]
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        with (folder / "results" / "tables" / "comparison.csv").open() as file:
            ends_of = [(row["step_time_ci_low"], row["step_time_ci_high"]) for row in csv.DictReader(file)]
        widths = [(float(high) - float(low)) / 2 for low, high in ends_of if low and high]
        return [later - earlier for earlier, later in itertools.pairwise(marks)], cpu_s, widths


def command_of(arguments: argparse.Namespace) -> list[str]:
    """Return the command as a user gives it."""
    profile = ["-m", "cProfile", "-o", str(arguments.profile.resolve())] if arguments.profile else []
    program = (
        ["-m", "harness", "sweep"] if arguments.sweep else ["-m", "pytest", "--benchmark", "-p", "no:cacheprovider"]
    )
    options = ["--dataset", arguments.dataset, "--budget", arguments.budget, "--device", "cpu", "--results", "results"]
    for name in ("seeds", "epochs"):
        if value := getattr(arguments, name):
            options += [f"--{name}", str(value)]
    return [sys.executable, *profile, *program, "suites", *options]


def percent(widths: list[float]) -> str:
    """Return half-widths as text."""
    return ", ".join(f"{width:.2%}" for width in widths) or "none"


if __name__ == "__main__":
    sys.exit(main())
