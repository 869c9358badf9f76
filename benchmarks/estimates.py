"""What a run says of its own length, beside how long it then takes: the plan's estimate, and the time left.

    python benchmarks/estimates.py DIR                      # all jobs, some ten minutes of an idle machine
    python benchmarks/estimates.py DIR --jobs 1-6 --keep F  # some of them, with folders and cache kept in F
    python benchmarks/estimates.py DIR --jobs 7-13 --keep F # the others, that go on from these
    python benchmarks/estimates.py --read F                 # the table again, of what was kept

DIR is CIFAR-10 as images (`DIR/train/CLASS/*`, `DIR/test/CLASS/*`), of which 6,400 and 1,000 are taken. Each job has a
folder of its own. The first three have a cache of their own too, as the first run on a machine has; from the fourth on
they share one, which is empty before the fourth and then holds what the jobs before have left of the machine: so they
begin with the fourth, or go on in a folder that was kept. Both the estimate and each time left are held against the
seconds from their line to the command's end; the time left from a quarter of the way on (from the plan's line), where a
second is no error, since whole seconds are told. A range, which is told where nothing is known of the machine or of a
model of one's own, is right when it holds the truth, however wide it is; else its nearer end counts. Such a job is
marked ", a range", and they are counted apart.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from plain_keras_tuner import write_images

TREE = Path(__file__).resolve().parents[1]
SUITE = "from harness import BASELINE, Suite\nSUITE = Suite('some', [{variants}])\n"
OWN = """
import keras
from harness import Variant

def build(variant, input_shape, classes):
    inputs = keras.Input(input_shape)
    hidden = inputs
    for filters in (16, 32, 64):
        hidden = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(hidden)
        hidden = keras.layers.MaxPooling2D()(hidden)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(keras.layers.Flatten()(hidden)))
"""
ABOUT, ERROR_S, SHARE, PLAN_SHARE, FROM = re.compile(r"about ([^;,]+) left"), 1.0, 0.25, 0.2, 0.25


@dataclass(frozen=True)
class Job:
    """A command in a fresh folder: `before`, options of an untold run in it before; `new`, with an own empty cache."""

    name: str
    command: str
    variants: str
    options: str
    new: bool = False
    before: str | None = None


SWEEP, TIMED, PYTEST = "harness sweep", "harness sweep --time", "pytest --benchmark -p no:cacheprovider"
DROPOUTS = "*(BASELINE.replace(dropout=share) for share in (0.2, 0.3, 0.4))"
L2, WIDTHS = "BASELINE.replace(l2=0.1)", "BASELINE.replace(filters=(8, 16)), BASELINE.replace(filters=(64, 128))"
BATCHES = "BASELINE.replace(batch_size=16), BASELINE.replace(batch_size=128)"
MANY = "*(BASELINE.replace(dropout=number / 20) for number in range(1, 17))"
MODEL = "BASELINE.replace(model='own:build')"
JOBS = (
    Job("sweep, digits", SWEEP, L2, "--seeds 4 --epochs 8", new=True),
    Job("default job, digits", PYTEST, L2, "--seeds 3", new=True),
    Job("sweep, cifar, 4 variants", SWEEP, DROPOUTS, "--dataset {cifar} --seeds 2 --epochs 3", new=True),
    Job("sweep, digits", SWEEP, DROPOUTS, "--seeds 5"),
    Job("default job, digits", PYTEST, DROPOUTS, "--seeds 3"),
    Job("sweep, cifar, batch sizes", SWEEP, BATCHES, "--dataset {cifar} --seeds 2 --epochs 4"),
    Job("sweep, cifar, widths, 1 worker", SWEEP, WIDTHS, "--dataset {cifar} --seeds 1 --epochs 3 --workers 1"),
    Job("timed sweep, cifar, widths", TIMED, WIDTHS, "--dataset {cifar} --seeds 1 --epochs 2"),
    Job("sweep, digits, model=, 1 worker", SWEEP, MODEL, "--seeds 4 --epochs 8 --workers 1"),
    Job("default job, model=", PYTEST, MODEL, "--seeds 2 --epochs 3"),
    Job("sweep, resumed half-way", SWEEP, DROPOUTS, "--seeds 8 --epochs 8", before="--seeds 4 --epochs 8"),
    Job("default job, more seeds", PYTEST, L2, "--seeds 20 --epochs 8", before="--seeds 2 --epochs 8"),
    Job("sweep, smoke, 17 variants", SWEEP, MANY, "--budget smoke"),
)

FIRST_SHARED = 1 + next(place for place, job in enumerate(JOBS) if not job.new)


@dataclass(frozen=True)
class Told:
    """What a job said of its length: by what share the plan missed, and the share of good times left, None without."""

    missed_by: float
    a_range: bool
    good_share: float | None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="CIFAR-10")
    parser.add_argument("--jobs", default=f"1-{len(JOBS)}", help="which, as FIRST-LAST or NUMBER")
    parser.add_argument("--keep", type=Path, help="work in this folder, and leave there what the runs wrote")
    parser.add_argument("--read", type=Path, help="run nothing: tell of a folder that was kept")
    parser.add_argument("--tree", type=Path, default=TREE, help="the checkout that runs")
    arguments = parser.parse_args()
    wanted = numbers(arguments.jobs)
    if not wanted:
        parser.error(f"--jobs {arguments.jobs}: FIRST-LAST or NUMBER, from 1 to {len(JOBS)}")
    if arguments.read:
        wanted = [number for number in wanted if transcript(arguments.read, number).exists()]
        if not wanted:
            parser.error(f"--read {arguments.read}: none of the jobs {arguments.jobs} was kept there")
    elif arguments.folder is None or not (arguments.folder / "train").is_dir():
        parser.error(f"{arguments.folder or 'DIR is missing'}: CIFAR-10 as DIR/train/CLASS/* and DIR/test/CLASS/*")
    elif not (arguments.tree / "harness" / "cli").is_dir():
        parser.error(f"--tree {arguments.tree}: no checkout with a harness/")
    elif lacking := lacking_before(wanted, arguments.keep):
        parser.error(
            f"--jobs {arguments.jobs}: job {lacking} comes first, of which the later ones know the machine: "
            f"begin with {FIRST_SHARED} or earlier, or --keep a folder in which it has run"
        )
    with tempfile.TemporaryDirectory() as name:
        root = arguments.read or arguments.keep or Path(name)
        if not arguments.read:
            root.mkdir(parents=True, exist_ok=True)
            images = root / "cifar.npz"
            if not images.exists():
                write_images(arguments.folder, images)
        told = []
        for number in wanted:
            job, kept = JOBS[number - 1], transcript(root, number)
            if not arguments.read:
                kept.write_text(json.dumps(run(job, root.resolve(), number, arguments.tree.resolve())))
            told.append(tell(number, job, [(at, line) for at, line in json.loads(kept.read_text())]))
            sys.stdout.flush()
    close, ranges = [abs(one.missed_by) <= PLAN_SHARE for one in told], [one.a_range for one in told]
    held = sum(right for right, a_range in zip(close, ranges, strict=True) if a_range)
    print(f"estimates within {PLAN_SHARE:.0%}: {sum(close) - held} of {len(told) - sum(ranges)}; ", end="")
    print(f"ranges that hold the truth, or miss it by no more: {held} of {sum(ranges)}")
    shares = [one.good_share for one in told if one.good_share is not None]
    if shares:
        mean = sum(shares) / len(shares)
        print(f"times left within {SHARE:.0%}: {mean:.0%} of a job's on average, {min(shares):.0%} in the worst job")
    return 0


def numbers(text: str) -> list[int]:
    """Return the jobs' numbers of FIRST-LAST or NUMBER; none where the text is neither, or there is no such job."""
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if not found:
        return []
    first, last = int(found[1]), int(found[2] or found[1])
    return list(range(first, last + 1)) if 1 <= first <= last <= len(JOBS) else []


