"""What may stand in one table: records of one suite that share dataset, budget, device and versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from harness.budgets import Budget
from harness.results import Results
from harness.results.records import Record
from harness.results.step_times import NAN, StepTimes, typical_ms
from harness.results.trials import Environment, Trial
from harness.suites import Suite
from harness.variants import Variant


@dataclass(frozen=True, eq=False)
class Group:
    """Records of one suite under equal conditions.

    Attributes:
        suite: Which baseline and variants.
        dataset: Name of the dataset; records of other content are another group.
        fingerprint: Content of the dataset.
        budget: Epochs and cap on images of every trial.
        environment: Device, backend, threads and versions of every trial.
        records: By variant, then by seed.
        step_times: By variant, against the suite's baseline, on one machine.
        machine: Which machine that is; empty without step times.
    """

    suite: Suite
    dataset: str
    fingerprint: str
    budget: Budget
    environment: Environment
    records: Mapping[Variant, Mapping[int, Record]]
    step_times: Mapping[Variant, StepTimes]
    machine: str

    @cached_property
    def baseline_ms(self) -> float:
        """The baseline's typical step: the median of what it took beside each variant; nan without step times.

        A variant's step is this times its ratio, not what its own blocks took: the machine's speed changes between one
        measurement and the next, so that a variant slower than the baseline would at times have the shorter step.
        """
        beside = [typical_ms(times.baseline_ms) for times in self.step_times.values()]
        return median(beside) if beside else NAN


def group_records(results: Results) -> list[Group]:
    """Return the groups of a results folder: suites in their order, conditions by their first record.

    Records of one variant whose `model=` source differs are conditions of their own too: the newest source counts.
    """
    conditions: dict[str, dict[Variant, dict[int, Record]]] = {}
    for record in results.records.values():
        seeds = conditions.setdefault(_condition(record.trial), {}).setdefault(record.trial.variant, {})
        older = next(iter(seeds.values()), None)
        if older is not None and older.trial.source != record.trial.source:
            seeds.clear()
        seeds[record.trial.seed] = record
    groups = []
    for suite in results.suites:
        for variants in conditions.values():
            members = {member: variants[member] for member in suite.members if member in variants}
            if members:
                groups.append(_group(suite, members, results))
    return groups


def _group(suite: Suite, members: dict[Variant, dict[int, Record]], results: Results) -> Group:
    trial = next(record.trial for seeds in members.values() for record in seeds.values())
    budgets = [record.trial.budget for seeds in members.values() for record in seeds.values()]
    machines: dict[str, dict[Variant, StepTimes]] = {}
    for times in results.step_times.values():
        if _times_belong(times, suite, trial):
            machine = results.provenances[times.key].machine
            machines.setdefault(machine, {})[times.variant] = times
    # Step times of several machines are never mixed: the last machine that measured counts.
    machine = list(machines)[-1] if machines else ""
    return Group(
        suite=suite,
        dataset=trial.dataset,
        fingerprint=trial.fingerprint,
        budget=max(budgets, key=lambda budget: budget.seeds),
        environment=trial.environment,
        records=members,
        step_times=machines.get(machine, {}),
        machine=machine,
    )


def _condition(trial: Trial) -> str:
    environment = trial.environment
    parts = (
        trial.fingerprint,
        trial.budget.label,
        trial.budget.training,
        environment.device,
        environment.backend,
    )
    return json.dumps([*parts, environment.threads, environment.versions], sort_keys=True)


def _times_belong(times: StepTimes, suite: Suite, trial: Trial) -> bool:
    mine, theirs = trial.environment, times.environment
    return (
        times.baseline == suite.baseline
        and times.variant in suite.members
        and times.fingerprint == trial.fingerprint
        and times.budget.name == trial.budget.name
        and (mine.device, mine.backend, mine.versions) == (theirs.device, theirs.backend, theirs.versions)
    )
