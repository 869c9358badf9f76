"""Two arms' records paired by seed: which of them can be compared, and what stands against it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from harness.results.predictions import Predictions
from harness.results.records import Record

BySeed = Mapping[int, Record]

SAME_TRIAL = "the same trial as the baseline: every prediction and loss of every seed is equal"
SAME_PREDICTIONS = "no image of any seed is predicted otherwise than by the baseline: nothing to compare"


def up_to(seeds: int, records: BySeed) -> BySeed:
    """Return the records of the first so many seeds."""
    return {seed: one for seed, one in records.items() if seed <= seeds}


def tried(baseline: BySeed, variant: BySeed) -> int:
    """Return up to which seed both have tried all, failed trials counted."""
    both = baseline.keys() & variant.keys()
    return next(seed for seed in itertools.count(1) if seed not in both) - 1


def seeds_of_both(baseline: BySeed, variant: BySeed) -> list[int]:
    """Return the seeds of which both have predictions."""
    return [seed for seed in sorted(baseline) if _usable(baseline[seed]) and _usable(variant.get(seed))]


def predictions_of(records: BySeed, seeds: Sequence[int]) -> tuple[Predictions, ...]:
    """Return the predictions of some seeds that have them."""
    found = (records[seed].predictions for seed in seeds)
    return tuple(predictions for predictions in found if predictions is not None)


def equality(baseline: BySeed, variant: BySeed) -> str:
    """Say in what another variant's trials equal the baseline's in every seed that both have; empty where they do not.

    The interval of differences that are all zero has no width, and would call the same what was never another trial,
    or what so few images cannot tell apart. One variant in two folders may well give the same bits: that is no fault.
    """
    pairs = [(baseline[seed], variant[seed]) for seed in seeds_of_both(baseline, variant)]
    others = [pair for pair in pairs if pair[0].trial.variant != pair[1].trial.variant]
    if not others or not all(_same_predictions(*pair) for pair in pairs):
        return ""
    return SAME_TRIAL if all(repr(one.loss) == repr(other.loss) for one, other in pairs) else SAME_PREDICTIONS


def divergence(arms: Mapping[str, BySeed]) -> str:
    """Return which of two variants diverged in how many seeds, and why; empty where none did."""
    notes = []
    for name, records in arms.items():
        found = [record for record in records.values() if record.status == "diverged"]
        if found:
            notes.append(
                f"{name}{': ' if name else ''}diverged in {len(found)} of {len(records)} seeds: {found[0].message}"
            )
    return "; ".join(notes)


def _same_predictions(one: Record, other: Record) -> bool:
    return one.predictions is not None and other.predictions is not None and one.predictions.equals(other.predictions)


def _usable(record: Record | None) -> bool:
    return record is not None and record.status == "ok" and record.predictions is not None
