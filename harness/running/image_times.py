"""How long an image of each variant took to train, and what of it was trained on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from harness.budgets import Budget
from harness.datasets.facts import DatasetFacts
from harness.results.records import Record
from harness.results.trials import Environment
from harness.variants import Variant


def image_times(records: Sequence[Record], facts: DatasetFacts) -> dict[Variant, float]:
    """Return seconds per image and epoch, of the variants that were trained on a dataset; all on one machine."""
    found: dict[Variant, list[tuple[float, float]]] = {}
    for record in records:
        if record.status == "ok" and record.trial.fingerprint == facts.fingerprint:
            images = images_of(record.trial.budget, facts)
            times = _settled_s(record, median) / images, _settled_s(record, min) / images
            if times[1] > 0:
                found.setdefault(record.trial.variant, []).append(times)
    # A few trials of a variant may all have been disturbed: their quickest epochs say how variants compare, and
    # all of them together how often one is.
    usual, quickest = (
        {variant: median(one[which] for one in times) for variant, times in found.items()} for which in (0, 1)
    )
    disturbed = sum(usual.values()) / sum(quickest.values()) if quickest else 1.0
    return {variant: disturbed * seconds for variant, seconds in quickest.items()}


def images_of(budget: Budget, facts: DatasetFacts) -> int:
    """Return how many images a trial sees, each as often as there are epochs."""
    return budget.epochs * min(facts.train_images, budget.max_images or facts.train_images)


def own_and_others(
    records: Mapping[str, Record], made_on: Mapping[str, str], machine: str, environment: Environment
) -> tuple[Sequence[Record], Sequence[Sequence[Record]]]:
    """Return what a machine trained with a device and backend, and what else is known: by who trained, the most alike
    first.

    Args:
        records: By key.
        made_on: Which machine made a record, by its key; one that is not named is nobody's.
        machine: Whose own records are wanted.
        environment: Its device and backend.
    """
    wanted = environment.device, environment.backend
    found: dict[tuple[str | None, tuple[str, str]], list[Record]] = {}
    for key, record in records.items():
        trained = record.trial.environment
        found.setdefault((made_on.get(key), (trained.device, trained.backend)), []).append(record)
    own = found.pop((machine, wanted), [])
    alike = sorted(found, key=lambda who: (who[1] != wanted, who[1][0] != wanted[0]))
    return own, [found[who] for who in alike]


def _settled_s(record: Record, typical: Callable[[list[float]], float]) -> float:
    """Return what a trial would have taken with a model at hand, and every epoch like its typical one."""
    seconds = record.total_s - (record.build_s if record.build_s > 0 else 0.0)
    if record.history and record.train_time_s > 0:
        epoch_s = typical([epoch.seconds for epoch in record.history])
        seconds -= record.train_time_s - epoch_s * len(record.history)
    return max(seconds, 0.0)
