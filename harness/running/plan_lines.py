"""A plan variant by variant: which seeds are done, which are to do, and why they are where others are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from harness.results.records import Record
from harness.results.trials import Trial
from harness.running.plan import Plan


def variant_lines(plan: Plan, records: Mapping[str, Record]) -> list[str]:
    """Return a line per variant; `records` are what the store has, by key."""
    known: dict[object, list[Trial]] = {}
    for record in records.values():
        known.setdefault(record.trial.variant, []).append(record.trial)
    width = max((len(plan.names[variant]) for variant in plan.by_variant), default=0)
    lines = []
    next_ones = {trial.key for trial in plan.todo}
    possible = Counter(trial.variant for trial in plan.possible if trial.key not in plan.done | next_ones)
    for variant, trials in plan.by_variant.items():
        todo = [trial for trial in trials if trial.key in next_ones]
        done = [trial.seed for trial in trials if trial.key in plan.done]
        parts = [f"done: {_seeds(done)}"] * bool(done)
        if todo:
            why = _why(todo[0], known.get(variant, ()), records.get(todo[0].key))
            parts.append(f"to do: {_seeds(trial.seed for trial in todo)}" + (f" ({why})" if why else ""))
        if possible[variant]:
            parts.append(f"then up to {possible[variant]} more, until it is settled")
        lines.append(f"  {plan.names[variant]:<{width}}  {'; '.join(parts)}")
    return lines


def _why(trial: Trial, known: Iterable[Trial], record: Record | None) -> str:
    """Return why a trial is to do though it, or others of its variant, are known; empty where none is."""
    if record is not None:
        if record.status == "failed":
            return "it failed before"
        return "for its model, as --save-models asks" if trial.keep_model else "anew, as --retrain asks"
    reasons = [_differences(trial, other) for other in known]
    if not reasons:
        return ""
    nearest = min(reasons, key=len)
    return f"known with {' and '.join(nearest)}" if nearest else "known with other seeds"


def _differences(trial: Trial, other: Trial) -> list[str]:
    mine, theirs = trial.environment, other.environment
    return [
        words
        for words, differs in (
            ("an older source of its model or weights", trial.source != other.source),
            ("other data", trial.fingerprint != other.fingerprint),
            ("another budget", trial.budget.training != other.budget.training),
            (f"{theirs.device} instead of {mine.device}", mine.device != theirs.device),
            (f"{theirs.backend} instead of {mine.backend}", mine.backend != theirs.backend),
            ("other versions of libraries", mine.backend == theirs.backend and mine.versions != theirs.versions),
            ("another number of threads", mine.threads != theirs.threads),
            ("an older recipe of training", trial.recipe != other.recipe),
        )
        if differs
    ]


def _seeds(seeds: Iterable[int]) -> str:
    """Return seeds as ranges.

    >>> _seeds([1, 2, 3, 5])
    'seeds 1-3, 5'
    """
    ranges: list[list[int]] = []
    for seed in seeds:
        if ranges and ranges[-1][1] == seed - 1:
            ranges[-1][1] = seed
        else:
            ranges.append([seed, seed])
    text = ", ".join(f"{low}" if low == high else f"{low}-{high}" for low, high in ranges)
    return f"seed{'s' * (text.isdecimal() is False)} {text}"
