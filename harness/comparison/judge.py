"""One variant's records against its baseline's: differences, intervals, p-values and verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from harness.budgets import BUDGETS
from harness.comparison.columns import METRICS
from harness.comparison.pairs import (
    BySeed,
    divergence,
    equality,
    predictions_of,
    seeds_of_both,
    tried,
    up_to,
)
from harness.comparison.shares import right_shares, variant_shares
from harness.comparison.standing import Standing, stand
from harness.comparison.verdicts import (
    Hint,
    Verdict,
    accuracy_verdict,
    auto_options,
    builds_hint,
    look_hint,
    look_options,
    seeds_hint,
    time_verdict,
)
from harness.margins import Margins as Margins
from harness.results.contents import TestSet
from harness.results.records import NAN, Record
from harness.results.step_times import StepTimes
from harness.statistics import (
    LEAST_SEEDS,
    TimeRatio,
    alpha_share,
    builds_needed,
    controlled_ratio,
    same_with,
    same_with_builds,
    seeds_needed,
)
from harness.statistics.effect import Effect
from harness.statistics.ratios import two_way_of_shares

ALL = Standing(0, open=False)
"""Judged once, with whatever seeds are there."""

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
        settled_by: The options of a run that would, where that is worth its time.
        leans: The verdict that it would come to, were its present value and spread the true ones; empty for none.
    """

    value: float = NAN
    low: float = NAN
    high: float = NAN
    p: float = NAN
    verdict: Verdict = Verdict.UNRESOLVED
    hint: str = ""
    settled_by: str = ""
    leans: Verdict | None = None


@dataclass(frozen=True)
class Accuracies:
    """The comparisons of one variant's predictions with the baseline's.

    Attributes:
        pairs: Seeds that both have.
        accuracy, precision, recall, macro_f1: Differences from the baseline.
        standing: At which look they were judged, and whether there will be another.
    """

    pairs: int
    accuracy: Comparison = field(default_factory=Comparison)
    precision: Comparison = field(default_factory=Comparison)
    recall: Comparison = field(default_factory=Comparison)
    macro_f1: Comparison = field(default_factory=Comparison)
    standing: Standing = ALL


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
        looks: Sequence[int] = (),
        goes_on: bool = True,
        names: tuple[str, str] = ("baseline", ""),
    ) -> Accuracies:
        """Return what `judge_accuracies` says of two variants' records by seed."""
        records = [arm[seed] for arm in (baseline, variant) for seed in sorted(arm)]
        # By identity, and the records are held as long as their ids are: keys cost more than the whole judgement.
        place = (*map(id, records), len(baseline), comparisons, tuple(looks), goes_on, names)
        if place not in self._accuracies:
            terms: dict[str, Any] = {"comparisons": comparisons, "looks": looks, "goes_on": goes_on, "names": names}
            found = judge_accuracies(baseline, variant, test_set, margins=self.margins, **terms)
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
    looks: Sequence[int] = (),
    goes_on: bool = True,
    names: tuple[str, str] = ("baseline", ""),
) -> Accuracies:
    """Compare predictions paired by seed; the two-way model over seeds and test images.

    Args:
        baseline, variant: Records by seed; only seeds where both are ok are used.
        test_set: True classes of the test images.
        comparisons: Variants of the suite, for Bonferroni.
        margins: Alpha and margins.
        looks: At how many seeds they are judged. Of several, accuracy says at which one it ends (`stand`), and the
            others are judged there, at its level too. Without any, or with one: what is there, at all of alpha.
        goes_on: Whether there will be another look where none settled it.
        names: What messages call the two.
    """
    if looks:
        baseline, variant = (up_to(looks[-1], arm) for arm in (baseline, variant))
    terms = _Terms(comparisons, margins, tuple(looks), names, goes_on)
    if len(looks) < 2:
        return _judged_at(ALL, baseline, variant, test_set, terms)

    seeds = seeds_of_both(baseline, variant)
    whole = [right_shares(predictions_of(arm, seeds), test_set) for arm in (baseline, variant)] if seeds else []

    def effect_at(look: int) -> Effect | None:
        arms = up_to(look, baseline), up_to(look, variant)
        count = len(seeds_of_both(*arms))
        if not count or divergence(dict(zip(names, arms, strict=True))) or equality(*arms):
            return None
        return two_way_of_shares(*(shares.of_first(count) for shares in whole))

    reached = [look for look in looks if look <= tried(baseline, variant)]
    standing = stand(effect_at, reached, looks, comparisons=comparisons, margins=margins)
    standing = replace(standing, open=standing.open and goes_on)
    if reached:
        return _judged_at(standing, up_to(standing.look, baseline), up_to(standing.look, variant), test_set, terms)
    hint = f"judged from {looks[0]} seeds on: {tried(baseline, variant)} are there"
    return _silenced(baseline, variant, hint, standing)


@dataclass(frozen=True)
class _Terms:
    """On what terms metrics are compared, whatever their figures."""

    comparisons: int
    margins: Margins
    looks: tuple[int, ...]
    names: tuple[str, str]
    goes_on: bool

    def share(self, standing: Standing) -> float:
        """The share of alpha at which a row is judged."""
        return alpha_share(standing.look, self.looks) if len(self.looks) > 1 else 1.0


