"""Trials that do nothing, through the real plan, keras-tuner's oracle and the store: how many per second, is it flat?

python benchmarks/no_op_trials.py                     # 10 to 10,000 trials; some minutes
python benchmarks/no_op_trials.py --overhead          # what a sweep of 120 trials of 1 s, two at once, takes over 60 s
python benchmarks/no_op_trials.py --memory            # resident memory of a worker after 20 and after 200 real trials
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from harness import BASELINE, BUDGETS, Suite
from harness.results.predictions import Predictions
from harness.results.records import EpochMetrics, Record
from harness.results.trials import Trial
from harness.running.job import Job, begin, prepare
from harness.running.job_settings import JobSettings
from harness.running.progress import Progress

SEEDS = 10
SIZES = (10, 100, 1000, 10_000)
_HISTORY = (EpochMetrics(0.5, 0.6, 0.5, 0.5, 0.5, 0.6, 0.5, 0.5, 0.5),)


class Nothing:
    """An executor whose trials only wait, or take no time: a record with predictions of the usual size."""

    def __init__(self, labels: np.ndarray, *, workers: int = 1, seconds: float = 0.0) -> None:
        self.workers = workers
        self._seconds = seconds
        right = np.arange(len(labels)) % 5 > 0
        predicted = np.where(right, labels, (labels + 1) % 10).astype(np.uint16)
        self._predictions = Predictions(predicted, right.astype("u1"), right)

    def run(self, trial: Trial) -> Record:
        """Return a record once its time is over."""
        if self._seconds:
            time.sleep(self._seconds)
        figures = dict.fromkeys(("accuracy", "precision", "recall", "macro_f1"), 0.8)
        return Record(
            trial, "ok", epoch=1, history=_HISTORY, loss=0.5, total_s=0.01, predictions=self._predictions, **figures
        )

    def stop(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing runs."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--overhead", action="store_true")
    parser.add_argument("--most", type=int, default=max(SIZES))
    arguments = parser.parse_args()
    if arguments.overhead:
        return overhead()
    return memory() if arguments.memory else speed(arguments.most)


def speed(most: int) -> int:
    """Print trials per second, in wall and in processor time of this process."""
    print(f"{'trials':>7}  {'plan s':>7}  {'sweep s':>8}  {'CPU s':>7}  {'trials/s':>9}  {'per CPU s':>9}")
    for size in (one for one in SIZES if one <= most):
        plan_s, sweep_s, cpu_s = swept(size)
        line = f"{size:>7,}  {plan_s:7.2f}  {sweep_s:8.2f}  {cpu_s:7.2f}  {size / sweep_s:9.0f}  {size / cpu_s:9.0f}"
        print(line, flush=True)
    return 0


def overhead() -> int:
    """Print what a sweep takes beyond its trials."""
    _, sweep_s, cpu_s = swept(120, workers=2, seconds=1.0)
    print(f"60 s of trials took {sweep_s:.2f} s ({sweep_s / 60 - 1:+.2%}), {cpu_s:.2f} s of them this process's CPU")
    return 0 if sweep_s <= 60 * 1.01 else 1


def swept(size: int, *, workers: int = 1, seconds: float = 0.0) -> tuple[float, float, float]:
    """Sweep so many trials; return the seconds of planning and of the sweep, and this process's CPU in the sweep."""
    from harness.running.tuner import run_sweep

    with tempfile.TemporaryDirectory() as name:
        started = time.perf_counter()
        job = planned(size, Path(name))
        plan_s = time.perf_counter() - started
        progress = Progress(size, lambda text: None, live=True, plan=job.plan)
        with begin(job) as store:
            started, cpu = time.perf_counter(), time.process_time()
            run_sweep(
                job.plan.todo,
                executor=Nothing(job.test_set.labels, workers=workers, seconds=seconds),
                store=store,
                scratch=Path(name) / "scratch",
                notify=progress.trial_done,
            )
            return plan_s, time.perf_counter() - started, time.process_time() - cpu


def planned(trials: int, results: Path) -> Job:
    """Return a job of so many trials on digits."""
    seeds = min(SEEDS, trials // 2)
    variants = tuple(BASELINE.replace(l2=round(1e-6 * number, 9)) for number in range(1, trials // seeds))
    budget = BUDGETS["quick"].override(seeds=seeds)
    settings = JobSettings("digits", budget, device="cpu", results=results, workers=1)
    return prepare(settings, [Suite("many", variants, BASELINE)])


def memory() -> int:
    """Print the resident memory of one worker's process after real, small trials of many variants."""
    import psutil

    from harness.running.worker_pool import PoolExecutor

    small = BASELINE.replace(filters=(4,), dense=(8,))
    with tempfile.TemporaryDirectory() as name:
        suites = [Suite("many", tuple(small.replace(l2=round(1e-5 * n, 6)) for n in range(1, 100)), small)]
        budget = BUDGETS["smoke"].override(seeds=2)
        job = prepare(JobSettings("digits", budget, device="cpu", results=Path(name), workers=1), suites)
        executor = PoolExecutor(job.dataset, job.environment, workers=1, timeout_s=600, log=Path(name) / "log")
        taken: dict[int, float] = {}
        try:
            for count, trial in enumerate(job.plan.todo, start=1):
                record = executor.run(trial)
                assert record.status == "ok", record.message
                if count in (20, 50, 100, 150, 200):
                    family = psutil.Process().children(recursive=True)
                    taken[count] = max(one.memory_info().rss for one in family) / 2**20
                    print(f"after {count} trials ({(count + 1) // 2} variants): {taken[count]:,.0f} MiB", flush=True)
        finally:
            executor.close()
    print(f"growth from 20 to 200 trials: {taken[200] / taken[20] - 1:+.1%}")
    return 0 if taken[200] <= 1.05 * taken[20] else 1


if __name__ == "__main__":
    sys.exit(main())
