"""A suite's variants against each other, each pair once: what their comparisons with the baseline do not say."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.comparison.groups import Group
from harness.comparison.judge import Comparison, Judge
from harness.comparison.times_across_runs import judge_relative
from harness.comparison.verdicts import Verdict
from harness.results.contents import TestSet
from harness.statistics import common_looks
from harness.variants import Variant

MOST_PAIRS = 200
"""Of suites with more pairs none is judged: the level of each would leave next to nothing settled."""

# Pairs are judged in squares of so many variants, so that what is computed of each is at hand for its neighbours.
_SQUARE = 4

_TURNED = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}


@dataclass(frozen=True)
class Pair:
    """Two variants of a suite, neither its baseline, the second against the first.

    Attributes:
        first, second: The variants; the first is taken as the baseline.
        accuracy: Of the difference, second less first.
        step_time: Of the ratio, second over first, by way of the suite's baseline that both were timed against.
    """

    first: Variant
    second: Variant
    accuracy: Comparison
    step_time: Comparison

    def turned(self) -> Pair:
        """Return the same pair, the first against the second."""
        return Pair(self.second, self.first, _negated(self.accuracy), _inverted(self.step_time))


def pair_count(group: Group) -> int:
    """Return how many pairs a suite's variants make, the baseline left out."""
    return math.comb(len(_paired(group)), 2)


def suite_pairs(group: Group, test_set: TestSet, judge: Judge) -> list[Pair]:
    """Return every pair of a suite's variants, each corrected for the number of pairs; none where these are too many.

    Args:
        group: As judged (`SuiteComparison.group`).
        test_set: Of its conditions.
        judge: Of the same margins as its table.
    """
    variants = _paired(group)
    count = pair_count(group)
    if count > MOST_PAIRS:
        return []
    places = sorted(
        itertools.combinations(range(len(variants)), 2), key=lambda pair: [place // _SQUARE for place in pair]
    )
    return [_judged(group, variants[one], variants[two], test_set, judge, count) for one, two in places]


def _paired(group: Group) -> list[Variant]:
    return [one for one in group.members if one != group.suite.baseline and one not in group.outdated]


def _judged(group: Group, first: Variant, second: Variant, test_set: TestSet, judge: Judge, count: int) -> Pair:
    found = judge.accuracies(
        group.records[first],
        group.records[second],
        test_set,
        comparisons=count,
        looks=common_looks(group.looks[first], group.looks[second]),
        goes_on=False,
        names=(group.suite.label(first), group.suite.label(second)),
    )
    return Pair(first, second, found.accuracy, _times(group, (first, second), judge, count))


def _times(group: Group, pair: Sequence[Variant], judge: Judge, count: int) -> Comparison:
    first, second = (group.step_times.get(variant) for variant in pair)
    if first is None or second is None:
        return judge.times(None, comparisons=count)
    return judge_relative(first, second, comparisons=count, margins=judge.margins)


def _negated(found: Comparison) -> Comparison:
    verdict = _TURNED.get(found.verdict, found.verdict)
    return replace(
        found, value=-found.value, low=-found.high, high=-found.low, verdict=verdict, leans=_turned_lean(found)
    )


def _inverted(found: Comparison) -> Comparison:
    verdict = _TURNED.get(found.verdict, found.verdict)
    low, high = (1 / end if end else math.inf for end in (found.high, found.low))
    return replace(found, value=1 / found.value, low=low, high=high, verdict=verdict, leans=_turned_lean(found))


def _turned_lean(found: Comparison) -> Verdict | None:
    return None if found.leans is None else _TURNED.get(found.leans, found.leans)
