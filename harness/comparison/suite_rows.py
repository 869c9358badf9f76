"""The comparison table: a row a suite, variant and set of conditions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.comparison.columns import COLUMNS
from harness.comparison.groups import Group, group_records
from harness.comparison.judge import Accuracies, Comparison, Margins, judge_accuracies, judge_times
from harness.results import Results
from harness.results.records import Record
from harness.results.step_times import StepTimes
from harness.statistics import pareto
from harness.variants import Variant

if TYPE_CHECKING:
    import pandas as pd

NAN = float("nan")


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
        alpha: Chance of at least one false claim in a suite without true differences.
        margin_accuracy: Differences within it are the same for practical purposes; default 0.005.
        margin_time: The same for step times, as a fraction; default 0.02.

    Returns:
        A frame with the columns COLUMNS, a row for each suite, variant and set of conditions.
    """
    defaults = Margins()
    margins = Margins(
        alpha,
        defaults.accuracy if margin_accuracy is None else margin_accuracy,
        defaults.time if margin_time is None else margin_time,
    )
    return compare_results(results, group_records(results), margins)


def compare_results(results: Results, groups: Sequence[Group], margins: Margins) -> pd.DataFrame:
    """Return the comparison table of some groups."""
    import pandas as pd

    rows = [row for group in groups for row in group_rows(group, results, margins)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def group_rows(group: Group, results: Results, margins: Margins) -> list[dict[str, Any]]:
    """Return the rows of one group, the baseline first."""
    suite = group.suite
    count = len(suite.variants)
    test_set = results.test_sets[group.fingerprint, group.budget.max_images]
    baseline = group.records.get(suite.baseline, {})
    rows = []
    for variant in suite.members:
        if variant not in group.records:
            continue
        records = group.records[variant]
        accuracies, times = Accuracies(0), Comparison()
        if variant != suite.baseline:
            accuracies = judge_accuracies(
                baseline, records, test_set.labels, len(test_set.classes), comparisons=count, margins=margins
            )
            times = judge_times(group.step_times.get(variant), comparisons=count, margins=margins)
        chosen = results.selections.get(suite.name)
        note = chosen.note if chosen is not None and chosen.winner == variant != suite.baseline else ""
        known = _row(group, variant, records, accuracies, times) | {"search": note}
        rows.append(dict.fromkeys(COLUMNS, NAN) | known)
    add_pareto(rows)
    return rows


def _row(
    group: Group,
    variant: Variant,
    records: dict[int, Record] | Any,
    accuracies: Accuracies,
    times: Comparison,
) -> dict[str, Any]:
    is_baseline = variant == group.suite.baseline
    good = [record for record in records.values() if record.status == "ok"]
    peaks = [record.peak_memory_mib for record in good if not math.isnan(record.peak_memory_mib)]
    status, message = _status(records.values(), group)
    accuracy = accuracies.accuracy
    if status == "diverged":
        # What is left after the diverged seeds is a selection of the lucky ones: no claim, and never a win.
        accuracy = Comparison(accuracy.value, hint=message)
    measured = _step_times_of(variant, group)
    row: dict[str, Any] = {
        "suite": group.suite.name,
        "variant": variant.name,
        "baseline": group.suite.baseline.name,
        "dataset": group.dataset,
        "budget": group.budget.label,
        "device": group.environment.device,
        "backend": group.environment.backend,
        "precision_policy": variant.precision_policy,
        "seeds": len(good),
        "epoch": median(record.epoch for record in good) if good else NAN,
        "params": next((record.params for record in good), NAN),
        "flops": measured.flops if measured else NAN,
        "accuracy_std": stdev(record.accuracy for record in good) if len(good) > 1 else NAN,
        "train_time_s": median(record.train_time_s for record in good) if good else NAN,
        "peak_memory_mib": median(peaks) if peaks else NAN,
        "status": status,
        "message": message,
        "fingerprint": group.fingerprint,
        "versions": " ".join(f"{name}-{version}" for name, version in group.environment.versions),
        "threads": group.environment.threads,
        "machine": group.machine,
    }
    for name in ("accuracy", "precision", "recall", "macro_f1"):
        row[name] = fmean(getattr(record, name) for record in good) if good else NAN
        found = accuracy if name == "accuracy" else getattr(accuracies, name)
        row |= _comparison_cells(name, found, is_baseline)
    row |= _comparison_cells("step_time", times, is_baseline)
    row["step_time_ratio"] = 1.0 if is_baseline else times.value
    return row | _time_cells(measured, variant, group.baseline_ms * row["step_time_ratio"], is_baseline)


def _comparison_cells(name: str, found: Comparison, is_baseline: bool) -> dict[str, Any]:
    return {
        f"{name}_delta": 0.0 if is_baseline else found.value,
        f"{name}_ci_low": found.low,
        f"{name}_ci_high": found.high,
        f"{name}_p": found.p,
        f"{name}_verdict": "" if is_baseline else str(found.verdict),
        f"{name}_hint": "" if is_baseline else found.hint,
    }


def _time_cells(measured: StepTimes | None, variant: Variant, step_time_ms: float, is_baseline: bool) -> dict[str, Any]:
    if measured is None:
        return {}
    cells: dict[str, Any] = {"step_time_ms": step_time_ms, "images_per_s": variant.batch_size / step_time_ms * 1e3}
    if variant == measured.variant:
        cells |= {
            "predict_time_ms": measured.predict_one_ms,
            "predict_batch_time_ms": measured.predict_batch_ms,
            "build_s": measured.build_s,
            "first_step_s": measured.first_step_s,
            "gemm_share": measured.gemm_share,
        }
    return cells | {"step_time_flags": "" if is_baseline else "; ".join(measured.flags)}


def _step_times_of(variant: Variant, group: Group) -> StepTimes | None:
    if variant in group.step_times:
        return group.step_times[variant]
    if variant == group.suite.baseline and group.step_times:
        return next(iter(group.step_times.values()))
    return None


def _status(records: Any, group: Group) -> tuple[str, str]:
    found = list(records)
    by_status = {name: [r for r in found if r.status == name] for name in ("ok", "diverged", "failed")}
    if by_status["diverged"]:
        first = by_status["diverged"][0]
        return "diverged", f"diverged in {len(by_status['diverged'])} of {len(found)} seeds: {first.message}"
    if by_status["failed"]:
        return ("partial" if by_status["ok"] else "failed"), by_status["failed"][0].message
    if len(by_status["ok"]) < group.budget.seeds:
        return "partial", f"{len(by_status['ok'])} of {group.budget.seeds} seeds"
    return "ok", ""


def add_pareto(rows: list[dict[str, Any]]) -> None:
    """Say which rows are on the front of accuracy and step time; rows without a result are out of the race."""
    racing = [row for row in rows if row["status"] in ("ok", "partial") and row["accuracy"] == row["accuracy"]]
    for row in rows:
        row["pareto"] = "no" if row not in racing else ""
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
