"""What may stand in one table: the trials of one suite under equal conditions, found as they were planned."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from statistics import median
from typing import Any

from harness.budgets import Budget
from harness.comparison.one_source import of_one_source
from harness.comparison.pairs import up_to
from harness.results import Results
from harness.results.conditions import Conditions, timing_conditions
from harness.results.planned import PlannedSuite
from harness.results.records import NAN, Record
from harness.results.step_times import StepTimes, typical_ms
from harness.suites import Suite
from harness.variants import Variant
from harness.variants.sources import source_parts

Members = Mapping[Variant, Mapping[int, Record]]
"""Records by variant, then by seed."""

Looks = tuple[int, ...]
"""The numbers of seeds at which a row is judged; one where their number is fixed."""


@dataclass(frozen=True, eq=False)
class Group:
    """Records of one suite under equal conditions.

    Attributes:
        suite: Baseline and variants as declared; verdicts are corrected for their number, shown or not.
        conditions: What all of its trials share.
        looks: At how many seeds each variant that was planned is judged, the last one the most that it was to have.
        before: At how many seeds else its trials were judged by earlier runs: each is an analysis of its own.
        records: By variant, then by seed; a variant without any is left out.
        outdated: Of variants whose results are of an older state of a file that newer rows are made of, why none is
            shown; their records are empty.
        step_times: By variant, against the suite's baseline, on one machine.
        machine: Which machine that is; empty without step times.
        baseline_ms: The baseline's typical step: the median of what it took beside each variant that was timed
            against it there, of this suite or another, so that it is the same in all tables; nan without step times.
            A variant's step is this times its ratio, not what its own blocks took: the machine's speed changes
            between one measurement and the next, so that a slower variant would at times have the shorter step.
        goes_on: Whether runs take its rows to further looks; not where others than a run's plan put it together.
    """

    suite: Suite
    conditions: Conditions
    looks: Mapping[Variant, Looks]
    before: Mapping[Variant, tuple[Looks, ...]]
    records: Members
    step_times: Mapping[Variant, StepTimes]
    machine: str
    baseline_ms: float
    goes_on: bool = True
    outdated: Mapping[Variant, str] = field(default_factory=dict)

    @property
    def members(self) -> tuple[Variant, ...]:
        """The variants that have records, the baseline first."""
        return tuple(variant for variant in self.suite.members if variant in self.records)

    @property
    def not_begun(self) -> tuple[Variant, ...]:
        """The variants that the newest run was to train and that have no record."""
        return tuple(one for one in self.suite.members if one in self.looks and one not in self.records)


@dataclass(frozen=True, eq=False)
class Timing:
    """Step times, the machine that took them, and their place among all, the newest highest."""

    place: int
    machine: str
    times: StepTimes


class Timings:
    """The step times of a results folder by conditions; those of an older way of measuring are left out."""

    def __init__(self, results: Results) -> None:
        self._found: dict[tuple[Any, ...], dict[Variant, dict[Variant, list[Timing]]]] = {}
        self._baselines_ms: dict[tuple[Any, ...], dict[tuple[str, str], float]] = {}
        for place, (key, times) in enumerate(results.step_times.items()):
            if times.is_current:
                conditions = timing_conditions(times.fingerprint, times.budget, times.environment)
                variants = self._found.setdefault(conditions, {}).setdefault(times.baseline, {})
                timing = Timing(place, results.provenances[key].machine, times)
                variants.setdefault(times.variant, []).append(timing)

    def of(self, conditions: Conditions, baseline: Variant, variant: Variant) -> list[Timing]:
        """Return what a variant took beside a baseline under these conditions, the newest last."""
        return self._found.get(conditions.timing, {}).get(baseline, {}).get(variant, [])

    def of_variant(self, conditions: Conditions, variant: Variant) -> Iterable[Timing]:
        """Return what a variant took beside any baseline under these conditions, the newest last."""
        baselines = self._found.get(conditions.timing, {}).values()
        found = chain.from_iterable(variants.get(variant, ()) for variants in baselines)
        return sorted(found, key=lambda timing: timing.place)

    def baseline_ms(self, conditions: Conditions, baseline: Variant, source: str, machine: str) -> float:
        """Return a baseline's typical step on a machine; nan where nothing was timed against it there."""
        place = (conditions.timing, baseline)
        if place not in self._baselines_ms:
            beside: dict[tuple[str, str], list[float]] = {}
            for timing in chain.from_iterable(self._found.get(conditions.timing, {}).get(baseline, {}).values()):
                mine = (timing.times.sources[0], timing.machine)
                beside.setdefault(mine, []).append(typical_ms(timing.times.baseline_ms))
            self._baselines_ms[place] = {mine: median(values) for mine, values in beside.items()}
        return self._baselines_ms[place].get((source, machine), NAN)


