"""The step times of a job: stored ones, or measured in processes of their own."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Sequence

from harness.errors import HarnessError
from harness.results.step_times import StepTimes
from harness.results.store import Store
from harness.running.job import Job, Pair, sources_of, worker_log
from harness.running.progress import Progress
from harness.running.timing_processes import TimingProcesses
from harness.running.worker_pool import WORKER_MEMORY_MIB

# Of a worker's memory: one that starts beside the last trials must not be what they lack.
_ROOM = 2


class Stopwatch:
    """Times pairs in processes of their own, begun at the first one that the store does not have."""

    def __init__(self, job: Job, store: Store) -> None:
        self._job = job
        self._store = store
        self._processes: TimingProcesses | None = None
        self._took: dict[Pair, float] = {}
        self._times = {} if job.settings.retime else dict(job.stored_times)

    def time(self, pair: Pair, progress: Progress) -> tuple[float, str]:
        """Time a pair whose step times are not known yet, and store them.

        Returns the seconds that took, and why it failed, with what was timed; empty where it did not.
        """
        what, trouble, began = f"step time of {self._job.plan.names[pair[1]]}", "", time.monotonic()
        try:
            self._time(pair)
        except HarnessError as error:
            trouble = str(error)
        seconds = time.monotonic() - began
        progress.piece_done(what, seconds, trouble=trouble)
        return seconds, f"{what}: {trouble}" if trouble else ""

    def _time(self, pair: Pair) -> None:
        key = self._job.key_of(pair)
        if key not in self._times:
            began = time.monotonic()
            measured = self._started().time(*pair, key=key)
            self._took[pair] = time.monotonic() - began
            self._times[key] = dataclasses.replace(measured, sources=sources_of(pair))
            self._store.add_step_times(self._times[key])

    def start(self, pairs: Sequence[Pair]) -> None:
        """Start the process that times some pairs, while the last trials run; not where that could disturb them.

        That is on a GPU, of which each process takes its part, and where there is no memory for one more. What goes
        wrong meanwhile is nothing to the trials: `time`, which then starts it, says so.
        """
        if all(self._job.key_of(pair) in self._times for pair in pairs) or self._job.device.kind != "cpu":
            return
        import psutil

        with contextlib.suppress(OSError, HarnessError):
            if psutil.virtual_memory().available > _ROOM * WORKER_MEMORY_MIB * 2**20:
                self._started().start()

    def known(self, pair: Pair) -> StepTimes | None:
        """Return a pair's step times, stored or measured; None where they are still to be measured."""
        return self._times.get(self._job.key_of(pair))

    def close(self) -> None:
        """End the process, and keep how long the step times took for the plans to come on this machine."""
        if self._processes is not None:
            self._processes.close()
        if self._took:
            estimator, conditions = self._job.plan.estimator, self._job.plan.conditions
            expected_s = estimator.on_average().timings_s(
                list(self._took), conditions.budget, conditions.environment.device
            )
            estimator.speed.note(
                "timing", conditions.budget.name, expected_s=sum(expected_s), took_s=sum(self._took.values())
            )
            self._took.clear()

    def _started(self) -> TimingProcesses:
        if self._processes is None:
            self._processes = TimingProcesses(
                self._job.dataset,
                self._job.timing_environment,
                self._job.settings.budget,
                log=worker_log(self._job),
                visible=self._job.device.gpus[0].visible if self._job.device.gpus else "",
                server=self._job.server,
            )
        return self._processes
