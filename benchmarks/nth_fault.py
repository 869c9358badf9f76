"""The Nth change of a file fails, or the process is killed there, for every N: what is left, and what is said.

    python benchmarks/nth_fault.py             # every N of every job and kind of fault
    python benchmarks/nth_fault.py --every 9   # every ninth

Each job runs in a forked process of its own into which nth_fault.c (compiled here by gcc) is preloaded. The kinds: a
disk that is full from the Nth change on (ENOSPC), one I/O error (EIO), a kill -9 before the Nth change, and one after
half of a write. Afterwards the job is done again undisturbed: nothing that was reported done may be lost, nothing may
be double, no file half written; what failed must say so in one line that names the folder and its disk, with exit code
1 or 4.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness import BASELINE, BUDGETS, Suite, load_results
from harness.cli import exit_code, run
from harness.comparison import Judge, Margins, compare_groups, frame_of, group_records
from harness.datasets import load_dataset
from harness.results.conditions import Conditions
from harness.results.contents import TestSet
from harness.results.opening import has_store, open_store, read_store
from harness.results.planned import PlannedSuite
from harness.results.predictions import Predictions
from harness.results.provenance import Provenance
from harness.results.records import EpochMetrics, Record
from harness.results.salvage import examine
from harness.results.trials import Environment, Trial
from harness.tables import write_tables

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
PRELOADED = "nth_fault" in os.environ.get("LD_PRELOAD", "")

KINDS = {"full disk": (errno.ENOSPC, 1), "I/O error": (errno.EIO, 0), "kill": (-1, 0), "kill in a write": (-2, 0)}

LABELS = np.arange(200) % 4
SUITE = Suite("dropout", (BASELINE.replace(dropout=0.5),))
CONDITIONS = Conditions(
    "digits", "f" * 16, BUDGETS["quick"], Environment("cpu", "tensorflow", 1, (("keras", "3.15.1"),))
)
RUN = Provenance("harness sweep", "2026-01-01T00:00:00+00:00", "host", "cpu", (), 2, 8192, "Linux", "3.11.7")
TRIALS = [trial for variant in SUITE.members for trial in CONDITIONS.trials(variant, range(1, 6))]


Tell = Callable[[str], object]


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        code: Its exit code, or minus the signal that killed it.
        said: What it printed.
        done: What it told to be done.
        changes: How often it changed files, where it was counted and not killed.
    """

    code: int
    said: str
    done: list[str]
    changes: int


class Job:
    """Something that writes below a folder."""

    name = ""

    def prepare(self, folder: Path) -> None:
        """Fill the folder that it starts from."""

    def work(self, folder: Path, tell: Tell) -> object:
        """Write, and tell what is done; returns an exit code or nothing."""
        raise NotImplementedError

    def check(self, folder: Path, done: list[str], *, finished: bool) -> None:
        """Raise AssertionError where what is left is wrong, of what was told to be done or of all of it."""
        raise NotImplementedError


class Sweep(Job):
    """Ten records into a store, as a sweep adds them: what is there already is not run again."""

    name = "records"
    at_once = 1

    def work(self, folder: Path, tell: Tell) -> int:
        known: dict[str, Record] = {}
        if has_store(folder):
            with read_store(folder) as store:
                known = store.records()
        with open_store(folder) as store:
            store.begin_run(RUN)
            store.add_suite(SUITE)
            store.add_test_set(CONDITIONS.fingerprint, None, TestSet(tuple("abcd"), LABELS))
            store.add_plans([PlannedSuite(SUITE, CONDITIONS, (5,), dict.fromkeys(SUITE.members, ""))])
            for start in range(0, len(TRIALS), self.at_once):
                trials = TRIALS[start : start + self.at_once]
                store.add_records([drawn_record(trial) for trial in trials if trial.key not in known])
                for trial in trials:
                    tell(trial.key)
        return 0

    def check(self, folder: Path, done: list[str], *, finished: bool) -> None:
        if not has_store(folder):
            assert not done, "a store is gone whose records were reported done"
            return
        found = examine(folder)
        assert not found.fault, found.fault
        records = load_results(folder).records
        assert len(records) == found.counts["trials"], "a trial is double"
        assert set(done) <= records.keys(), "a record that was reported done is lost"
        assert not finished or len(records) == len(TRIALS)
        assert all(np.isfinite(record.accuracy) and record.predictions for record in records.values())


class Groups(Sweep):
    """The same records, four in a transaction, as they are where the disk is slower than the trials."""

    name = "groups of records"
    at_once = 4


