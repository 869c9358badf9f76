"""One run under pytest: prepares the job after collection, trains before the first item, times in each item."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from harness.comparison import Group, compare_results, group_records
from harness.datasets import Dataset, load_dataset
from harness.errors import HarnessError
from harness.gates import Gate, failed_rows, parse_gate
from harness.job import Job, Stopwatch, begin, job_results, prepare, train, write_files
from harness.progress import Progress, describe_plan
from harness.pytest_plugin.items import VariantItem
from harness.pytest_plugin.options import job_settings, option
from harness.pytest_plugin.replay import ReplayTimer, replay
from harness.records import Record
from harness.results import Results
from harness.store import Store
from harness.suites import Suite
from harness.trials import Trial
from harness.variants import Variant

if TYPE_CHECKING:
    import pandas as pd

RUN = pytest.StashKey["Run"]()
CHECKED = pytest.StashKey[Dataset]()


@dataclass(eq=False)
class Run:
    """The state of one `pytest suites --benchmark`.

    Attributes:
        job: What is to do.
        gates: Conditions that no row of this run's tables may meet.
        store: Open for writing once training began.
        stopwatch: Measures step times.
        finished: Records of this run by trial key.
        completed: Whether training ran to its end.
        failed: The rows that meet a gate, once the run has ended.
    """

    job: Job
    gates: list[Gate]
    store: Store | None = None
    stopwatch: Stopwatch | None = None
    finished: dict[str, Record] = field(default_factory=dict)
    completed: bool = False
    failed: pd.DataFrame | None = None

    def trials_of(self, variant: Variant) -> list[Trial]:
        """Return the plan's trials of a variant."""
        return [trial for trial in self.job.plan.trials if trial.variant == variant]


def prepare_run(config: pytest.Config, items: Sequence[VariantItem]) -> Run:
    """Check everything and plan; InputError where something is refused."""
    declared = list(dict.fromkeys(item.suite.name for item in items))
    suites = {item.suite.name: item.suite for item in items}
    chosen = {name: [i.variant for i in items if i.suite.name == name] for name in declared}
    selected = [_narrowed(suites[name], chosen[name]) for name in declared]
    gates = [parse_gate(text) for text in option(config, "fail-if") or []]
    run = Run(prepare(job_settings(config), selected, declared=list(suites.values())), gates)
    config.stash[RUN] = run
    return run


def train_all(run: Run, config: pytest.Config) -> None:
    """Train what the plan holds, with progress on the terminal."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    live = reporter is not None and os.environ.get("TERM", "dumb") != "dumb" and reporter.isatty

    def write(text: str) -> None:
        if reporter:
            reporter.write(text, flush=True)

    plan = run.job.plan
    write("\n")
    for warning in run.job.warnings:
        write(f"warning: {warning}\n")
    write(describe_plan(plan, timings=len(run.job.untimed)) + "\n")
    run.store = begin(run.job)
    run.stopwatch = Stopwatch(run.job, run.store)
    progress = Progress(len(plan.todo), write, live=live, expected_s=plan.seconds)

    def note(record: Record) -> None:
        run.finished[record.trial.key] = record
        progress.trial_done(record)

    try:
        run.completed = train(run.job, run.store, notify=note, stop_after_failures=config.getoption("maxfail"))
    finally:
        progress.close()


def benchmark_variant_item(item: VariantItem, fixture: Callable[[], Any], timer: ReplayTimer) -> None:
    """Fail where a trial of the variant failed, else time its steps and hand them to pytest-benchmark."""
    __tracebackhide__ = True
    run = item.config.stash[RUN]
    trials = run.trials_of(item.variant)
    failed = [run.finished[trial.key] for trial in trials if trial.key in run.finished]
    failed = [record for record in failed if record.status == "failed"]
    if failed:
        lines = [f"{record.trial.label}: {record.message}" for record in failed]
        pytest.fail(f"{len(failed)} of {len(trials)} trials failed\n" + "\n".join(dict.fromkeys(lines)), pytrace=False)
    if any(trial.key not in run.finished and trial.key not in run.job.plan.done for trial in trials):
        pytest.skip("not trained: stopped after the first failure")
    assert run.stopwatch is not None
    try:
        times = run.stopwatch.time((item.suite.baseline, item.variant))
    except HarnessError as error:
        pytest.fail(str(error), pytrace=False)
    benchmark = fixture()
    replay(benchmark, timer, [value / 1e3 for build in times.variant_ms for value in build])
    benchmark.extra_info.update(_extra_info(run, item, trials))


def check_variant_item(item: VariantItem) -> None:
    """Check that a variant builds and trains on a batch, without a sweep."""
    __tracebackhide__ = True
    config = item.config
    try:
        if CHECKED not in config.stash:
            from harness.devices import configure_process, find_device

            configure_process(find_device(option(config, "device")).kind, threads=0)
            config.stash[CHECKED] = load_dataset(option(config, "dataset"))
        from harness.training.check import check_trains

        check_trains(item.variant, config.stash[CHECKED])
    except HarnessError as error:
        pytest.fail(str(error), pytrace=False)


def finish_run(run: Run, *, partial: str) -> None:
    """Close what is open, write tables and report, and ask the gates."""
    if run.stopwatch is not None:
        run.stopwatch.close()
    if run.store is not None:
        run.store.close()
        write_files(run.job, partial=partial)
        run.failed = failed_rows(run_frame(run), run.gates)


def run_groups(run: Run, results: Results) -> list[Group]:
    """Return the groups of this run's suites under this run's conditions; the files hold all others too."""
    job = run.job
    names = {suite.name for suite in job.plan.suites}
    return [
        group
        for group in group_records(results)
        if group.suite.name in names
        and group.fingerprint == job.dataset.fingerprint
        and group.budget.label == job.settings.budget.label
        and group.environment == job.environment
    ]


def run_frame(run: Run) -> pd.DataFrame:
    """Return the comparison table of this run."""
    results = job_results(run.job)
    return compare_results(results, run_groups(run, results), run.job.settings.margins)


def _narrowed(suite: Suite, chosen: list[Variant]) -> Suite:
    """Return the suite with the chosen variants alone; its baseline runs along, chosen or not."""
    return Suite(suite.name, tuple(v for v in suite.variants if v in chosen), suite.baseline, suite.slow)


def _extra_info(run: Run, item: VariantItem, trials: list[Trial]) -> dict[str, Any]:
    records = [run.finished[trial.key] for trial in trials if trial.key in run.finished]
    return {
        "suite": item.suite.name,
        "baseline": item.suite.baseline.name,
        "dataset": run.job.dataset.name,
        "dataset_fingerprint": run.job.dataset.fingerprint,
        "budget": run.job.settings.budget.label,
        "device": run.job.environment.device,
        "accuracy": [record.accuracy for record in records if record.status == "ok"],
    }