def lacking_before(wanted: Sequence[int], keep: Path | None) -> int | None:
    """Return the first job that has to run before those wanted, since they share its cache, and has not."""
    for number in range(FIRST_SHARED, max(wanted)):
        if number not in wanted and not (keep and transcript(keep, number).exists()):
            return number
    return None


def transcript(root: Path, number: int) -> Path:
    return root / f"{number}.json"


def run(job: Job, root: Path, number: int, tree: Path) -> list[tuple[float, str]]:
    """Run a job; return each line with its moment in seconds, the command's start at 0 and its end as the last."""
    folder = root / str(number)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "suites").mkdir(parents=True)
    (folder / "suites" / "suite_some.py").write_text(SUITE.format(variants=job.variants))
    (folder / "own.py").write_text(OWN)
    cache = folder / "cache" if job.new else root / "cache"
    environment = os.environ | {"PYTHONPATH": str(tree), "HARNESS_CACHE": str(cache)}
    for options in filter(None, (job.before, job.options)):
        rest = f"{job.command} suites --device cpu {options.format(cifar=root / 'cifar.npz')}".split()
        started = time.monotonic()
        lines = []
        with subprocess.Popen(
            [sys.executable, "-m", *rest],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            lines = [(time.monotonic() - started, line.rstrip("\n")) for line in process.stdout]
        if process.returncode:
            raise SystemExit("\n".join(line for _, line in lines))
    return [*lines, (time.monotonic() - started, "")]


def tell(number: int, job: Job, lines: list[tuple[float, str]]) -> Told:
    """Print what a job said of its length, and return it."""
    ended = lines[-1][0]
    planned, plan = next((at, line) for at, line in lines if " to train, " in line)
    whole = ended - planned
    # Older versions told of training and of timing, and then "34 s in all".
    said = plan.rpartition(", ")[2] if " in all" in plan else plan.partition("; about ")[2].partition(" on ")[0]
    low, high = (seconds(part) for part in (said.split(" to ") * 2)[:2])
    nearest = min(max(whole, low), high)
    misses = []
    for at, line in lines:
        left, real = ABOUT.search(line), ended - at
        if left and at >= planned + FROM * whole:
            told = seconds(left[1])
            misses.append(0.0 if abs(told - real) <= ERROR_S else told / real - 1)
    good = sum(abs(miss) <= SHARE for miss in misses) / len(misses) if misses else None
    name = f"{number:2} {job.name}{', a range' * (high > low)}"
    estimate = f"{low:.0f}" + f"-{high:.0f}" * (high > low)
    of_left = "none told"
    if good is not None:
        of_left = f"{good:4.0%} of {len(misses):2} within {SHARE:.0%}, worst {max(misses, key=abs):+.0%}"
    print(f"{name:<40} {estimate:>7} s for {whole:5.1f} s: {nearest / whole:.2f}; time left: {of_left}")
    return Told(nearest / whole - 1, high > low, good)


def seconds(text: str) -> float:
    """Return the seconds of a length of time as people are told it."""
    found = re.findall(r"(\d+) (h|min|s)\b", text)
    return float(sum(int(number) * {"h": 3600, "min": 60, "s": 1}[unit] for number, unit in found))


if __name__ == "__main__":
    sys.exit(main())
