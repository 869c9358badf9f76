"""Any two variants of a suite on the page: few figures of each, their difference with its interval and verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from harness.charts import ClassAccuracy, class_accuracies
from harness.comparison import Group, Judge, SuiteComparison
from harness.comparison.judge import Comparison
from harness.comparison.suite_pairs import Pair, pair_count, suite_pairs
from harness.results.contents import TestSet
from harness.statistics import common_looks
from harness.tables import cell_text, full_text
from harness.tables.cells import interval_text
from harness.tables.numbers import interval_decimals, points

# Rows of a pair's table: what stands on the left, the columns of either variant, and of their comparison.
FIGURES = (
    ("accuracy, %", "accuracy", "accuracy_delta"),
    ("step time, ms", "step_time_ms", "step_time_ratio"),
    ("parameters", "params", ""),
    ("epochs to the baseline's accuracy", "epochs_to_baseline", ""),
    ("training cost, x baseline", "training_cost_ratio", ""),
)
_COMPARED = {"accuracy_delta": "points", "step_time_ratio": "x"}
# With more pairs times classes their judgement would take as long as all the rest of the page.
_MOST_CLASS_PAIRS = 3000
_MOST_CLASSES = 5

Cell = Sequence[str]
"""A comparison: its text, verdict and interval."""


def pairs_data(comparison: SuiteComparison, test_set: TestSet, judge: Judge) -> dict[str, Any]:
    """Return what the page's script shows of a suite's pairs.

    Returns:
        `members`: of each variant its figures as texts, in the order of FIGURES; `pairs`: by "i-j" of member j against
        member i, a cell per compared figure and a list of classes that clearly differ. A pair that was not judged is
        not there.
    """
    group, rows = comparison.group, comparison.rows
    places = {variant: place for place, variant in enumerate(group.members)}
    cells: dict[str, Any] = {}
    baseline = places.get(group.suite.baseline)
    if baseline is not None:
        for place, row in enumerate(rows):
            if place != baseline:
                accuracy, step_time = (_of_row(row, name) for name in ("accuracy", "step_time"))
                pair = Pair(group.suite.baseline, group.members[place], accuracy, step_time)
                _add(cells, places, rows, pair, [])
    for pair in suite_pairs(group, test_set, judge):
        _add(cells, places, rows, pair, _classes(group, pair, test_set, judge))
    return {"members": [[full_text(row, own) for _, own, _ in FIGURES] for row in rows], "pairs": cells}


def _of_row(row: Mapping[Any, Any], name: str) -> Comparison:
    value = row["accuracy_delta" if name == "accuracy" else f"{name}_ratio"]
    ends = (row[f"{name}_{end}"] for end in ("ci_low", "ci_high", "p", "verdict", "hint"))
    return Comparison(value, *ends)


def _add(
    cells: dict[str, Any],
    places: Mapping[Any, int],
    rows: Sequence[Mapping[Any, Any]],
    pair: Pair,
    classes: Sequence[ClassAccuracy],
) -> None:
    for one, sign in ((pair, 1), (pair.turned(), -1)):
        found = [
            _cell(one.accuracy, "accuracy", "delta", rows[places[one.first]]["accuracy"]),
            _cell(one.step_time, "step_time", "ratio"),
        ]
        cells[f"{places[one.first]}-{places[one.second]}"] = [*found, [_class(item, sign) for item in classes]]


def _cell(found: Comparison, name: str, ending: str, other: float = math.nan) -> Cell:
    """Return the cell of a comparison; `other` is what it is compared with."""
    if math.isnan(found.value):
        return found.hint, "", ""
    column = f"{name}_{ending}"
    row = {column: found.value, f"{name}_ci_low": found.low, f"{name}_ci_high": found.high, f"{name}_old": other}
    why = found.hint if math.isnan(found.low) else interval_text(row, column)
    return f"{cell_text(row, column)} {_COMPARED[column]}", str(found.verdict), why


def _classes(group: Group, pair: Pair, test_set: TestSet, judge: Judge) -> list[ClassAccuracy]:
    """Return the classes whose accuracies clearly differ, the largest difference first."""
    count = pair_count(group)
    if math.isnan(pair.accuracy.low) or count * len(test_set.classes) > _MOST_CLASS_PAIRS:
        return []
    first, second = (group.records[variant].values() for variant in (pair.first, pair.second))
    # At any of its looks the pair may have ended.
    looks = common_looks(group.looks[pair.first], group.looks[pair.second])
    alpha = judge.margins.alpha / (count * len(looks))
    found = class_accuracies(second, test_set.labels, test_set.classes, baseline=first, alpha=alpha)
    clear = [one for one in found if one.delta_low > 0 or one.delta_high < 0]
    return sorted(clear, key=lambda one: -abs(one.delta))[:_MOST_CLASSES]


def _class(one: ClassAccuracy, sign: int) -> str:
    low, high = sorted((sign * one.delta_low, sign * one.delta_high))
    decimals = interval_decimals(low * 100, high * 100, least=0, most=2, equal=0.0)
    delta, least, most = (points(value, decimals) for value in (sign * one.delta, low, high))
    return f"{one.name} {delta} [{least}, {most}]"
