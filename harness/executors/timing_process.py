"""The process that times steps, with all cores: its own, since TensorFlow's threads cannot change once it runs."""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path

import pebble

from harness.budgets import Budget
from harness.datasets import DatasetRef
from harness.errors import HarnessError
from harness.executors.worker import WorkerSettings, run_timing, start_worker
from harness.step_times import StepTimes
from harness.timing.settings import TIMING
from harness.trials import Environment
from harness.variants import Variant

# A measurement takes seconds; this only ends one that hangs.
_TIMEOUT_S = 900.0


class TimingProcess:
    """Times pairs one after another in a process of its own; a fresh one follows after as many as its budget says."""

    def __init__(self, dataset: DatasetRef, environment: Environment, budget: Budget, *, log: Path) -> None:
        settings = WorkerSettings(environment.device, 0, dataset, tuple(sys.path), log)
        self._environment = environment
        self._budget = budget
        self._pool = pebble.ProcessPool(
            max_workers=1,
            max_tasks=TIMING[budget.name].variants_a_process,
            initializer=start_worker,
            initargs=(settings,),
            context=multiprocessing.get_context("spawn"),
        )

    def time(self, baseline: Variant, variant: Variant, *, key: str) -> StepTimes:
        """Time a variant against its baseline.

        Raises:
            HarnessError: The process died, took too long, or the variant raised while it was built or run.
        """
        arguments = (baseline, variant, self._budget, key, self._environment)
        try:
            times: StepTimes = self._pool.schedule(run_timing, args=arguments, timeout=_TIMEOUT_S).result()
        except TimeoutError:
            raise HarnessError(f"timing {variant.name} took longer than {_TIMEOUT_S:g} s and was ended") from None
        except pebble.ProcessExpired as error:
            raise HarnessError(f"timing {variant.name}: the process died (exit code {error.exitcode})") from None
        return times

    def close(self) -> None:
        """End the process."""
        self._pool.stop()
        self._pool.join()
