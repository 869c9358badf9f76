"""One variant's records against its baseline's: differences, intervals, p-values and verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from harness.comparison.columns import METRICS
from harness.comparison.shares import variant_shares
from harness.comparison.verdicts import (
    Verdict,
    accuracy_verdict,
    blocks_hint,
    seeds_hint,
    time_verdict,
)
from harness.margins import Margins as Margins
from harness.results.contents import TestSet
from harness.results.predictions import Predictions
from harness.results.records import NAN, Record
from harness.results.step_times import StepTimes
from harness.statistics import (
    TimeRatio,
    blocks_needed,
    controlled_ratio,
    seeds_needed,
)
from harness.statistics.ratios import two_way_of_shares
from harness.statistics.two_way import Effect

LEAST_SEEDS = 3

SAME_TRIAL = "the same trial as the baseline: every prediction and loss of every seed is equal"
SAME_PREDICTIONS = "no image of any seed is predicted otherwise than by the baseline: nothing to compare"
NO_PRECISION = "nothing has a probability above 0.5 in some seed: precision and recall at 0.5 say nothing"


@dataclass(frozen=True)
class Comparison:
    """A difference or ratio with its interval, corrected for the suite's number of variants.

    Attributes:
        value: The difference (fractions of 1), or the ratio of times.
        low, high: Its interval; nan where nothing can be said.
        p: Corrected; nan where nothing can be said.
        verdict: One of four words.
        hint: What would settle an unresolved one, else empty.
    """

    value: float = NAN
    low: float = NAN
    high: float = NAN
    p: float = NAN
    verdict: Verdict = Verdict.UNRESOLVED
    hint: str = ""


@dataclass(frozen=True)
class Accuracies:
    """The comparisons of one variant's predictions with the baseline's.

    Attributes:
        pairs: Seeds that both have.
        accuracy, precision, recall, macro_f1: Differences from the baseline.
    """

    pairs: int
    accuracy: Comparison = field(default_factory=Comparison)
    precision: Comparison = field(default_factory=Comparison)
    recall: Comparison = field(default_factory=Comparison)
    macro_f1: Comparison = field(default_factory=Comparison)


class Judge:
    """Judges each pair once, however many tables of a command it stands in.

    Args:
        margins: Alpha and margins of practical equality.
    """

    def __init__(self, margins: Margins) -> None:
        self.margins = margins
        self._accuracies: dict[tuple[Any, ...], tuple[Accuracies, list[Record]]] = {}
        self._times: dict[tuple[int, int], tuple[Comparison, StepTimes]] = {}

    def accuracies(
        self,
        baseline: Mapping[int, Record],
        variant: Mapping[int, Record],
        test_set: TestSet,
        *,
        comparisons: int,
        names: tuple[str, str] = ("baseline", ""),
    ) -> Accuracies:
        """Return what `judge_accuracies` says of two variants' records by seed."""
        records = [arm[seed] for arm in (baseline, variant) for seed in sorted(arm)]
        # By identity, and the records are held as long as their ids are: keys cost more than the whole judgement.
        place = (*map(id, records), len(baseline), comparisons)
        if place not in self._accuracies:
            found = judge_accuracies(
                baseline, variant, test_set, comparisons=comparisons, margins=self.margins, names=names
            )
            self._accuracies[place] = (found, records)
        return self._accuracies[place][0]

    def times(self, times: StepTimes | None, *, comparisons: int) -> Comparison:
        """Return what `judge_times` says of a variant's step times."""
        if times is None:
            return judge_times(None, comparisons=comparisons, margins=self.margins)
        place = (id(times), comparisons)
        if place not in self._times:
            self._times[place] = (judge_times(times, comparisons=comparisons, margins=self.margins), times)
        return self._times[place][0]


def judge_accuracies(
    baseline: Mapping[int, Record],
    variant: Mapping[int, Record],
    test_set: TestSet,
    *,
    comparisons: int,
    margins: Margins,
    names: tuple[str, str] = ("baseline", ""),
) -> Accuracies:
    """Compare predictions paired by seed; the two-way model over seeds and test images.

    Args:
        baseline, variant: Records by seed; only seeds where both are ok are used.
        test_set: True classes of the test images.
        comparisons: Variants of the suite, for Bonferroni.
        margins: Alpha and margins.
        names: What messages call the two.
    """
    diverged = _diverged({names[0]: baseline, names[1]: variant})
    if diverged:
        # What is left after the diverged seeds is a selection of the lucky ones: no claim, and never a win.
        return _silenced(baseline, variant, diverged)
    seeds = [seed for seed in sorted(baseline) if _usable(baseline[seed]) and _usable(variant.get(seed))]
    if not seeds:
        return Accuracies(0, *([Comparison(hint="no seed that both have")] * 4))
    equal = equality(baseline, variant)
    if equal:
        return Accuracies(len(seeds), *([Comparison(0.0, hint=equal)] * 4))
    first, second = (variant_shares(_predictions(arm, seeds), test_set) for arm in (baseline, variant))
    if len(seeds) < LEAST_SEEDS:
        missing = LEAST_SEEDS - len(seeds)
        hint = f"{missing} more seed{'s' * (missing != 1)} needed for any verdict"
        found = [Comparison(second.mean(metric) - first.mean(metric), hint=hint) for metric in METRICS]
    else:
        found = [
            _judged(two_way_of_shares(first.metrics[metric], second.metrics[metric]), comparisons, margins)
            for metric in METRICS
        ]
    accuracies = Accuracies(len(seeds), *found)
    return accuracies if first.has_precision and second.has_precision else _without_precision(accuracies)