class Migration(Sweep):
    """The same into a store of version 2, which is copied and written anew first."""

    name = "migration"

    def prepare(self, folder: Path) -> None:
        from changed_stores import make_older

        with open_store(folder) as store:
            store.begin_run(RUN)
            for trial in TRIALS[:6]:
                store.add_record(drawn_record(trial))
        make_older(folder / "harness.sqlite", 2)

    def check(self, folder: Path, done: list[str], *, finished: bool) -> None:
        super().check(folder, [*done, *(trial.key for trial in TRIALS[:6])], finished=finished)


class Salvage(Sweep):
    """A new store from the bytes of a damaged one."""

    name = "salvage"

    def prepare(self, folder: Path) -> None:
        damaged = folder.parent / "damaged"
        Sweep().work(damaged, lambda key: None)
        with (damaged / "harness.sqlite").open("r+b") as file:
            file.write(bytes(100))
        folder.rmdir()

    def work(self, folder: Path, tell: Tell) -> int:
        code = 0
        if not has_store(folder):
            code = run(["store", "salvage", "--results", str(folder.parent / "damaged"), "--into", str(folder)])
        for trial in () if code else TRIALS:
            tell(trial.key)
        return code


class Files(Job):
    """Tables, report, charts and an export of a results folder that has older ones."""

    name = "tables, report, charts, export"

    def prepare(self, folder: Path) -> None:
        for trials in (TRIALS[:8], TRIALS[8:]):
            with open_store(folder) as store:
                store.begin_run(RUN)
                store.add_suite(SUITE)
                store.add_test_set(CONDITIONS.fingerprint, None, TestSet(tuple("abcd"), LABELS))
                store.add_plans([PlannedSuite(SUITE, CONDITIONS, (5,), dict.fromkeys(SUITE.members, ""))])
                for trial in trials:
                    store.add_record(drawn_record(trial))
            if trials == TRIALS[:8]:
                # In a process of its own: what draws the charts has threads, and this one is still to be forked.
                undisturbed(lambda tell: self.work(folder, tell))
        self.before = files_of(folder)
        after = shutil.copytree(folder, folder.parent / "after" / "results")
        undisturbed(lambda tell: self.work(after, tell))
        self.after = files_of(after)
        shutil.rmtree(after.parent)

    def work(self, folder: Path, tell: Tell) -> int:
        results = load_results(folder)
        write_tables(frame_of(compare_groups(group_records(results), results, Judge(Margins()))), folder / "tables")
        return run(["report", "--results", str(folder)]) or run(
            ["export", "--results", str(folder), "--format", "csv", "--output", str(folder / "out/export.csv")]
        )

    def check(self, folder: Path, done: list[str], *, finished: bool) -> None:
        Sweep().check(folder, [trial.key for trial in TRIALS], finished=True)
        now = files_of(folder)
        other = sorted(path for path in {*now, *self.after} if now.get(path) != self.after.get(path))
        assert not finished or not other, f"not as an undisturbed run makes them: {', '.join(other)}"
        for path, content in now.items():
            assert content in (self.before.get(path), self.after[path]), f"{path} is neither the old one nor the new"
        assert self.before.keys() <= now.keys(), "a file is gone"


class Cache(Job):
    """The cache of decoded images."""

    name = "cache of a dataset"

    def prepare(self, folder: Path) -> None:
        from drawn_images import draw_folder

        draw_folder(folder.parent / "images", train=3, test=2)
        os.environ["HARNESS_CACHE"] = str(folder.parent / "other cache")
        self.fingerprint = load_dataset(folder.parent / "images").fingerprint

    def work(self, folder: Path, tell: Tell) -> None:
        os.environ["HARNESS_CACHE"] = str(folder)
        dataset = load_dataset(folder.parent / "images")
        assert dataset.fingerprint == self.fingerprint
        assert dataset.train_images.sum() > 0

    def check(self, folder: Path, done: list[str], *, finished: bool) -> None:
        undisturbed(lambda tell: self.work(folder, tell))


