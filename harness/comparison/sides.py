"""One results folder, sorted for a comparison: its records by dataset and budget, under one set of conditions each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from harness.budgets import Budget
from harness.results import Results
from harness.results.records import Record
from harness.results.step_times import StepTimes
from harness.results.trials import Environment
from harness.variants import Variant


@dataclass(frozen=True, eq=False)
class Side:
    """Records of one folder that share dataset, budget, device, backend, threads and versions.

    Attributes:
        dataset: Name of the dataset.
        fingerprint: Its content.
        budget: Epochs and cap on images.
        environment: Device, backend, threads and versions.
        records: By variant, then by seed.
        order: Grows with the newest record: of two sides of one folder the later one counts.
    """

    dataset: str
    fingerprint: str
    budget: Budget
    environment: Environment
    records: Mapping[Variant, Mapping[int, Record]]
    order: int

    @property
    def training(self) -> str:
        """The budget as far as it changes a trial."""
        return json.dumps(self.budget.training, sort_keys=True)


def sides_of(results: Results) -> list[Side]:
    """Return the sides of a folder. Of a variant whose own source changed, the newest source counts."""
    found: dict[str, dict[Variant, dict[int, Record]]] = {}
    newest: dict[str, int] = {}
    for place, record in enumerate(results.records.values()):
        trial, environment = record.trial, record.trial.environment
        parts = (trial.fingerprint, trial.budget.training, environment.device, environment.backend)
        key = json.dumps([*parts, environment.threads, environment.versions], sort_keys=True)
        seeds = found.setdefault(key, {}).setdefault(trial.variant, {})
        older = next(iter(seeds.values()), None)
        if older is not None and older.trial.source != trial.source:
            seeds.clear()
        seeds[trial.seed] = record
        newest[key] = place
    sides = []
    for key, variants in found.items():
        trial = next(record.trial for seeds in variants.values() for record in seeds.values())
        sides.append(
            Side(trial.dataset, trial.fingerprint, trial.budget, trial.environment, variants, order=newest[key])
        )
    return sides


def matched_sides(old: Results, new: Results) -> list[tuple[Side, Side]]:
    """Return the sides of two folders that belong together: one dataset, one budget.

    A dataset is the same by its content, else by its name. Where a folder has several sides for it, those of one
    device and backend are preferred, then the newest.
    """
    pairs = []
    taken: set[int] = set()
    olds = sides_of(old)
    keys = dict.fromkeys((side.dataset, side.training) for side in sorted(sides_of(new), key=lambda s: s.order))
    for dataset, training in keys:
        candidates = [
            (first, second)
            for second in sides_of(new)
            if (second.dataset, second.training) == (dataset, training)
            for first in olds
            if first.training == training and (first.fingerprint == second.fingerprint or first.dataset == dataset)
        ]
        if candidates:
            first, second = max(candidates, key=lambda pair: _closeness(*pair))
            if id(first) not in taken:
                taken.add(id(first))
                pairs.append((first, second))
    return pairs


def step_times_of(side: Side, results: Results) -> dict[tuple[str, Variant, Variant], StepTimes]:
    """Return the step times taken under a side's conditions, by machine, baseline and variant.

    Their threads are all of the machine's, unlike a trial's, so these are not compared.
    """
    mine = side.environment
    return {
        (results.provenances[times.key].machine, times.baseline, times.variant): times
        for times in results.step_times.values()
        if times.fingerprint == side.fingerprint
        and times.budget.name == side.budget.name
        and (times.environment.device, times.environment.backend, times.environment.versions)
        == (mine.device, mine.backend, mine.versions)
    }


def _closeness(first: Side, second: Side) -> tuple[bool, bool, bool, int, int]:
    one, two = first.environment, second.environment
    return (
        first.fingerprint == second.fingerprint,
        one.device == two.device,
        one.backend == two.backend,
        second.order,
        first.order,
    )