def group_records(results: Results, timings: Timings | None = None) -> list[Group]:
    """Return the groups of a results folder: suites in their order, conditions in the order of their first run, smoke
    budgets last.

    A group holds what was planned: the suite as it was declared when these conditions were last run, of each variant
    as many seeds as its newest run asked for, and of files that changed since, the trials of the source that this run
    meant, though they may be older than others. What a run of a part of the suite left behind an edit shows nothing
    until it is run again (`Group.outdated`). `timings` are those of the results, where they are at hand.
    """
    plans: dict[tuple[str, Conditions], list[PlannedSuite]] = {}
    for plan in plans_of(results):
        plans.setdefault((plan.suite.name, plan.conditions), []).append(plan)
    found = by_training(results)
    timings = timings or Timings(results)
    groups = []
    in_order = sorted(plans.items(), key=lambda place: place[0][1].budget.name == "smoke")
    for suite in results.suites:
        for (name, conditions), mine in in_order:
            if name == suite.name:
                newest = mine[-1]
                planned = planned_records(mine, found.get(conditions.training, {}), beside=newest.suite.members)
                members = {one: planned.records[one] for one in newest.suite.members if one in planned.records}
                if members:
                    looks = dict(planned.looks)
                    for variant in newest.sources:
                        looks.setdefault(variant, newest.looks)
                    chosen = dataclasses.replace(planned, records=members, looks=looks)
                    groups.append(make_group(newest.suite, newest.conditions, chosen, timings))
    return groups


@dataclass(frozen=True, eq=False)
class Planned:
    """What plans say of their variants, and the records of these; attributes as a Group's."""

    records: Members
    looks: Mapping[Variant, Looks]
    before: Mapping[Variant, tuple[Looks, ...]] = field(default_factory=dict)
    goes_on: bool = True
    outdated: Mapping[Variant, str] = field(default_factory=dict)


def planned_records(
    plans: Sequence[PlannedSuite],
    trained: Mapping[Variant, Mapping[str, Mapping[int, Record]]],
    *,
    beside: Collection[Variant] = (),
) -> Planned:
    """Return the records of each variant that plans name, and at how many seeds it is judged; the newest plan counts.

    Where nothing is stored yet of the source that the newest one meant, what an older one gave still stands. A
    baseline has as many seeds as the variant with the most.

    Args:
        plans: Of the same conditions, the oldest first.
        trained: Records under these conditions by variant, source and seed.
        beside: The variants that are to stand beside each other, and so be of one state of the files that they share.
    """
    chosen, older = of_one_source(plans, trained, beside)
    most = {variant: plan.seeds for variant, plan in chosen.items()}
    for plan in plans:
        baseline = plan.suite.baseline
        if baseline in most:
            most[baseline] = max([most[baseline], *(most.get(variant, 0) for variant in plan.suite.variants)])
    records = {
        variant: up_to(most[variant], of_source)
        for variant, plan in chosen.items()
        if (of_source := trained[variant][plan.sources[variant]])
    }
    return Planned(
        records=records | {variant: {} for variant in older},
        looks={variant: plan.looks for variant, plan in chosen.items()}
        | {variant: plan.looks for variant, (plan, _) in older.items()},
        before={variant: looks_before(plans, variant, plan) for variant, plan in chosen.items()},
        outdated={variant: _OUTDATED.format(changed) for variant, (_, changed) in older.items()},
    )


_OUTDATED = "trained with an older source of {}: run it again"


