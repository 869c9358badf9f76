"""The main job: what is asked for, checked and planned, and what the store notes of it as it begins."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.budgets import Budget
from harness.comparison import Judge
from harness.comparison.groups import plans_of
from harness.datasets import Dataset, DatasetRef, load_dataset
from harness.datasets.facts import DatasetFacts
from harness.machine import usable_cores
from harness.results import Results, load_results
from harness.results.contents import TestSet
from harness.results.kept_models import check_models_folder
from harness.results.opening import has_store, open_store
from harness.results.planned import PlannedSuite
from harness.results.provenance import Provenance, collect_provenance
from harness.results.records import Record
from harness.results.step_times import StepTimes, timing_key
from harness.results.store import Store, keep_newest
from harness.results.trials import Environment
from harness.running.engines import choose_engine
from harness.running.executor import Engine
from harness.running.fork_server import ForkServer
from harness.running.job_settings import JobSettings
from harness.running.machine_speed import read_speed
from harness.running.models import has_model
from harness.running.plan import Plan, make_plan
from harness.running.rounds import Looking
from harness.running.share import SHARES, waiting_in_shares
from harness.running.slow_ways import slow_ways
from harness.suites import Suite, check_suites
from harness.training.devices import Device, find_device, training_environment
from harness.training.split import split_images
from harness.variants import Variant
from harness.variants.sources import source_fingerprint
from harness.wording import counted

Pair = tuple[Variant, Variant]

_FEW = 10  # test images


@dataclass(frozen=True, eq=False)
class Job:
    """A checked job: everything is known, nothing is written yet.

    Attributes:
        settings: What was asked for.
        plan: Trials to do and done.
        dataset: How workers open the data.
        warnings: What a person should know of the data.
        test_set: True labels of the test images.
        device: What trains.
        engine: Where trials run.
        server: Forks this machine's workers; None where they cannot be forked.
        environment: Of every trial.
        timing_environment: Of every step time: the same with all cores.
        provenance: This command on this machine.
        results: What the results folder holds; None where it holds nothing yet.
        declared: The suites as declared, where the plan holds a choice of their variants.
        looking: Says where its rows stand.
    """

    settings: JobSettings
    plan: Plan
    dataset: DatasetRef
    warnings: tuple[str, ...]
    test_set: TestSet
    device: Device
    engine: Engine
    server: ForkServer | None
    environment: Environment
    timing_environment: Environment
    provenance: Provenance
    results: Results | None
    declared: tuple[Suite, ...]
    looking: Looking

    @property
    def stored_times(self) -> Mapping[str, StepTimes]:
        """Step times that the store has, by key."""
        return self.results.step_times if self.results else {}

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Baseline and variant of every step time, each pair once; a baseline meets itself too."""
        return tuple(dict.fromkeys((suite.baseline, member) for suite in self.plan.suites for member in suite.members))

    @property
    def untimed(self) -> tuple[Pair, ...]:
        """The pairs that the store has no step time of, or all of them with `retime`."""
        known = {} if self.settings.retime else self.stored_times
        return tuple(pair for pair in self.pairs if self.key_of(pair) not in known)

    def key_of(self, pair: Pair) -> str:
        """Return the key of a pair's step time."""
        baseline, variant = pair
        return timing_key(
            baseline,
            variant,
            sources=sources_of(pair),
            fingerprint=self.dataset.fingerprint,
            budget=self.settings.budget,
            environment=self.timing_environment,
            machine=self.provenance.machine,
        )


def prepare(
    settings: JobSettings,
    suites: Sequence[Suite],
    *,
    declared: Sequence[Suite] = (),
    earlier: Job | None = None,
    ahead: bool = False,
) -> Job:
    """Check everything that can be checked before training, and plan.

    Args:
        settings: What a person asks for.
        suites: What to compare.
        declared: The whole suites where `suites` holds only chosen variants of them: the store notes these, and
            verdicts are corrected for their number of variants.
        earlier: A job of this process with the same settings, whose reading of the results folder, and whose server,
            serve this one too.
        ahead: Import what workers need meanwhile, where nothing is stored yet and so something will be trained.

    Raises:
        InputError: Suites, dataset, device, results folder or a variant is refused; nothing was written.
    """
    check_suites(declared or suites)
    device = find_device(settings.device)
    environment = training_environment(device)
    server = earlier.server if earlier else ForkServer.of(environment)
    if ahead and server and settings.engine.name == "local" and not has_store(settings.results):
        server.begin()
    dataset = load_dataset(settings.dataset, image_size=settings.image_size, skip_unreadable=settings.skip_unreadable)
    results = earlier.results if earlier else None
    if has_store(settings.results):
        results = load_results(settings.results, known=results)
    records, made_on = _known_records(results, settings.beside)
    engine = choose_engine(settings.engine, device, dataset.train_images.nbytes / 2**20, server)
    provenance = collect_provenance(gpus=device.gpus, driver=device.driver)
    trainer = f"{provenance.machine}; {environment.backend} on {environment.device}, {settings.engine.name}"
    looking = Looking(declared or suites, Judge(settings.margins))
    plan = make_plan(
        suites,
        DatasetFacts.of(dataset),
        settings.budget,
        environment,
        records,
        workers=engine.size(settings.workers),
        retrain=settings.retrain,
        machine=provenance.machine,
        made_on=made_on,
        speed=read_speed(trainer),
        share=settings.share,
        held=plans_of(results) if results else (),
        declared=declared,
        has_model=has_model(settings.results, settings.beside) if settings.save_models else None,
        look=partial(looking.rows, results=results),
    )
    timing_environment = training_environment(device, threads=usable_cores())
    return Job(
        settings=settings,
        plan=plan,
        dataset=DatasetRef.of(dataset),
        warnings=(
            *device.warnings,
            *dataset.warnings,
            *_few_images(dataset),
            *slow_ways(plan, device),
            *_unmerged(plan, settings),
        ),
        test_set=_test_set(dataset, settings.budget),
        device=device,
        engine=engine,
        server=server,
        environment=environment,
        timing_environment=timing_environment,
        provenance=provenance,
        results=results,
        declared=tuple(declared or suites),
        looking=looking,
    )