def drawn_record(trial: Trial) -> Record:
    """Return a record that the same trial always has."""
    right = np.random.default_rng([trial.seed, len(trial.variant.name)]).random(len(LABELS)) < 0.8
    predictions = Predictions(np.where(right, LABELS, (LABELS + 1) % 4).astype(np.uint16), right.astype("u1"), right)
    figures = dict.fromkeys(("accuracy", "precision", "recall", "macro_f1"), float(right.mean()))
    history = (EpochMetrics(*[0.5] * 9),) * 5
    return Record(trial, "ok", epoch=1, history=history, loss=0.5, params=10, predictions=predictions, **figures)


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the files of a results folder that a person reads: not the store, not what a killed process left.

    The minute at which one was made, and the folder in the command of the report, are left out.
    """
    found = (path for place in ("tables", "report", "charts", "out") for path in (folder / place).rglob("*"))
    changing = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d UTC|" + re.escape(bytes(folder)))
    return {
        str(path.relative_to(folder)): changing.sub(b"", path.read_bytes())
        for path in found
        if path.is_file() and not path.name.startswith(".")
    }


def forked(work: Callable[[Tell], object], arm: Callable[[], object] = lambda: None) -> Ended:
    """Do something in a forked process."""
    with tempfile.TemporaryFile("w+") as said:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            code = 70
            try:
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
                arm()
                code = exit_code(lambda: work(lambda text: os.write(writing, f"{text}\n".encode())), interrupted="")
                os.write(writing, f"changes {shim().fault_count()}\n".encode())
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        os.close(writing)
        with os.fdopen(reading) as told:
            done = told.read().splitlines()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said.seek(0)
        changes = int(done.pop().split()[1]) if done and done[-1].startswith("changes ") else 0
        return Ended(code, said.read(), done, changes)


def undisturbed(work: Callable[[Tell], object]) -> Ended:
    """Do something in a forked process that must end well."""
    ended = forked(work)
    assert ended.code == 0, ended.said
    return ended


def struck(job: Job, kind: str, number: int, start: Path, place: Path) -> str:
    """Let a change of a job fail, and check what is left and what was said; return what became of it."""
    folder = place / "results"
    for other in start.iterdir():
        shutil.copytree(other, place / other.name)
    how, lasting = KINDS[kind]
    ended = forked(lambda tell: job.work(folder, tell), lambda: shim().fault_arm(bytes(folder), number, how, lasting))
    assert "Traceback" not in ended.said, ended.said
    if ended.code == 0:
        job.check(folder, ended.done, finished=True)
        return "went on without it"
    if how < 0:
        assert ended.code == -signal.SIGKILL, ended.said
    else:
        lines = [line for line in ended.said.splitlines() if line.startswith("error: ")]
        assert ended.code in (1, 4), f"exit code {ended.code}: {ended.said}"
        assert len(lines) == 1, ended.said
        assert str(folder) in lines[0], f"names no folder: {lines[0]}"
        assert "disk of" in lines[0], f"names no disk: {lines[0]}"
    job.check(folder, ended.done, finished=False)
    again = undisturbed(lambda tell: job.work(folder, tell))
    job.check(folder, again.done, finished=True)
    return "killed" if how < 0 else f"exit {ended.code}"


def strike_all(job: Job, place: Path, kinds: Sequence[str], *, every: int) -> bool:
    """Strike every change of a job, or one of so many; print what became of them and return whether all was well."""
    start = place / "start"
    (start / "results").mkdir(parents=True)
    job.prepare(start / "results")
    counting = shutil.copytree(start, place / "counting")
    count = forked(
        lambda tell: job.work(counting / "results", tell),
        lambda: shim().fault_arm(bytes(counting / "results"), 0, 0, 0),
    ).changes
    assert count, "no change was counted: nothing would be struck"
    well = True
    for kind in kinds:
        outcomes: Counter[str] = Counter()
        for number in range(1, count + 1, every):
            with tempfile.TemporaryDirectory(dir=place) as scratch:
                try:
                    outcomes[struck(job, kind, number, start, Path(scratch))] += 1
                except Exception as error:
                    well = False
                    outcomes["WRONG"] += 1
                    print(f"{job.name}, {kind} at change {number}: {type(error).__name__}: {error}", flush=True)
        told = ", ".join(f"{times} {outcome}" for outcome, times in sorted(outcomes.items()))
        print(f"{job.name}, {kind}: {sum(outcomes.values())} of {count} changes: {told}", flush=True)
    return well


def shim() -> ctypes.CDLL:
    """Return what is preloaded into this process."""
    return ctypes.CDLL(os.environ["LD_PRELOAD"])


def main() -> int:
    """Compile the shim, start again with it, and strike each job."""
    jobs = {job.name: job for job in (Sweep(), Groups(), Migration(), Salvage(), Files(), Cache())}
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="Strike only one of so many changes.")
    parser.add_argument("--job", choices=list(jobs), action="append", help="Only this one; repeatable.")
    parser.add_argument("--kind", choices=list(KINDS), action="append", help="Only this kind of fault; repeatable.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(
        prefix="nth-fault-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None
    ) as place:
        if not PRELOADED:
            library = Path(place) / "nth_fault.so"
            source = Path(__file__).with_suffix(".c")
            subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
            return subprocess.run([sys.executable, *sys.argv], env=os.environ | {"LD_PRELOAD": str(library)}).returncode
        chosen = options.job or list(jobs)
        results = [
            strike_all(jobs[name], Path(place) / str(number), options.kind or list(KINDS), every=options.every)
            for number, name in enumerate(chosen)
        ]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
