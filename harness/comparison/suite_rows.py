"""The comparison table: a row per suite, variant and set of conditions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.comparison.chance import chance_text
from harness.comparison.columns import COLUMNS
from harness.comparison.groups import Group, group_records
from harness.comparison.judge import Accuracies, Comparison, Judge, Margins, bounded_ratio
from harness.comparison.pairs import up_to
from harness.comparison.standing import Standing
from harness.comparison.suite_cells import judged_before, row_cells
from harness.comparison.training_cost import training_cells
from harness.errors import InputError
from harness.results import Results
from harness.results.records import NAN
from harness.statistics import pareto
from harness.variants import Variant

if TYPE_CHECKING:
    import pandas as pd


_EMPTY: dict[str, Any] = dict.fromkeys(COLUMNS, NAN)


def compare(
    results: Results,
    *,
    alpha: float = 0.05,
    margin_accuracy: float | None = None,
    margin_time: float | None = None,
) -> pd.DataFrame:
    """Return the comparison table of a results folder, each suite against its own baseline.

    Args:
        results: From `load_results`.
        alpha: Chance of at least one false claim of a metric in a suite without true differences.
        margin_accuracy: Differences within it are the same for practical purposes; default 0.005.
        margin_time: The same for step times, as a fraction; default 0.02.

    Returns:
        A frame with the columns COLUMNS, a row for each suite, variant and set of conditions.

    Raises:
        InputError: The results are something else.
    """
    if not isinstance(results, Results):
        raise InputError(f"results is {results!r}: give what load_results({str(results)!r}) returns")
    defaults = Margins()
    margins = Margins(
        alpha,
        defaults.accuracy if margin_accuracy is None else margin_accuracy,
        defaults.time if margin_time is None else margin_time,
    )
    return frame_of(compare_all(results, margins))


@dataclass(frozen=True, eq=False)
class SuiteComparison:
    """A group, judged: what tables, report, gates and exports of one command share.

    Attributes:
        group: Its records, of each variant those up to the look at which it is judged.
        rows: A row per variant that has records, the baseline first; each with the columns COLUMNS.
    """

    group: Group
    rows: list[dict[str, Any]]


def compare_all(results: Results, margins: Margins) -> list[SuiteComparison]:
    """Return the comparisons of everything that a results folder holds."""
    return compare_groups(group_records(results), results, Judge(margins))


def compare_groups(groups: Sequence[Group], results: Results, judge: Judge) -> list[SuiteComparison]:
    """Return the comparisons of some groups of a results folder."""
    return list(each_comparison(groups, results, judge))


def each_comparison(groups: Iterable[Group], results: Results, judge: Judge) -> Iterator[SuiteComparison]:
    """Yield the comparisons of some groups, one after the other, for who needs their frame alone."""
    return (_compared(group, results, judge) for group in groups)


def frame_of(comparisons: Iterable[SuiteComparison]) -> pd.DataFrame:
    """Return comparisons as one frame with the columns COLUMNS."""
    import pandas as pd

    # Column by column: a mapping per row would be most of what a large table takes.
    cells: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for one in comparisons:
        for row in one.rows:
            for name, column in cells.items():
                column.append(row[name])
    return pd.DataFrame(cells)


def _compared(group: Group, results: Results, judge: Judge) -> SuiteComparison:
    suite, count = group.suite, len(group.suite.variants)
    test_set = results.test_set(group.conditions)
    baseline = group.records.get(suite.baseline, {})
    found = {
        variant: judge.accuracies(
            baseline,
            group.records[variant],
            test_set,
            comparisons=count,
            looks=group.looks[variant],
            goes_on=group.goes_on,
        )
        for variant in group.members
        if variant != suite.baseline and variant not in group.outdated
    }
    group = as_judged(group, {variant: one.standing for variant, one in found.items()})
    chosen = results.selections.get(suite.name)
    rows = []
    for variant in group.members:
        measured = group.step_times.get(variant)
        times = Comparison(hint=group.outdated.get(variant, ""))
        accuracies = found.get(variant, Accuracies(0, times, times, times, times))
        if variant in found:
            times = judge.times(measured, comparisons=count)
        note = chosen.note if chosen is not None and chosen.winner == variant != suite.baseline else ""
        step_time = bounded_ratio(measured) if measured is not None else None
        trained = training_cells(group, variant, step_time, accuracies, judge.margins)
        known = (
            row_cells(group, variant, accuracies, times)
            | trained
            | {
                "search": note,
                "near_duplicates": test_set.grouped,
                "chance": "",
                "trained_at": _newest_run(group, variant, results),
                "judged_before": judged_before(group.looks[variant], group.before.get(variant, ()), judge.margins.alpha)
                if variant in found
                else "",
            }
        )
        rows.append(_EMPTY | known)
    add_pareto(rows)
    if chance := chance_text({one: own for one, own in group.records.items() if own}, test_set, judge.margins):
        rows = [row | {"chance": chance} for row in rows]
    return SuiteComparison(group, rows)


def _newest_run(group: Group, variant: Variant, results: Results) -> str:
    """Return when the newest run of a variant's trials began; empty where that is not known."""
    keys = (record.trial.key for record in group.records[variant].values())
    return max((results.provenances[key].started_at for key in keys if key in results.provenances), default="")


def as_judged(group: Group, standings: Mapping[Variant, Standing]) -> Group:
    """Return a group with the records that its rows are judged by: the baseline's up to the furthest row's look.

    A variant may have more, of another suite or of an earlier run that went on for longer.
    """
    limits = {variant: one.look or group.looks[variant][-1] for variant, one in standings.items()}
    own = group.looks.get(group.suite.baseline, ())
    limits[group.suite.baseline] = max((*limits.values(), *(own if len(own) == 1 or not limits else ())), default=0)
    records = {variant: up_to(limits.get(variant, 0), seeds) for variant, seeds in group.records.items()}
    return replace(group, records=records)


def add_pareto(rows: list[dict[str, Any]]) -> None:
    """Say which rows are on the front of accuracy and step time; rows without a result are out of the race."""
    racing = []
    for row in rows:
        races = row["status"] in ("ok", "partial") and row["accuracy"] == row["accuracy"]
        row["pareto"] = "" if races else "no"
        racing += [row] if races else []
    timed = [row for row in racing if row["step_time_ratio"] == row["step_time_ratio"]]
    if len(timed) < 2:
        return

    def ends(name: str, own: float) -> np.ndarray[Any, Any]:
        # The baseline is the reference itself: no width.
        return np.array([own if row["variant"] == row["baseline"] else row[name] for row in timed], np.float64)

    standings = pareto(
        ends("accuracy_delta", 0.0),
        ends("accuracy_ci_low", 0.0),
        ends("accuracy_ci_high", 0.0),
        ends("step_time_ratio", 1.0),
        ends("step_time_ci_low", 1.0),
        ends("step_time_ci_high", 1.0),
    )
    for row, standing in zip(timed, standings, strict=True):
        row["pareto"] = standing