def begin(job: Job) -> Store:
    """Open the store for this job and note its run, suites and test labels.

    Raises:
        InputError, HarnessError: The results folder, or where models are to be kept, cannot be written.
    """
    if job.settings.save_models:
        check_models_folder(job.settings.results)
    store = open_store(job.settings.results)
    store.begin_run(job.provenance)
    if job.results and not job.results.plans:
        # An older version's runs noted no plans: what they compared stays what the tables show of it.
        store.add_plans(plans_of(job.results))
    store.add_dataset(job.dataset.fingerprint, job.dataset.origin)
    note_plan(job, store)
    store.add_test_set(job.dataset.fingerprint, job.settings.budget.max_images, job.test_set)
    return store


def as_stored(job: Job, store: Store, *, warn: Callable[[str], None]) -> Job:
    """Return a job as its store is, now that nobody else writes into it: another run may have ended since the plan.

    `warn` is told what the job as planned did not warn of.
    """
    if store.last_rows == (job.results.last_rows if job.results else (0, 0)):
        return job
    now = prepare(job.settings, job.plan.suites, declared=job.declared, earlier=job)
    for warning in now.warnings:
        if warning not in job.warnings:
            warn(warning)
    return now


def note_plan(job: Job, store: Store) -> None:
    """Note the suites of a job, and what of them it compares: a folder's tables show this."""
    for suite in job.declared:
        store.add_suite(suite)
    store.add_plans(planned_suite(job, suite) for suite in job.plan.suites)


def planned_suite(job: Job, suite: Suite) -> PlannedSuite:
    """Return what a job notes of one suite of its plan."""
    sources = {variant: trials[0].source for variant, trials in job.plan.of_suite(suite).items()}
    whole = next((one for one in job.declared if one.name == suite.name), suite)
    return PlannedSuite(whole, job.plan.conditions, job.plan.looks, sources)


def sources_of(pair: Pair) -> tuple[str, str]:
    """Return the fingerprints of the files that baseline and variant depend on, empty for none."""
    baseline, variant = pair
    return source_fingerprint(baseline) or "", source_fingerprint(variant) or ""


def worker_log(job: Job) -> Path:
    """Return the file that takes what workers and their libraries print."""
    return job.settings.results / "workers.log"


def _few_images(dataset: Dataset) -> tuple[str, ...]:
    """Say that test images are too few to tell accuracies apart."""
    images = len(dataset.test_labels)
    if images >= _FEW:
        return ()
    return (f"{counted(images, 'test image')}: one is {100 / images:.3g} points of accuracy, too much for any verdict",)


def _known_records(results: Results | None, beside: Path | None) -> tuple[Mapping[str, Record], Mapping[str, str]]:
    """Return what a results folder and the one beside it hold, and which machine made it, by key; a failure yields to a
    result.
    """
    records = dict(results.records) if results else {}
    made_on = {key: results.provenances[key].machine for key in records} if results else {}
    if beside is not None and has_store(beside):
        other = load_results(beside, history=False)
        for key, record in other.records.items():
            if keep_newest(records, record):
                made_on[key] = other.provenances[key].machine
    return records, made_on


def _unmerged(plan: Plan, settings: JobSettings) -> tuple[str, ...]:
    """Say that trials to do are done already, in the stores of shares."""
    todo = frozenset() if settings.retrain else {trial.key for trial in plan.todo}
    waiting = waiting_in_shares(settings.results, todo) if todo else 0
    if not waiting:
        return ()
    return (
        f"{waiting:,} of {counted(len(todo), 'trial')} to train {'is' if waiting == 1 else 'are'} done in "
        f"{settings.results / SHARES}: run `harness merge --results {shlex.quote(str(settings.results))}` first",
    )


def _test_set(dataset: Dataset, budget: Budget) -> TestSet:
    _, _, test = split_images(dataset, budget, seed=1)
    files = tuple(dataset.test_files[image] for image in test) if dataset.test_files else ()
    return TestSet(dataset.classes, dataset.test_labels[test], dataset.test_groups[test], files)