def _predictions(records: Mapping[int, Record], seeds: Sequence[int]) -> tuple[Predictions, ...]:
    found = (records[seed].predictions for seed in seeds)
    return tuple(predictions for predictions in found if predictions is not None)


def _judged(effect: Effect, comparisons: int, margins: Margins) -> Comparison:
    interval = effect.interval(margins.alpha, comparisons)
    verdict = accuracy_verdict(interval, effect.equivalence_interval(margins.alpha, comparisons), margins.accuracy)
    hint = ""
    if verdict is Verdict.UNRESOLVED:
        hint = seeds_hint(seeds_needed(effect, margins.accuracy, margins.alpha, comparisons), effect.seeds)
    return Comparison(effect.mean, *interval, effect.p_value(comparisons), verdict, hint)


def equality(baseline: Mapping[int, Record], variant: Mapping[int, Record]) -> str:
    """Say in what another variant's trials equal the baseline's in every seed that both have; empty where they do not.

    The interval of differences that are all zero has no width, and would call the same what was never another trial,
    or what so few images cannot tell apart. One variant in two folders may well give the same bits: that is no fault.
    """
    pairs = [(one, variant[seed]) for seed, one in baseline.items() if _usable(one) and _usable(variant.get(seed))]
    others = [pair for pair in pairs if pair[0].trial.variant != pair[1].trial.variant]
    if not others or not all(_same_predictions(*pair) for pair in pairs):
        return ""
    return SAME_TRIAL if all(repr(one.loss) == repr(other.loss) for one, other in pairs) else SAME_PREDICTIONS


def judge_times(times: StepTimes | None, *, comparisons: int, margins: Margins) -> Comparison:
    """Compare step times, the claim bounded by the run's own baseline-against-baseline control."""
    if times is None:
        return Comparison(hint="not measured")
    ratio = bounded_ratio(times)
    interval = ratio.interval(margins.alpha, comparisons)
    verdict = time_verdict(interval, ratio.equivalence_interval(margins.alpha, comparisons), margins.time)
    hint = ""
    if verdict is Verdict.UNRESOLVED:
        needed = blocks_needed(ratio, margins.time, margins.alpha, comparisons)
        have = ratio.builds * ratio.blocks
        hint = "needs more than one build" if ratio.builds < 2 else blocks_hint(needed, have)
    return Comparison(ratio.ratio, *interval.exp(), ratio.p_value(comparisons), verdict, hint)


def bounded_ratio(times: StepTimes) -> TimeRatio:
    """Return variant over baseline, bounded by the control; of one build, without an interval."""
    return controlled_ratio(times.baseline_ms, times.control_ms, times.variant_ms)


def _without_precision(found: Accuracies) -> Accuracies:
    nothing = Comparison(hint=NO_PRECISION)
    return replace(found, precision=nothing, recall=replace(nothing, value=found.recall.value))


def _same_predictions(one: Record, other: Record) -> bool:
    return one.predictions is not None and other.predictions is not None and one.predictions.equals(other.predictions)


def _diverged(arms: Mapping[str, Mapping[int, Record]]) -> str:
    """Return which of two variants diverged in how many seeds, and why; empty where none did."""
    notes = []
    for name, records in arms.items():
        found = [record for record in records.values() if record.status == "diverged"]
        if found:
            notes.append(
                f"{name}{': ' if name else ''}diverged in {len(found)} of {len(records)} seeds: {found[0].message}"
            )
    return "; ".join(notes)


def _silenced(baseline: Mapping[int, Record], variant: Mapping[int, Record], reason: str) -> Accuracies:
    """Return the plain differences of the seeds that both have, without any claim."""
    both = [(baseline[s], variant[s]) for s in sorted(baseline) if _usable(baseline[s]) and _usable(variant.get(s))]

    def difference(metric: str) -> float:
        return fmean(getattr(own, metric) - getattr(base, metric) for base, own in both) if both else NAN

    return Accuracies(len(both), *(Comparison(difference(metric), hint=reason) for metric in METRICS))


def _usable(record: Record | None) -> bool:
    return record is not None and record.status == "ok" and record.predictions is not None
