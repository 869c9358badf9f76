"""One results folder, sorted for a comparison beyond its suites: every variant trained under equal conditions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from harness.comparison.groups import Looks, Members, Timings, by_training, planned_records, plans_of
from harness.comparison.judge import bounded_ratio
from harness.results import Results
from harness.results.conditions import Conditions
from harness.results.planned import PlannedSuite
from harness.results.records import NAN
from harness.results.step_times import StepTimes
from harness.variants import Variant

Pair = tuple[str, Variant, Variant]
"""Machine, baseline and variant of a timing run."""


@dataclass(frozen=True, eq=False)
class Trained:
    """What one folder has of one set of conditions.

    Attributes:
        conditions: What all of its trials share.
        looks: At how many seeds each of its variants is judged, the last one the most that it was to have.
        records: By variant, then by seed.
        step_times: The newest of each machine, baseline and variant.
        baselines_ms: The baseline's typical step on a machine, as in the tables.
        order: Grows with the newest record: of two of one folder the later one counts.
        outdated: As a Group's, of variants that were to stand beside each other.
    """

    conditions: Conditions
    looks: Mapping[Variant, Looks]
    records: Members
    step_times: Mapping[Pair, StepTimes]
    baselines_ms: Mapping[Pair, float]
    order: int
    outdated: Mapping[Variant, str] = field(default_factory=dict)

    @property
    def kind(self) -> tuple[str, ...]:
        """What tables call its conditions: dataset, budget, device, backend."""
        environment = self.conditions.environment
        return self.conditions.dataset, self.conditions.budget.label, environment.device, environment.backend

    def step_time_ms(self, pair: Pair) -> float:
        """Return a variant's step as the tables show it: at one speed of the machine; nan where it is not timed."""
        if pair not in self.step_times:
            return NAN
        _, baseline, variant = pair
        # Of a baseline beside itself the ratio is a control, and no step of its own.
        return self.baselines_ms[pair] * (1 if variant == baseline else bounded_ratio(self.step_times[pair]).ratio)


def trained_variants(results: Results, *, beside: Collection[Variant] = ()) -> list[Trained]:
    """Return what a folder has, by conditions; of a variant whose files changed, what the newest run meant counts.

    `beside` names variants that are to stand beside each other, of one state of the files that they share.
    """
    order = {id(record): place for place, record in enumerate(results.records.values())}
    found, timings = by_training(results), Timings(results)
    plans: dict[Conditions, list[PlannedSuite]] = {}
    for plan in plans_of(results):
        plans.setdefault(plan.conditions, []).append(plan)
    trained = []
    for place, mine in plans.items():
        planned = planned_records(mine, found.get(place.training, {}), beside=beside)
        records = planned.records
        if not records:
            continue
        conditions = mine[-1].conditions  # equal, with the dataset's newest name
        chosen = {variant: next(iter(own.values())).trial.source for variant, own in records.items() if own}
        taken = {
            (timing.machine, timing.times.baseline, variant): timing.times
            for variant, source in chosen.items()
            for timing in timings.of_variant(conditions, variant)
            if timing.times.sources == (chosen.get(timing.times.baseline, timing.times.sources[0]), source)
        }
        trained.append(
            Trained(
                conditions,
                planned.looks,
                records,
                taken,
                {
                    pair: timings.baseline_ms(conditions, pair[1], times.sources[0], pair[0])
                    for pair, times in taken.items()
                },
                order=max(order[id(record)] for own in records.values() for record in own.values()),
                outdated=planned.outdated,
            )
        )
    return trained


def matched(
    old: Sequence[Trained], new: Sequence[Trained], *, each_images: bool = False
) -> tuple[list[tuple[Trained, Trained]], list[str]]:
    """Return what belongs together of two folders, and in words what has no match.

    One dataset and one training budget belong together; a dataset is the same by its content, else by its name. Each
    device, backend and name of a budget that `new` has is matched once: with those of its own kind where `old` has
    them, of several (as of versions) with the newest. With `each_images`, so is every set of images of one name that
    both have.
    """
    candidates = [
        (first, second)
        for second in new
        for first in old
        if first.conditions.budget.training == second.conditions.budget.training
        and (
            first.conditions.fingerprint == second.conditions.fingerprint
            or first.conditions.dataset == second.conditions.dataset
        )
    ]
    pairs: list[tuple[Trained, Trained]] = []
    for first, second in sorted(candidates, key=lambda pair: _closeness(*pair), reverse=True):
        images = second.conditions.fingerprint
        # Pairs of equal images come first: of those, another set of images of the same name is no rival.
        apart = each_images and first.conditions.fingerprint == images
        taken = any(
            first is one or (second.kind == other.kind and not (apart and other.conditions.fingerprint != images))
            for one, other in pairs
        )
        if not taken:
            pairs.append((first, second))
    pairs.sort(key=lambda pair: pair[1].order)
    known = {id(one) for pair in pairs for one in pair}
    lines = [
        f"only in {name}: {condition_label(one.conditions, old, new)}, {len(one.records)} variants"
        for name, side in (("old", old), ("new", new))
        for one in side
        if id(one) not in known
    ]
    return pairs, list(dict.fromkeys(lines))


def condition_label(conditions: Conditions, *sides: Sequence[Trained]) -> str:
    """Return what conditions are called; with the images' fingerprint where a side has others of the dataset's name."""
    for side in sides:
        held = {one.conditions.fingerprint for one in side if one.conditions.dataset == conditions.dataset}
        if len(held) > 1:
            return f"{conditions.label}, images {conditions.fingerprint[:8]}"
    return conditions.label


def _closeness(first: Trained, second: Trained) -> tuple[bool, bool, bool, bool, int, int]:
    one, two = first.conditions, second.conditions
    return (
        one.fingerprint == two.fingerprint,
        one.environment.device == two.environment.device,
        one.environment.backend == two.environment.backend,
        one.budget.label == two.budget.label,
        second.order,
        first.order,
    )
