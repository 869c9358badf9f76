"""The processes that time steps, with all cores: not the caller's, since TensorFlow's threads cannot change."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.budgets import Budget
from harness.datasets import DatasetRef
from harness.errors import HarnessError
from harness.results.step_times import StepTimes, merge_step_times
from harness.results.trials import Environment
from harness.running.fork_server import ForkServer
from harness.running.worker import WorkerSettings, run_timing
from harness.running.worker_process import WorkerDied, WorkerProcess, describe_death, prepare_log
from harness.timing.settings import TIMING
from harness.variants import Variant

# A measurement takes seconds; this only ends one that hangs.
_TIMEOUT_S = 900.0


class TimingProcesses:
    """Times pairs one after another; the budget says how many pairs a process serves, or processes a pair."""

    def __init__(
        self,
        dataset: DatasetRef,
        environment: Environment,
        budget: Budget,
        *,
        log: Path,
        visible: str = "",
        server: ForkServer | None = None,
    ) -> None:
        prepare_log(log)
        self._settings = WorkerSettings(
            environment.device, 0, dataset, tuple(sys.path), log.resolve(), visible=visible, warm=True
        )
        self._environment = environment
        self._budget = budget
        self._timing = TIMING[budget.name]
        # Several processes are to differ as programs do, in where their memory lies for one, which forks share.
        self._server = server if self._timing.processes == 1 else None
        self._process: WorkerProcess | None = None
        self._measured = 0

    def time(self, baseline: Variant, variant: Variant, *, key: str) -> StepTimes:
        """Time a variant against its baseline.

        Raises:
            HarnessError: The process died, took too long, or the variant raised while it was built or run.
        """
        return merge_step_times([self._measure(baseline, variant, key, part) for part in range(self._timing.processes)])

    def start(self) -> None:
        """Start the first process, which then waits: it imports TensorFlow for seconds, beside whatever still runs."""
        if self._process is None:
            self._process, self._measured = WorkerProcess(self._settings, server=self._server), 0

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def _measure(self, baseline: Variant, variant: Variant, key: str, part: int) -> StepTimes:
        arguments = (baseline, variant, self._budget, key, part, self._environment)
        process = self._fresh()
        try:
            times: StepTimes = process.run(run_timing, *arguments, limit_s=_TIMEOUT_S, tidy=True)
        except WorkerDied as death:
            if death.ending.limit == "time":
                raise HarnessError(f"it took longer than {_TIMEOUT_S:g} s and was ended") from None
            raise HarnessError(describe_death(death.ending)) from None
        return times

    def _fresh(self) -> WorkerProcess:
        """Return the process for one more measurement: a new one where the last has served its number or ended."""
        served = self._timing.variants_a_process
        if self._process is not None and (self._process.spent or (served and self._measured >= served)):
            self.close()
        if self._process is None:
            self._process, self._measured = WorkerProcess(self._settings, server=self._server), 0
        self._measured += 1
        return self._process
