"""The training of a job: its workers, and round after round until no row waits for another."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence, Set
from pathlib import Path

from harness.machine import usable_cores
from harness.results import load_results
from harness.results.records import Record
from harness.results.store import Store
from harness.results.trials import Trial
from harness.running.ahead import prepare_the_end
from harness.running.executor import Executor, Work
from harness.running.head_start import HeadStart
from harness.running.job import Job, worker_log
from harness.running.live import live_report
from harness.running.models import write_model_of
from harness.running.plan import Plan
from harness.running.recorder import MOST_WAITING
from harness.running.share import WHOLE


def train(
    job: Job,
    store: Store,
    *,
    notify: Callable[[Record], None],
    announce: Callable[[Plan], None] = lambda plan: None,
    stop_after_failures: int = 0,
    last_begun: Callable[[], None] = lambda: None,
    warn: Callable[[str], None] = lambda text: None,
) -> Plan:
    """Run what the plan has to do, round after round (see `run_sweep`); return the plan as it stands at the end.

    `announce` is told each round but the first before it begins. Where trials are left to do, failures stopped it.
    `last_begun` is called once, where the plan has a single round: no trial waits for a worker any more, and of this
    machine's cores one has none to run, so that what begins then makes no trial's time longer.
    `warn` is told, in another thread, what goes wrong beside the training: pages of `--live` that cannot be written.
    """
    tried: set[str] = set()
    failures = 0
    watch = _Watch(job.plan)
    todo, waits_for_last = job.plan.todo, len(job.plan.looks) == 1
    if not todo:
        return job.plan

    def note(record: Record) -> None:
        nonlocal failures
        tried.add(record.trial.key)
        failures += record.status == "failed"
        watch.see(record)
        notify(record)
        look_at_last()

    def look_at_last() -> None:
        nonlocal waits_for_last
        if waits_for_last and len(todo) - len(tried) <= min(executor.workers, usable_cores() - 1):
            waits_for_last = False
            last_begun()

    def run(trials: Sequence[Trial]) -> bool:
        return run_sweep(
            trials,
            executor=executor,
            store=store,
            scratch=job.settings.results / "keras-tuner",
            notify=note,
            finished=lambda record: write_model_of(record, job.plan.names[record.trial.variant], job.settings.results),
            # A waiting record holds its model, which a process killed meanwhile would have to train again.
            most_waiting=1 if job.settings.save_models else MOST_WAITING,
            stop_after_failures=stop_after_failures and stop_after_failures - failures,
        )

    workers = start_executor(job, sum(trial.key not in job.plan.done for trial in job.plan.possible))
    executor = HeadStart(workers)
    try:
        executor.begin(todo[: executor.workers])
        # keras-tuner imports TensorFlow, which takes seconds: beside workers that train, not beside those that start.
        executor.wait()
        from harness.running.tuner import run_sweep

        look_at_last()
        if job.settings.share == WHOLE:  # a share has no report
            prepare_the_end()
        with live_report(job.settings.results, job.settings.margins, job.settings.live_s, warn=warn):
            return run_rounds(job, run, tried, announce=announce)
    finally:
        executor.close()
        watch.note()


class _Watch:
    """Sees how long the start and the trials of a plan take, and keeps it for the plans to come on this machine."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._began = time.monotonic()
        self._start_s = 0.0
        self._took: dict[str, float] = {}

    def see(self, record: Record) -> None:
        """Take a trial that has ended just now."""
        if record.status == "ok":
            if not self._took:
                self._start_s = time.monotonic() - self._began - record.total_s
            self._took[record.trial.key] = record.total_s

    def note(self) -> None:
        """Keep what was seen."""
        if not self._took:
            return
        todo, known = self._plan.todo, self._plan.estimator
        usual = known.on_average()
        expected_s = dict(zip((trial.key for trial in todo), usual.trials_s(todo), strict=True))
        seen = expected_s.keys() & self._took.keys()
        known.speed.note("start", expected_s=usual.start_s(), took_s=self._start_s)
        known.speed.note(
            "training",
            known.training_kind,
            expected_s=sum(expected_s[key] for key in seen),
            took_s=sum(self._took[key] for key in seen),
        )


def start_executor(job: Job, most: int | None, *, checkpoints: Path | None = None) -> Executor:
    """Start the workers of a job, at most so many; `checkpoints` as of `Work`."""
    work = Work(
        job.dataset,
        job.environment,
        timeout_s=job.settings.trial_timeout_s,
        memory_mib=job.settings.trial_memory_mib,
        log=worker_log(job),
        checkpoints=checkpoints,
        gpus=job.device.gpus,
    )
    return job.engine.start(work, min(job.plan.workers, most or job.plan.workers))


def run_rounds(
    job: Job,
    run: Callable[[Sequence[Trial]], bool],
    tried: Set[str],
    *,
    announce: Callable[[Plan], None] = lambda plan: None,
) -> Plan:
    """Run round after round until no row waits for another; return the plan as it then stands.

    Args:
        job: What is to do.
        run: Runs trials, and stores their records; says whether it ran all.
        tried: Keys of the trials that it has run: it adds to them.
        announce: Told each round but the first, before it begins.
    """
    plan = job.plan
    while plan.todo:
        whole = run(plan.todo)
        plan = _looked(job, plan, frozenset(tried))
        if not whole:
            break
        if plan.todo:
            announce(plan)
    return plan


def _looked(job: Job, plan: Plan, tried: frozenset[str]) -> Plan:
    """Return the plan after a round, by what the store has; of a job that trains anew, by what it has trained."""
    if len(plan.looks) == 1:
        return job.looking.after(plan, tried, {}, None)
    results = load_results(job.settings.results, known=job.results)
    records = results.records
    if job.settings.retrain:
        records = {key: one for key, one in records.items() if key in tried}
    return job.looking.after(plan, tried, records, results)
