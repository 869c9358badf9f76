"""The comparison table: a row per suite, variant and set of conditions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.comparison.columns import COLUMNS, METRICS
from harness.comparison.groups import Group, Looks, group_records
from harness.comparison.judge import Accuracies, Comparison, Judge, Margins, bounded_ratio
from harness.comparison.pairs import up_to
from harness.comparison.standing import Standing
from harness.comparison.training_cost import training_cells
from harness.errors import InputError
from harness.results import Results
from harness.results.records import NAN, Record
from harness.statistics import pareto
from harness.variants import Variant
from harness.wording import counted

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
        if variant != suite.baseline
    }
    group = as_judged(group, {variant: one.standing for variant, one in found.items()})
    chosen = results.selections.get(suite.name)
    rows = []
    for variant in group.members:
        measured = group.step_times.get(variant)
        accuracies, times = found.get(variant, Accuracies(0)), Comparison()
        if variant in found:
            times = judge.times(measured, comparisons=count)
        note = chosen.note if chosen is not None and chosen.winner == variant != suite.baseline else ""
        step_time = bounded_ratio(measured) if measured is not None else None
        trained = training_cells(group, variant, step_time, accuracies, judge.margins)
        known = (
            _row(group, variant, accuracies, times)
            | trained
            | {
                "search": note,
                "near_duplicates": test_set.grouped,
                "judged_before": _analyses(group.looks[variant], group.before.get(variant, ()), judge.margins.alpha)
                if variant in found
                else "",
            }
        )
        rows.append(_EMPTY | known)
    add_pareto(rows)
    return SuiteComparison(group, rows)


def as_judged(group: Group, standings: Mapping[Variant, Standing]) -> Group:
    """Return a group with the records that its rows are judged by: the baseline's up to the furthest row's look.

    A variant may have more, of another suite or of an earlier run that went on for longer.
    """
    limits = {variant: one.look or group.looks[variant][-1] for variant, one in standings.items()}
    own = group.looks.get(group.suite.baseline, ())
    limits[group.suite.baseline] = max((*limits.values(), *(own if len(own) == 1 or not limits else ())), default=0)
    records = {variant: up_to(limits[variant], seeds) for variant, seeds in group.records.items()}
    return replace(group, records=records)


def _analyses(looks: Looks, before: Sequence[Looks], alpha: float) -> str:
    """Say that other looks judged the same trials before; empty where none did."""
    if not before:
        return ""
    old = ", ".join(looks_text(one) for one in before)
    most = min(1.0, alpha * (len(before) + 1))
    return (
        f"judged before by other looks ({old}; now {looks_text(looks)}): a further analysis of the same trials; "
        f"together they may be wrong in {most:.0%} of suites"
    )


def looks_text(looks: Looks) -> str:
    """Return how people call looks.

    >>> looks_text((5,)), looks_text((5, 8, 12, 18, 30))
    ('5 seeds', 'auto up to 30 seeds')
    """
    return f"{'auto up to ' * (len(looks) > 1)}{counted(looks[-1], 'seed')}"


def _row(group: Group, variant: Variant, accuracies: Accuracies, times: Comparison) -> dict[str, Any]:
    is_baseline = variant == group.suite.baseline
    records, conditions, looks = group.records[variant], group.conditions, group.looks[variant]
    good = [record for record in records.values() if record.status == "ok"]
    peaks = [record.peak_memory_mib for record in good if not math.isnan(record.peak_memory_mib)]
    standing = accuracies.standing
    status, message = status_of(records.values(), _expected(group, variant, standing))
    if status == "ok" and standing.open:
        status, message = "partial", accuracies.accuracy.hint
    row: dict[str, Any] = {
        "suite": group.suite.name,
        "variant": group.suite.label(variant),
        "baseline": group.suite.label(group.suite.baseline),
        "changed": variant.name_beside(group.suite.baseline),
        "full_name": variant.name,
        "dataset": conditions.dataset,
        "budget": conditions.budget.label,
        "device": conditions.environment.device,
        "backend": conditions.environment.backend,
        "precision_policy": variant.precision_policy,
        "seeds": len(good),
        "looks": ", ".join(map(str, looks)),
        "epoch": median(record.epoch for record in good) if good else NAN,
        "params": next((record.params for record in good), NAN),
        "accuracy_std": stdev(record.accuracy for record in good) if len(good) > 1 else NAN,
        "train_time_s": median(record.train_time_s for record in good) if good else NAN,
        "peak_memory_mib": median(peaks) if peaks else NAN,
        "features_s": _features_s(variant, good),
        "head_only": _head_only(variant, good),
        "status": status,
        "message": message,
        "fingerprint": conditions.fingerprint,
        "versions": " ".join(f"{name}-{version}" for name, version in conditions.environment.versions),
        "threads": conditions.environment.threads,
        "recipe": conditions.recipe,
        "machine": group.machine,
    }
    for name in METRICS:
        row[name] = _mean(group, variant, name, getattr(accuracies, name))
        row |= _comparison_cells(name, getattr(accuracies, name), is_baseline)
    row |= _comparison_cells("step_time", times, is_baseline)
    row["step_time_ratio"] = 1.0 if is_baseline else times.value
    return row | _time_cells(group, variant, row["step_time_ratio"])


def _features_s(variant: Variant, records: Sequence[Record]) -> float:
    """Return how long the features took that a head trains on: those of all seeds, where each seed has its own."""
    known = [record.features_s for record in records if not math.isnan(record.features_s)]
    if not variant.reuses_features or not known:
        return NAN
    return max(known) if variant.weights else math.fsum(known)


def _head_only(variant: Variant, records: Sequence[Record]) -> str:
    """Say that a step is the head's alone, and what the features took that it trains on; empty where it is not so."""
    if not variant.reuses_features:
        return ""
    seconds = _features_s(variant, records)
    took = "; how long that took is not recorded"
    if not math.isnan(seconds):
        took = f", in {seconds:.3g} s{'' if variant.weights else ' together'}"
    whose = "once" if variant.weights else "once per seed"
    return f"step and training are the head's alone, on features that the frozen backbone computed {whose}{took}"


