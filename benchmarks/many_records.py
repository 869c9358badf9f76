"""How long `harness tables` takes on a store of many records, and how much memory: a store made by the real code.

    python benchmarks/many_records.py 10000 --folder /tmp/many [--report]

Variants of 4 seeds in suites of 25 (one of them the baseline), on 797 test images of 10 classes as digits has;
records, predictions, plans and step times are written by the store itself, only the training is drawn. The table is
made by the command, in a process of its own; its start alone is timed by a folder of one suite.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from harness import BASELINE, BUDGETS, Suite
from harness.results.conditions import Conditions
from harness.results.contents import TestSet
from harness.results.opening import open_store
from harness.results.planned import PlannedSuite
from harness.results.predictions import Predictions
from harness.results.provenance import collect_provenance
from harness.results.records import EpochMetrics, Record
from harness.results.step_times import StepTimes, timing_key
from harness.results.trials import Environment

SEEDS, SUITE_SIZE, IMAGES, CLASSES = 4, 25, 797, 10


def make(folder: Path, records: int) -> None:
    """Write a results folder of about `records` records."""
    rng = np.random.default_rng(1)
    labels = np.arange(IMAGES) % CLASSES
    environment = Environment(
        "cpu", "tensorflow", 1, (("keras", "3.15.1"), ("numpy", "2.4.6"), ("tensorflow", "2.21.0"))
    )
    conditions = Conditions("digits", "f" * 16, BUDGETS["quick"].override(seeds=SEEDS), environment)
    suites = max(1, records // (SEEDS * SUITE_SIZE))
    provenance = collect_provenance()
    with open_store(folder) as store:
        store.connection.execute("PRAGMA synchronous = OFF")  # a benchmark's store may be lost
        store.begin_run(provenance)
        store.add_test_set(conditions.fingerprint, None, TestSet(tuple("abcdefghij"), labels))
        for number in range(suites):
            baseline = BASELINE.replace(l2=round(1e-6 * (number + 1), 8))
            variants = tuple(baseline.replace(dropout=round(0.02 * step, 3)) for step in range(1, SUITE_SIZE))
            suite = Suite(f"suite{number:04}", variants, baseline)
            store.add_suite(suite)
            store.add_plans([PlannedSuite(suite, conditions, (SEEDS,), dict.fromkeys(suite.members, ""))])
            for variant in suite.members:
                share = 0.9 + 0.02 * rng.standard_normal()
                for trial in conditions.trials(variant, range(1, SEEDS + 1)):
                    right = rng.random(IMAGES) < share
                    predicted = np.where(right, labels, rng.integers(0, CLASSES, IMAGES)).astype(np.uint16)
                    predictions = Predictions(predicted, right.astype(np.uint8), right)
                    figures = dict.fromkeys(("accuracy", "precision", "recall", "macro_f1"), float(right.mean()))
                    history = tuple(EpochMetrics(*rng.random(9).tolist()) for _ in range(5))
                    record = Record(
                        trial, "ok", epoch=4, history=history, loss=float(rng.random()), params=315_722, build_s=0.5,
                        train_time_s=3.0, total_s=4.0, peak_memory_mib=800.0, predictions=predictions, **figures,
                    )  # fmt: skip
                    store.add_record(record)
                store.add_step_times(_times(suite.baseline, variant, conditions, provenance.machine, rng))


def _times(
    baseline: object, variant: object, conditions: Conditions, machine: str, rng: np.random.Generator
) -> StepTimes:
    pair = {"baseline": baseline, "variant": variant}
    place = {
        "fingerprint": conditions.fingerprint,
        "budget": conditions.budget,
        "environment": conditions.environment,
    }
    arms = [tuple(tuple((5 + 0.01 * rng.standard_normal(8)).tolist()) for _ in range(4)) for _ in range(3)]
    key = timing_key(**pair, sources=("", ""), machine=machine, **place)  # type: ignore[arg-type]
    return StepTimes(
        key, variant, baseline, "digits", conditions.fingerprint, conditions.budget, conditions.environment, 3,  # type: ignore[arg-type]
        *arms, flops=1e6,
    )  # fmt: skip


def measure(*arguments: str) -> tuple[float, float]:
    """Run a command; return its seconds and the most memory that any command had so far, MiB."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "harness", *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    """Make the store where it is missing, and print what the commands take."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("records", type=int)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--report", action="store_true")
    options = parser.parse_args()
    for name, records in (("start", SEEDS * SUITE_SIZE), (f"{options.records}", options.records)):
        folder = options.folder / name
        if not folder.exists():
            make(folder, records)
        seconds, memory = measure("tables", "--results", str(folder))
        print(f"tables, {records} records: {seconds:.1f} s, {memory:.0f} MiB")
    if options.report:
        seconds, memory = measure("report", "--results", str(folder))
        print(f"report, {records} records: {seconds:.0f} s, {memory:.0f} MiB")


if __name__ == "__main__":
    main()
