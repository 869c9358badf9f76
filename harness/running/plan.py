"""The plan: which trials a set of suites needs, which of them are done, and about how long the rest takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from harness.budgets import Budget
from harness.datasets import Dataset
from harness.results.conditions import Conditions
from harness.results.records import Record
from harness.results.trials import Environment, Trial
from harness.suites import Suite
from harness.variants import Variant
from harness.variants.cost import epoch_work, features_work
from harness.variants.sizes import check_variant

# First guesses, for machines without any record yet: the baseline at batch 32 on one core of a 2024 server.
_SECONDS_PER_IMAGE = 0.2e-3
_SECONDS_PER_TRIAL = 1.0
_START_S = 10.0


@dataclass(frozen=True, eq=False)
class DatasetFacts:
    """What a plan needs to know of a dataset, without its images.

    Attributes:
        name: How it was named.
        fingerprint: Its content.
        classes: Names of the classes.
        input_shape: Height, width, channels.
        train_images: Their number.
    """

    name: str
    fingerprint: str
    classes: tuple[str, ...]
    input_shape: tuple[int, int, int]
    train_images: int

    @classmethod
    def of(cls, dataset: Dataset) -> DatasetFacts:
        """Return the facts of a dataset."""
        return cls(dataset.name, dataset.fingerprint, dataset.classes, dataset.input_shape, len(dataset.train_labels))


@dataclass(frozen=True, eq=False)
class Plan:
    """Trials of some suites, in the order in which they run: each suite's baseline first.

    Attributes:
        suites: What is compared.
        conditions: What all trials share.
        trials: Every trial once, however many suites need it.
        done: Keys of those that the store has.
        seconds: About how long the others take on `workers` workers.
        workers: Trials at once.
    """

    suites: tuple[Suite, ...]
    conditions: Conditions
    trials: tuple[Trial, ...]
    done: frozenset[str]
    seconds: float
    workers: int

    @property
    def todo(self) -> tuple[Trial, ...]:
        """The trials that are not done."""
        return tuple(trial for trial in self.trials if trial.key not in self.done)

    @cached_property
    def by_variant(self) -> dict[Variant, list[Trial]]:
        """The trials of each variant, in the order of their seeds."""
        found: dict[Variant, list[Trial]] = {}
        for trial in self.trials:
            found.setdefault(trial.variant, []).append(trial)
        return found

    def of_suite(self, suite: Suite) -> dict[Variant, list[Trial]]:
        """Return the trials of a suite's members, the baseline first."""
        return {variant: self.by_variant[variant] for variant in suite.members}


def make_plan(
    suites: Sequence[Suite],
    dataset: DatasetFacts,
    budget: Budget,
    environment: Environment,
    records: Mapping[str, Record],
    *,
    workers: int,
    retrain: bool = False,
) -> Plan:
    """Return the plan; a trial that failed is to do again, one that diverged is done, and with `retrain` none is.

    Raises:
        InputError: A variant's model is too small or too large for the dataset's images, or its builder is missing.
    """
    variants = dict.fromkeys(variant for suite in suites for variant in suite.members)
    conditions = Conditions(dataset.name, dataset.fingerprint, budget, environment)
    trials: list[Trial] = []
    for variant in variants:
        check_variant(variant, dataset.input_shape, len(dataset.classes))
        against = tuple(dict.fromkeys(suite.baseline for suite in suites if variant in suite.variants))
        trials += conditions.trials(variant, range(1, budget.seeds + 1), against=against)
    known = {} if retrain else records
    done = frozenset(trial.key for trial in trials if trial.key in known and known[trial.key].status != "failed")
    todo = [trial for trial in trials if trial.key not in done]
    seconds = estimate_seconds(todo, dataset, list(records.values()), workers=workers)
    return Plan(tuple(suites), conditions, tuple(trials), done, seconds, workers)


def estimate_seconds(
    trials: Sequence[Trial], dataset: DatasetFacts, records: Sequence[Record], *, workers: int
) -> float:
    """Return about how long trials take together.

    As long as others of their variant took on this dataset; where there are none, as what is known of others, or else
    the baseline's usual time, by the variant's work.
    """
    if not trials:
        return 0.0
    images = _images(trials[0].budget, dataset)
    shape = dataset.input_shape

    def work(variant: Variant) -> float:
        return epoch_work(variant, shape, len(dataset.classes))

    rates: dict[Variant, float] = {}
    for record in records:
        if record.status == "ok" and record.trial.fingerprint == dataset.fingerprint:
            rates[record.trial.variant] = record.total_s / _images(record.trial.budget, dataset)
    usual = _SECONDS_PER_IMAGE + _SECONDS_PER_TRIAL / images
    if rates:
        usual = fmean(rate / work(variant) for variant, rate in rates.items())
    total = sum(rates.get(trial.variant, usual * work(trial.variant)) * images for trial in trials)
    # What a variant took that is known has its features in it, or found them kept.
    unknown = [trial.variant for trial in trials if trial.variant not in rates]
    features = {variant.backbone: features_work(variant, shape) for variant in unknown}
    total += usual * sum(features.values()) * images / trials[0].budget.epochs
    return _START_S + total / max(1, min(workers, len(trials)))


def _images(budget: Budget, dataset: DatasetFacts) -> int:
    return budget.epochs * min(dataset.train_images, budget.max_images or dataset.train_images)
