"""A job by phases: seconds on the wall, and of processor time of the command and all of its processes.

python benchmarks/phases.py                    # 4 variants of digits with step times: a minute or two
python benchmarks/phases.py --budget smoke     # one epoch: the phases around the training
"""

from __future__ import annotations

import argparse
import importlib
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import psutil


class Clock:
    """Prints what each phase took since the one before."""

    def __init__(self) -> None:
        self._at = self._now()

    def phase(self, name: str) -> None:
        """End a phase."""
        wall, cpu = self._now()
        print(f"{name:<42}{wall - self._at[0]:8.2f} s{cpu - self._at[1]:9.2f} s", flush=True)
        self._at = self._now()

    def _now(self) -> tuple[float, float]:
        usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        cpu = sum(one.ru_utime + one.ru_stime for one in usage)
        for child in psutil.Process().children(recursive=True):
            try:
                times = child.cpu_times()
            except psutil.Error:
                continue
            cpu += times.user + times.system + times.children_user + times.children_system
        return time.perf_counter(), cpu


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", choices=("smoke", "quick"), default="quick")
    parser.add_argument("--no-times", action="store_true", help="leave out the step times")
    arguments = parser.parse_args()
    print(f"{'phase':<42}{'wall':>10}{'CPU':>11}")
    clock = Clock()
    job_module, finish_module = (importlib.import_module(f"harness.running.{name}") for name in ("job", "finish"))
    from harness import BASELINE, BUDGETS, Suite
    from harness.running.stopwatch import Stopwatch

    clock.phase("import")
    suite = Suite("four", [BASELINE.replace(dropout=share) for share in (0.2, 0.3, 0.4, 0.5)])
    with tempfile.TemporaryDirectory() as name:
        results = Path(name) / "results"
        os.environ["HARNESS_CACHE"] = str(Path(name) / "cache")
        settings = job_module.JobSettings("digits", BUDGETS[arguments.budget], device="cpu", results=results)
        job = job_module.prepare(settings, [suite])
        clock.phase("prepare: device, data, plan")
        done = 0

        def note(record: object) -> None:
            nonlocal done
            done += 1
            if done == 1:
                clock.phase("until the first trial has ended")

        with job_module.begin(job) as store:
            job_module.train(job, store, notify=note)
            clock.phase(f"the other {done - 1} trials")
            if not arguments.no_times:
                stopwatch = Stopwatch(job, store)
                for place, pair in enumerate(job.pairs):
                    stopwatch.time(pair)
                    if not place:
                        clock.phase("start of a timing process, first pair")
                clock.phase(f"the other {len(job.pairs) - 1} pairs")
                stopwatch.close()
        finish_module.finish(job)
        clock.phase("tables, charts, report")
        finish_module.finish(job)
        clock.phase("the same again, nothing new")
    return 0


if __name__ == "__main__":
    sys.exit(main())
