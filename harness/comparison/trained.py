"""One results folder, sorted for a comparison beyond its suites: every variant trained under equal conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.comparison.groups import Members, Timings, by_training, plans_of
from harness.results import Results
from harness.results.conditions import Conditions
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
        seeds: How many each variant was to have.
        records: By variant, then by seed.
        step_times: The newest of each machine, baseline and variant.
        baselines_ms: The baseline's typical step on a machine, as in the tables.
        order: Grows with the newest record: of two of one folder the later one counts.
    """

    conditions: Conditions
    seeds: int
    records: Members
    step_times: Mapping[Pair, StepTimes]
    baselines_ms: Mapping[Pair, float]
    order: int

    def step_time_ms(self, pair: Pair) -> float:
        """Return a variant's step as the tables show it: at one speed of the machine; nan where it is not timed."""
        from harness.comparison.judge import bounded_ratio

        return self.baselines_ms[pair] * bounded_ratio(self.step_times[pair]).ratio if pair in self.step_times else NAN


def trained_variants(results: Results) -> list[Trained]:
    """Return what a folder has, by conditions; of a variant whose files changed, what the newest run meant counts."""
    order = {id(record): place for place, record in enumerate(results.records.values())}
    found, timings = by_training(results), Timings(results)
    sources: dict[Conditions, dict[Variant, str]] = {}
    seeds: dict[Conditions, int] = {}
    for plan in plans_of(results):
        sources.setdefault(plan.conditions, {}).update(plan.sources)
        seeds[plan.conditions] = plan.seeds
    trained = []
    for conditions, chosen in sources.items():
        variants = found.get(conditions.training, {})
        records = {
            variant: variants[variant][source]
            for variant, source in chosen.items()
            if source in variants.get(variant, {})
        }
        if not records:
            continue
        taken = {
            (timing.machine, timing.times.baseline, variant): timing.times
            for variant, source in chosen.items()
            for timing in timings.of_variant(conditions, variant)
            if timing.times.sources == (chosen.get(timing.times.baseline, timing.times.sources[0]), source)
        }
        trained.append(
            Trained(
                conditions,
                seeds[conditions],
                records,
                taken,
                {
                    pair: timings.baseline_ms(conditions, pair[1], times.sources[0], pair[0])
                    for pair, times in taken.items()
                },
                order=max(order[id(record)] for own in records.values() for record in own.values()),
            )
        )
    return trained


def matched(old: Results, new: Results) -> tuple[list[tuple[Trained, Trained]], list[str]]:
    """Return what belongs together of two folders, one dataset and one budget, and in words what has no match.

    A dataset is the same by its content, else by its name. Where a folder has several for it, those of one device,
    backend and name of the budget are preferred, then the newest.
    """
    olds, news = trained_variants(old), trained_variants(new)
    pairs: list[tuple[Trained, Trained]] = []
    for place in dict.fromkeys(_place(one) for one in sorted(news, key=lambda one: one.order)):
        candidates = [
            (first, second)
            for second in news
            if _place(second) == place
            for first in olds
            if first.conditions.budget.training == second.conditions.budget.training
            and (
                first.conditions.fingerprint == second.conditions.fingerprint
                or first.conditions.dataset == second.conditions.dataset
            )
        ]
        if candidates:
            best = max(candidates, key=lambda pair: _closeness(*pair))
            if best[0] not in [first for first, _ in pairs]:
                pairs.append(best)
    known = {_place(one) for pair in pairs for one in pair}
    lines = [
        f"only in {name}: {one.conditions.label}, {len(one.records)} variants"
        for name, side in (("old", olds), ("new", news))
        for one in side
        if _place(one) not in known
    ]
    return pairs, list(dict.fromkeys(lines))


def _place(one: Trained) -> tuple[str, str]:
    return one.conditions.dataset, str(sorted(one.conditions.budget.training.items()))


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
