"""The cells of a variant's row: what was measured, what its comparisons came to, and what its state is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean, median, stdev
from typing import Any

from harness.comparison.columns import METRICS
from harness.comparison.groups import Group, Looks
from harness.comparison.judge import Accuracies, Comparison
from harness.comparison.standing import Standing
from harness.comparison.verdicts import Verdict
from harness.results.records import NAN, Record
from harness.variants import Variant
from harness.wording import counted


def row_cells(group: Group, variant: Variant, accuracies: Accuracies, times: Comparison) -> dict[str, Any]:
    """Return the cells of a variant of a group by their columns' names, those that need nothing but it."""
    is_baseline = variant == group.suite.baseline
    accuracies = _to_go_on(group, variant, accuracies)
    records, conditions, looks = group.records[variant], group.conditions, group.looks[variant]
    good = [record for record in records.values() if record.status == "ok"]
    peaks = [record.peak_memory_mib for record in good if not math.isnan(record.peak_memory_mib)]
    standing = accuracies.standing
    status, message = status_of(records.values(), _expected(group, variant, standing))
    if variant in group.outdated:
        message = group.outdated[variant]
    elif status == "ok" and standing.open:
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
        "precision_policy": precision_of(variant, good),
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


def judged_before(looks: Looks, before: Sequence[Looks], alpha: float) -> str:
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


def precision_of(variant: Variant, records: Iterable[Record]) -> str:
    """Return what a variant's layers computed in: a user's builder may have chosen otherwise."""
    return next((one.precision_policy for one in records if one.precision_policy), variant.precision_policy)


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


def _to_go_on(group: Group, variant: Variant, found: Accuracies) -> Accuracies:
    """Return comparisons that say, where not all planned seeds were tried, that the same command goes on."""
    looks = group.looks[variant]
    there = min(len(group.records.get(one, {})) for one in (variant, group.suite.baseline))
    if len(looks) > 1 or there >= looks[0] or not group.goes_on:
        return found
    hint = f"not all of the {looks[0]} seeds are there: run the same command again"

    def told(one: Comparison) -> Comparison:
        waits = one.verdict is Verdict.UNRESOLVED and (one.settled_by or not math.isnan(one.low))
        return replace(one, hint=hint, settled_by="") if waits else one

    metrics: dict[str, Any] = {metric: told(getattr(found, metric)) for metric in METRICS}
    return replace(found, **metrics)


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