def _judged_at(standing: Standing, baseline: BySeed, variant: BySeed, test_set: TestSet, terms: _Terms) -> Accuracies:
    diverged = divergence(dict(zip(terms.names, (baseline, variant), strict=True)))
    if diverged:
        # What is left after the diverged seeds is a selection of the lucky ones: no claim, and never a win.
        return _silenced(baseline, variant, diverged, standing)
    seeds = seeds_of_both(baseline, variant)
    if not seeds:
        return Accuracies(0, *_alike(Comparison(hint="no seed that both have")), standing)
    equal = equality(baseline, variant)
    if equal:
        return Accuracies(len(seeds), *_alike(Comparison(0.0, hint=equal)), standing)
    first, second = (variant_shares(predictions_of(arm, seeds), test_set) for arm in (baseline, variant))
    found: dict[str, Comparison] = {}
    for metric in METRICS:
        if len(seeds) < LEAST_SEEDS:
            missing = LEAST_SEEDS - len(seeds)
            hint = f"{missing} more seed{'s' * (missing != 1)} needed for any verdict"
            difference = second.mean(metric) - first.mean(metric)
            found[metric] = Comparison(difference, hint=hint, settled_by=_options_for_more(terms))
        else:
            effect = two_way_of_shares(first.metrics[metric], second.metrics[metric])
            found[metric] = _judged(effect, standing, terms, decides=metric == "accuracy")
    accuracies = Accuracies(len(seeds), **found, standing=standing)
    return accuracies if first.has_precision and second.has_precision else _without_precision(accuracies)


def _options_for_more(terms: _Terms) -> str:
    """Return the options of a run with enough seeds for a verdict: its own looks, where it has several."""
    return look_options(terms.looks[-1]) if len(terms.looks) > 1 else auto_options(LEAST_SEEDS)


def _judged(effect: Effect, standing: Standing, terms: _Terms, *, decides: bool) -> Comparison:
    """Judge one metric; `decides` says that it is the one by which rows stop."""
    margins, comparisons, share = terms.margins, terms.comparisons, terms.share(standing)
    interval = effect.interval(margins.alpha * share, comparisons)
    equivalence = effect.equivalence_interval(margins.alpha * share, comparisons)
    verdict = accuracy_verdict(interval, equivalence, margins.accuracy)
    hint = Hint("")
    needed, leans = _towards(effect, terms) if verdict is Verdict.UNRESOLVED else (None, None)
    if len(terms.looks) < 2 and verdict is Verdict.UNRESOLVED:
        hint = seeds_hint(needed, decides=decides)
    elif len(terms.looks) > 1 and verdict is Verdict.UNRESOLVED and not terms.goes_on:
        hint = Hint(f"not settled by the {standing.look} seeds at which both were judged")
    elif len(terms.looks) > 1 and decides:
        hint = look_hint(verdict, standing.look, terms.looks[-1], needed, goes_on=standing.open)
    elif len(terms.looks) > 1 and verdict is Verdict.UNRESOLVED:
        hint = Hint(f"judged at the {standing.look} seeds at which accuracy stands")
    p = min(1.0, effect.p_value(comparisons) / share)
    return Comparison(effect.mean, *interval, p, verdict, hint.text, hint.options, leans)


def _towards(effect: Effect, terms: _Terms) -> tuple[int | None, Verdict | None]:
    """Return about how many seeds would settle it at the level of the last look, and as what."""
    looks = terms.looks if len(terms.looks) > 1 else BUDGETS["full"].looks
    chances = terms.margins.accuracy, terms.margins.alpha * alpha_share(looks[-1], looks), terms.comparisons
    needed = seeds_needed(effect, *chances)
    if needed is None:
        return None, None
    if same_with(effect, needed, *chances):
        return needed, Verdict.SAME
    return needed, Verdict.BETTER if effect.mean > 0 else Verdict.WORSE


def judge_times(times: StepTimes | None, *, comparisons: int, margins: Margins) -> Comparison:
    """Compare step times, the claim bounded by the run's own baseline-against-baseline control."""
    if times is None:
        return Comparison(hint="not measured")
    ratio = bounded_ratio(times)
    interval = ratio.interval(margins.alpha, comparisons)
    verdict = time_verdict(interval, ratio.equivalence_interval(margins.alpha, comparisons), margins.time)
    hint, leans = Hint(""), None
    ratios = interval.exp()
    if verdict is Verdict.UNRESOLVED:
        chances = margins.time, margins.alpha, comparisons
        needed = builds_needed(ratio, *chances)
        hint = builds_hint(needed, ratio.builds, times.budget.name, disturbed=bool(times.flags))
        hint = hint.of_interval(*ratios)
        if needed is not None:
            same = same_with_builds(ratio, needed, *chances)
            leans = Verdict.SAME if same else Verdict.BETTER if ratio.mean < 0 else Verdict.WORSE
    p = ratio.p_value(comparisons)
    return Comparison(ratio.ratio, *ratios, p, verdict, hint.text, hint.options, leans)


def bounded_ratio(times: StepTimes) -> TimeRatio:
    """Return variant over baseline, bounded by the control; of one build, without an interval."""
    return controlled_ratio(times.baseline_ms, times.control_ms, times.variant_ms)


def _without_precision(found: Accuracies) -> Accuracies:
    nothing = Comparison(hint=NO_PRECISION)
    return replace(found, precision=nothing, recall=replace(nothing, value=found.recall.value))


def _silenced(baseline: BySeed, variant: BySeed, reason: str, standing: Standing) -> Accuracies:
    """Return the plain differences of the seeds that both have, without any claim."""
    both = [(baseline[seed], variant[seed]) for seed in seeds_of_both(baseline, variant)]

    def difference(metric: str) -> float:
        return fmean(getattr(own, metric) - getattr(base, metric) for base, own in both) if both else NAN

    found = {metric: Comparison(difference(metric), hint=reason) for metric in METRICS}
    return Accuracies(len(both), **found, standing=standing)


def _alike(found: Comparison) -> tuple[Comparison, Comparison, Comparison, Comparison]:
    return found, found, found, found
