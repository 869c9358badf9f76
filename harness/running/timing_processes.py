"""The processes that time steps, with all cores: not the caller's, since TensorFlow's threads cannot change."""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path

import pebble

from harness.budgets import Budget
from harness.datasets import DatasetRef
from harness.errors import HarnessError
from harness.results.step_times import StepTimes, merge_step_times
from harness.results.trials import Environment
from harness.running.worker import WorkerSettings, run_timing, start_worker
from harness.running.worker_pool import describe_death
from harness.timing.settings import TIMING
from harness.variants import Variant

# A measurement takes seconds; this only ends one that hangs.
_TIMEOUT_S = 900.0


class TimingProcesses:
    """Times pairs one after another; the budget says how many pairs a process serves, or processes a pair."""

    def __init__(
        self, dataset: DatasetRef, environment: Environment, budget: Budget, *, log: Path, visible: str = ""
    ) -> None:
        settings = WorkerSettings(environment.device, 0, dataset, tuple(sys.path), log, visible=visible)
        self._environment = environment
        self._budget = budget
        self._timing = TIMING[budget.name]
        self._pool = pebble.ProcessPool(
            max_workers=1,
            max_tasks=self._timing.variants_a_process,
            initializer=start_worker,
            initargs=(settings,),
            context=multiprocessing.get_context("spawn"),
        )

    def time(self, baseline: Variant, variant: Variant, *, key: str) -> StepTimes:
        """Time a variant against its baseline.

        Raises:
            HarnessError: The process died, took too long, or the variant raised while it was built or run.
        """
        return merge_step_times([self._measure(baseline, variant, key, part) for part in range(self._timing.processes)])

    def close(self) -> None:
        """End the process."""
        self._pool.stop()
        self._pool.join()

    def _measure(self, baseline: Variant, variant: Variant, key: str, part: int) -> StepTimes:
        arguments = (baseline, variant, self._budget, key, part, self._environment)
        try:
            times: StepTimes = self._pool.schedule(run_timing, args=arguments, timeout=_TIMEOUT_S).result()
        except TimeoutError:
            raise HarnessError(f"timing {variant.name} took longer than {_TIMEOUT_S:g} s and was ended") from None
        except pebble.ProcessExpired as error:
            raise HarnessError(f"timing {variant.name}: {describe_death(error.exitcode)}") from None
        return times