def looks_before(plans: Sequence[PlannedSuite], variant: Variant, newest: PlannedSuite) -> tuple[Looks, ...]:
    """Return the other looks of plans that judged the same trials of a suite's variant, each once."""
    same = (
        plan.looks
        for plan in plans
        if plan.suite.name == newest.suite.name and plan.sources.get(variant) == newest.sources[variant]
    )
    return tuple(dict.fromkeys(looks for looks in same if looks != newest.looks))


def make_group(suite: Suite, conditions: Conditions, planned: Planned, timings: Timings, *, machine: str = "") -> Group:
    """Return a group with the step times that belong to it: of one machine, and of the sources of its records.

    Without `machine`, the last one that timed one of the members counts.
    """
    members = planned.records
    sources = {variant: next(iter(records.values())).trial.source for variant, records in members.items() if records}
    taken = [
        timing
        for variant in members
        for timing in timings.of(conditions, suite.baseline, variant)
        if timing.times.sources == (sources.get(suite.baseline, timing.times.sources[0]), sources.get(variant, ""))
    ]
    newest = max(taken, key=lambda timing: timing.place, default=None)
    machine = machine or (newest.machine if newest else "")
    own = {timing.times.variant: timing.times for timing in taken if timing.machine == machine}
    source = next((times.sources[0] for times in own.values()), "")
    return Group(
        suite=suite,
        conditions=conditions,
        looks=planned.looks,
        before=planned.before,
        goes_on=planned.goes_on,
        outdated={variant: why for variant, why in planned.outdated.items() if variant in members},
        records=members,
        step_times=own,
        machine=machine if own else "",
        baseline_ms=timings.baseline_ms(conditions, suite.baseline, source, machine) if own else NAN,
    )


def plans_of(results: Results) -> Sequence[PlannedSuite]:
    """Return what runs compared; of a folder whose runs noted no plans what they must have: each newest source.

    A search that ended without a winner has withdrawn that of before: its newest plan names no source, where a run's
    names the baseline's at least. No table, comparison or export has any plan of it, until it has a winner again.
    """
    if results.plans:
        newest = {(plan.suite.name, plan.conditions): plan for plan in results.plans}
        return [plan for plan in results.plans if newest[plan.suite.name, plan.conditions].sources]
    sources: dict[Conditions, dict[Variant, str]] = {}
    of_parts: dict[Conditions, dict[tuple[str, ...], str]] = {}
    budgets: dict[Conditions, Budget] = {}
    for record in results.records.values():
        conditions = Conditions.of(record.trial)
        sources.setdefault(conditions, {})[record.trial.variant] = record.trial.source
        of_parts.setdefault(conditions, {})[source_parts(record.trial.variant)] = record.trial.source
        budget = record.trial.budget
        budgets[conditions] = max(budget, budgets.get(conditions, budget), key=lambda one: one.seeds)
    known = []
    for suite in results.suites:
        for conditions, found in sources.items():
            by_age: dict[bool, dict[Variant, str]] = {False: {}, True: {}}
            for variant in suite.members:
                if variant in found:
                    parts, source = source_parts(variant), found[variant]
                    by_age[not parts or source == of_parts[conditions][parts]][variant] = source
            # What is of an older state of a file than others is as of an earlier run.
            looks = (budgets[conditions].seeds,)
            known += [PlannedSuite(suite, conditions, looks, chosen) for chosen in by_age.values() if chosen]
    return known


def by_training(results: Results) -> dict[tuple[Any, ...], dict[Variant, dict[str, dict[int, Record]]]]:
    """Return records by what decides their bits, variant, source and seed."""
    found: dict[tuple[Any, ...], dict[Variant, dict[str, dict[int, Record]]]] = {}
    known: dict[Any, tuple[Any, ...]] = {}
    for record in results.records.values():
        trial = record.trial
        place = (trial.fingerprint, trial.budget, trial.environment, trial.recipe)
        training = known.get(place) or known.setdefault(place, Conditions.of(trial).training)
        variants = found.setdefault(training, {})
        variants.setdefault(trial.variant, {}).setdefault(trial.source, {})[trial.seed] = record
    return found