def _expected(group: Group, variant: Variant, standing: Standing) -> int:
    """Return how many seeds a variant is to have where it stands."""
    if len(group.looks[variant]) == 1:
        return group.looks[variant][0]
    return standing.look or len(group.records[variant])


def _mean(group: Group, variant: Variant, metric: str, found: Comparison) -> float:
    """Return the mean of a metric over a variant's seeds.

    Where the baseline has other seeds it is the baseline's mean plus their difference over the seeds that both have,
    so that the figures of a table add up: seeds differ, and the luck of those that are missing would be in it.
    """
    own, baseline = (_values(group.records.get(one, {}), metric) for one in (variant, group.suite.baseline))
    if not own:
        return NAN
    if own.keys() == baseline.keys() or math.isnan(found.value) or not baseline:
        return fmean(own.values())
    return min(max(fmean(baseline.values()) + found.value, 0.0), 1.0)


def _values(records: Mapping[int, Record], metric: str) -> dict[int, float]:
    return {seed: getattr(record, metric) for seed, record in records.items() if record.status == "ok"}


def status_of(records: Iterable[Record], seeds: int) -> tuple[str, str]:
    """Return a variant's state in one word, and why: ok, partial, diverged or failed.

    Args:
        records: Its records.
        seeds: How many it was to have.
    """
    found = list(records)
    by_status = {name: [r for r in found if r.status == name] for name in ("ok", "diverged", "failed")}
    if by_status["diverged"]:
        first = by_status["diverged"][0]
        return "diverged", f"diverged in {len(by_status['diverged'])} of {len(found)} seeds: {first.message}"
    if by_status["failed"]:
        return ("partial" if by_status["ok"] else "failed"), by_status["failed"][0].message
    if len(by_status["ok"]) < seeds:
        return "partial", f"{len(by_status['ok'])} of {seeds} seeds"
    return "ok", ""


def _comparison_cells(name: str, found: Comparison, is_baseline: bool) -> dict[str, Any]:
    return {
        f"{name}_delta": 0.0 if is_baseline else found.value,
        f"{name}_ci_low": found.low,
        f"{name}_ci_high": found.high,
        f"{name}_p": found.p,
        f"{name}_verdict": "" if is_baseline else str(found.verdict),
        f"{name}_hint": "" if is_baseline else found.hint,
        f"{name}_leans": "" if is_baseline else str(found.leans or ""),
        # Not with a dash first, which a spreadsheet takes for a formula.
        f"{name}_settled_by": "" if is_baseline or not found.settled_by else f"add {found.settled_by}",
    }


def _time_cells(group: Group, variant: Variant, ratio: float) -> dict[str, Any]:
    step_time_ms = group.baseline_ms * ratio
    cells: dict[str, Any] = {"step_time_ms": step_time_ms, "images_per_s": variant.batch_size / step_time_ms * 1e3}
    measured = group.step_times.get(variant)
    if measured is None:
        # A baseline that was not timed against itself, as under `-k`: its step stands beside every variant's.
        return cells | {"step_time_flags": ""}
    return cells | {
        "flops": measured.flops,
        "predict_time_ms": measured.predict_one_ms,
        "predict_batch_time_ms": measured.predict_batch_ms,
        "build_s": measured.build_s,
        "first_step_s": measured.first_step_s,
        "gemm_share": measured.gemm_share,
        "step_time_flags": "" if variant == group.suite.baseline else "; ".join(measured.flags),
    }


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
