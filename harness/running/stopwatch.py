"""The step times of a job: stored ones, or measured in processes of their own."""

from __future__ import annotations

import dataclasses

from harness.results.step_times import StepTimes
from harness.results.store import Store
from harness.running.job import Job, Pair, sources_of, worker_log
from harness.running.timing_processes import TimingProcesses


class Stopwatch:
    """Times pairs in processes of their own, begun at the first one that the store does not have."""

    def __init__(self, job: Job, store: Store) -> None:
        self._job = job
        self._store = store
        self._processes: TimingProcesses | None = None
        self._times = {} if job.settings.retime else dict(job.stored_times)

    def time(self, pair: Pair) -> StepTimes:
        """Return a pair's step times: stored ones, or measured now and stored.

        Raises:
            HarnessError: The variant could not be timed.
        """
        key = self._job.key_of(pair)
        if key not in self._times:
            if self._processes is None:
                self._processes = TimingProcesses(
                    self._job.dataset,
                    self._job.timing_environment,
                    self._job.settings.budget,
                    log=worker_log(self._job),
                    visible=self._job.device.gpus[0].visible if self._job.device.gpus else "",
                )
            measured = self._processes.time(*pair, key=key)
            self._times[key] = dataclasses.replace(measured, sources=sources_of(pair))
            self._store.add_step_times(self._times[key])
        return self._times[key]

    def known(self, pair: Pair) -> StepTimes | None:
        """Return a pair's step times, stored or measured; None where they are still to be measured."""
        return self._times.get(self._job.key_of(pair))

    def close(self) -> None:
        """End the process."""
        if self._processes is not None:
            self._processes.close()
