"""Two results folders, variant by variant: what two commits or two library versions gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from harness.comparison.columns import FOLDER_COLUMNS, METRICS
from harness.comparison.differences import Difference, differences_of
from harness.comparison.judge import Accuracies, Comparison, Margins, judge_accuracies
from harness.comparison.sides import Side, matched_sides, sides_of, step_times_of
from harness.comparison.times_across_runs import judge_across
from harness.results import Results
from harness.results.records import Record
from harness.results.step_times import StepTimes, typical_ms
from harness.variants import Variant

if TYPE_CHECKING:
    import pandas as pd

NAN = float("nan")


@dataclass(frozen=True, eq=False)
class FolderComparison:
    """Two results folders compared.

    Attributes:
        frame: A row a variant, dataset and budget, with FOLDER_COLUMNS.
        differences: What else differs, in the order of `titles`.
        titles: Dataset and budget of each matched pair of conditions.
        sizes: How many of the frame's rows each of them has, in their order.
        unmatched: Datasets and budgets that only one folder has.
    """

    frame: pd.DataFrame
    differences: tuple[tuple[Difference, ...], ...]
    titles: tuple[str, ...]
    sizes: tuple[int, ...]
    unmatched: tuple[str, ...]


def compare_folders(old: Results, new: Results, margins: Margins) -> FolderComparison:
    """Compare two results folders, each variant of `new` with the same variant of `old`.

    Accuracies are paired by seed and judged by the two-way model over seeds and test images, since a seed means the
    same split, order and first weights in both; where the dataset's content differs nothing is paired and nothing
    claimed. Step times are judged by `judge_across`, only between runs on one machine. All is corrected (Bonferroni)
    for the number of variants that both folders have of a dataset and budget.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    titles: list[str] = []
    sizes: list[int] = []
    listed: list[tuple[Difference, ...]] = []
    pairs = matched_sides(old, new)
    for first, second in pairs:
        found = differences_of((first, old), (second, new))
        added = _rows((first, old), (second, new), found, margins)
        rows += added
        sizes.append(len(added))
        titles.append(f"{second.dataset}, {second.budget.label}, {second.environment.device}")
        listed.append(found)
    return FolderComparison(
        frame=pd.DataFrame(rows, columns=list(FOLDER_COLUMNS)),
        differences=tuple(listed),
        titles=tuple(titles),
        sizes=tuple(sizes),
        unmatched=_unmatched(old, new, pairs),
    )


def _unmatched(old: Results, new: Results, pairs: list[tuple[Side, Side]]) -> tuple[str, ...]:
    matched = {(side.dataset, side.training) for pair in pairs for side in pair}
    lines = []
    for name, results in (("old", old), ("new", new)):
        for side in sides_of(results):
            if (side.dataset, side.training) not in matched:
                lines.append(f"only in {name}: {side.dataset}, {side.budget.label}, {len(side.records)} variants")
    return tuple(dict.fromkeys(lines))


def _rows(
    old: tuple[Side, Results], new: tuple[Side, Results], differences: tuple[Difference, ...], margins: Margins
) -> list[dict[str, Any]]:
    (first, old_results), (second, new_results) = old, new
    variants = list(dict.fromkeys((*second.records, *first.records)))
    count = max(1, sum(variant in first.records and variant in second.records for variant in variants))
    test_set = new_results.test_sets[second.fingerprint, second.budget.max_images]
    times = _paired_times(step_times_of(first, old_results), step_times_of(second, new_results))
    rows = []
    for variant in variants:
        before, after = first.records.get(variant, {}), second.records.get(variant, {})
        accuracies = Accuracies(0)
        if first.fingerprint != second.fingerprint and before and after:
            reason = Comparison(hint="the dataset's content differs: its images cannot be paired")
            accuracies = Accuracies(0, reason, reason, reason, reason)
        elif before and after:
            accuracies = judge_accuracies(
                before, after, test_set.labels, len(test_set.classes), comparisons=count, margins=margins
            )
        row = _row(variant, second, before, after, accuracies)
        row |= _time_cells(variant, times.get(variant), (old_results, new_results), (first, second), count, margins)
        row["differences"] = "; ".join(map(str, differences))
        rows.append(row)
    return rows


