"""Any two variants of one results folder, whatever suites they came from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from harness.comparison.groups import Planned, Timings, make_group
from harness.comparison.judge import Accuracies, Judge, Margins
from harness.comparison.named import meant
from harness.comparison.suite_rows import SuiteComparison, add_pareto, compare_groups, frame_of
from harness.comparison.times_across_runs import judge_relative, relative_estimate
from harness.comparison.trained import Trained, trained_variants
from harness.comparison.training_cost import training_cells
from harness.comparison.wanted import ANY, Wanted
from harness.errors import InputError
from harness.results import Results
from harness.results.step_times import StepTimes
from harness.statistics import common_looks
from harness.suites import Suite
from harness.variants import Variant

if TYPE_CHECKING:
    import pandas as pd


def compare_variants(
    results: Results,
    first: str,
    second: str,
    margins: Margins,
    wanted: Wanted = ANY,
    *,
    suite: str | None = None,
    note: Callable[[str], object] = lambda text: None,
) -> pd.DataFrame:
    """Return the comparison table of two variants of a folder, the first taken as the baseline.

    Columns and rules are those of `compare`, with one comparison to correct for. Where the two were not timed
    side by side but against one baseline on one machine, their ratio is the ratio of their ratios, with both
    measurements' uncertainty in its interval.

    A name is a label in a suite, or a variant's full name; where several suites have it, it means that of one suite
    that has both, or of `suite`.

    Raises:
        InputError: A name is unknown or means several, both are the same, or no dataset and budget has both.
    """
    one, two = meant(results, (first, second), suite)
    if one == two:
        raise InputError(f'--variants: "{first}" and "{second}" are one variant: name two different ones')
    pair = _Pair((first, one), (second, two))
    held = trained_variants(results, beside=(one, two))
    both = [trained for trained in held if one in trained.records and two in trained.records]
    if not both:
        raise InputError(f'no dataset, budget and device has results of both "{first}" and "{second}"')
    both, left_out = wanted.choose(both)
    if left_out:
        note(left_out)
    judge, timings = Judge(margins), Timings(results)
    comparisons = []
    for trained in both:
        members = {variant: trained.records[variant] for variant in (one, two)}
        looks = dict.fromkeys(members, common_looks(trained.looks[one], trained.looks[two]))
        planned = Planned(members, looks, goes_on=False, outdated=trained.outdated)
        group = make_group(pair, trained.conditions, planned, timings)
        found = compare_groups([group], results, judge)
        if two not in group.step_times and not group.outdated:
            terms: dict[str, Any] = {"comparisons": 1, "looks": looks[two], "goes_on": False}
            accuracies = judge.accuracies(members[one], members[two], results.test_set(trained.conditions), **terms)
            _add_relative_times(found[0], accuracies, trained, margins)
        comparisons += found
    return frame_of(comparisons)


class _Pair(Suite):
    """Two variants, the first the baseline, each called as it was asked for."""

    def __init__(self, first: tuple[str, Variant], second: tuple[str, Variant]) -> None:
        super().__init__(f"{second[0]} against {first[0]}", (second[1],), first[1])
        object.__setattr__(self, "_called", {variant: name for name, variant in (first, second)})

    def label(self, variant: Variant) -> str:
        called: dict[Variant, str] = self.__dict__["_called"]
        return called[variant]


def _add_relative_times(found: SuiteComparison, accuracies: Accuracies, trained: Trained, margins: Margins) -> None:
    """Fill the time cells of a group's two rows from measurements against a common third."""
    rows, (one, two) = found.rows, found.group.members
    pair = _common_times(trained, one, two)
    if pair is None:
        return
    machine, first, second = pair
    times = judge_relative(first, second, comparisons=1, margins=margins)
    step_time_ms = trained.step_time_ms((machine, first.baseline, one))
    rows[0] |= {"step_time_ms": step_time_ms, "machine": machine}
    rows[1] |= {
        "step_time_ms": step_time_ms * times.value,  # as in a suite's table: at one speed of the machine
        "step_time_ratio": times.value,
        "step_time_ci_low": times.low,
        "step_time_ci_high": times.high,
        "step_time_p": times.p,
        "step_time_verdict": str(times.verdict),
        "step_time_hint": times.hint,
        "step_time_flags": "; ".join(dict.fromkeys((*first.flags, *second.flags))),
        "machine": machine,
        **training_cells(found.group, two, relative_estimate(first, second), accuracies, margins),
    }
    add_pareto(rows)


def _common_times(trained: Trained, one: Variant, two: Variant) -> tuple[str, StepTimes, StepTimes] | None:
    """Return both variants' measurements against one baseline on one machine; the newest that fits."""
    taken = trained.step_times
    for (machine, baseline, variant), times in reversed(list(taken.items())):
        if variant == two and (machine, baseline, one) in taken:
            return machine, taken[machine, baseline, one], times
    return None