def _row(
    variant: Variant,
    side: Side,
    before: Mapping[int, Record],
    after: Mapping[int, Record],
    accuracies: Accuracies,
) -> dict[str, Any]:
    states = {"old": _state(before), "new": _state(after)}
    diverged = [f"{name}: {message}" for name, (state, message) in states.items() if state == "diverged"]
    row: dict[str, Any] = {
        "variant": variant.name,
        "dataset": side.dataset,
        "budget": side.budget.label,
        "device": side.environment.device,
        "backend": side.environment.backend,
        "precision_policy": variant.precision_policy,
        "present": "both" if before and after else "old" if before else "new",
        "seeds": accuracies.pairs,
        "message": "; ".join(f"{name}: {message}" for name, (_, message) in states.items() if message),
    }
    for name, records in (("old", before), ("new", after)):
        good = [record for record in records.values() if record.status == "ok"]
        row[f"seeds_{name}"] = len(good)
        ending = "_old" if name == "old" else ""
        row[f"status{ending}"] = states[name][0]
        for metric in METRICS:
            row[f"{metric}{ending}"] = fmean(getattr(record, metric) for record in good) if good else NAN
    for metric in METRICS:
        found: Comparison = getattr(accuracies, metric)
        if diverged:
            # What is left after the diverged seeds is a selection of the lucky ones: no claim.
            found = Comparison(found.value, hint="; ".join(diverged))
        row |= {
            f"{metric}_delta": found.value,
            f"{metric}_ci_low": found.low,
            f"{metric}_ci_high": found.high,
            f"{metric}_p": found.p,
            f"{metric}_verdict": str(found.verdict) if before and after else "",
            f"{metric}_hint": found.hint,
        }
    return row


def _state(records: Mapping[int, Record]) -> tuple[str, str]:
    if not records:
        return "missing", ""
    by_status = {name: [r for r in records.values() if r.status == name] for name in ("diverged", "failed")}
    if found := by_status["diverged"]:
        return "diverged", f"diverged in {len(found)} of {len(records)} seeds: {found[0].message}"
    if found := by_status["failed"]:
        return ("partial" if len(found) < len(records) else "failed"), found[0].message
    return "ok", ""


def _paired_times(
    old: Mapping[tuple[str, Variant, Variant], StepTimes], new: Mapping[tuple[str, Variant, Variant], StepTimes]
) -> dict[Variant, tuple[StepTimes, StepTimes]]:
    """Return the step times of each variant that both folders have of one machine and baseline; the last counts."""
    return {key[2]: (old[key], times) for key, times in new.items() if key in old}


def _time_cells(
    variant: Variant,
    pair: tuple[StepTimes, StepTimes] | None,
    results: tuple[Results, Results],
    sides: tuple[Side, Side],
    comparisons: int,
    margins: Margins,
) -> dict[str, Any]:
    if pair is not None:
        found = judge_across(*pair, comparisons=comparisons, margins=margins)
        flags = [f"{name}: {flag}" for name, times in zip(("old", "new"), pair, strict=True) for flag in times.flags]
        return {
            "step_time_old_ms": typical_ms(pair[0].variant_ms),
            "step_time_ms": typical_ms(pair[1].variant_ms),
            "step_time_ratio": found.value,
            "step_time_ci_low": found.low,
            "step_time_ci_high": found.high,
            "step_time_verdict": str(found.verdict),
            "step_time_hint": found.hint,
            "step_time_flags": "; ".join(flags),
        }
    cells: dict[str, Any] = {"step_time_verdict": "", "step_time_hint": "", "step_time_flags": ""}
    machines = []
    for name, side, one in zip(("old", "new"), sides, results, strict=True):
        taken = [(key[0], times) for key, times in step_times_of(side, one).items() if key[2] == variant]
        if taken:
            machine, times = taken[-1]
            machines.append(machine)
            cells["step_time_old_ms" if name == "old" else "step_time_ms"] = typical_ms(times.variant_ms)
    if len(machines) == 2:
        reason = "against another baseline" if machines[0] == machines[1] else "on another machine"
        cells |= {"step_time_verdict": "unresolved", "step_time_hint": f"timed {reason}: not comparable"}
    return cells
