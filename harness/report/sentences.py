"""What a suite came to, in words: which variant to take, and how sure that is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from harness.comparison.columns import Row
from harness.comparison.verdicts import Verdict
from harness.tables import full_text

_MOST_NAMES = 5


@dataclass(frozen=True)
class Sentence:
    """The outcome of one suite.

    Attributes:
        winner: The variant to take, empty where the baseline stays.
        text: The outcome in a sentence or two.
        counts: How often each verdict fell, in words.
    """

    winner: str
    text: str
    counts: str


def suite_sentence(rows: Sequence[Row]) -> Sentence:
    """Return the outcome of one suite's rows of the comparison table.

    A variant wins with the largest gain among those better in accuracy; where there is none, with the shortest step
    time among those the same in accuracy and better in time. Diverged and failed variants never win.
    """
    variants = [row for row in rows if row["variant"] != row["baseline"]]
    running = [row for row in variants if row["status"] in ("ok", "partial")]
    better = [row for row in running if row["accuracy_verdict"] == Verdict.BETTER]
    same = [row for row in running if row["accuracy_verdict"] == Verdict.SAME]
    faster = [row for row in same if row["step_time_verdict"] == Verdict.BETTER]
    counts = _counts(variants)
    if better:
        first, *others = sorted(better, key=lambda row: -row["accuracy_delta"])
        text = f"more accurate than the baseline by {gain(first)} points; {_time(first)}."
        if others:
            names = ", ".join(row["variant"] for row in others[:_MOST_NAMES])
            if len(others) > _MOST_NAMES:
                names += f" and {len(others) - _MOST_NAMES} more"
            text += f" Also better than the baseline: {names}; the intervals do not compare these with each other."
        return Sentence(first["variant"], text, counts)
    if faster:
        first = min(faster, key=lambda row: row["step_time_ratio"])
        text = f"as accurate as the baseline ({gain(first)} points), and its steps take {ratio(first)} times as long."
        return Sentence(first["variant"], text, counts)
    unresolved = [row for row in running if row["accuracy_verdict"] == Verdict.UNRESOLVED]
    if unresolved:
        return Sentence("", _unresolved(unresolved), counts)
    if not running:
        return Sentence("", "no variant has a result: see the failed trials below.", counts)
    return Sentence("", "no variant is more accurate, or as accurate and faster.", counts)


def gain(row: Row) -> str:
    """Return the difference in accuracy with its interval, percentage points."""
    return full_text(row, "accuracy_delta")


def ratio(row: Row) -> str:
    """Return the ratio of step times with its interval."""
    return full_text(row, "step_time_ratio")


def _time(row: Row) -> str:
    if not math.isfinite(row["step_time_ratio"]):
        return "its step time was not measured"
    return f"its steps take {ratio(row)} times as long ({row['step_time_verdict']})"


def _unresolved(unresolved: Sequence[Row]) -> str:
    known = [row for row in unresolved if math.isfinite(row["accuracy_delta"])]
    if not known:
        return "nothing is settled yet."
    closest = max(known, key=lambda row: row["accuracy_delta"])
    text = f"nothing is settled as better yet. Closest: {closest['variant']}, {gain(closest)} points"
    if closest["accuracy_hint"]:
        text += f"; {closest['accuracy_hint']}"
    return text + "."


def _counts(variants: Sequence[Row]) -> str:
    parts = []
    for name, column in (("accuracy", "accuracy_verdict"), ("step time", "step_time_verdict")):
        timed = [row for row in variants if column[0] == "a" or math.isfinite(row["step_time_ratio"])]
        counted = Counter(str(row[column]) for row in timed)
        words = [f"{counted[verdict]} {verdict}" for verdict in Verdict if counted[verdict]]
        parts.append(f"{name}: {', '.join(words) or 'not measured'}")
    status = Counter(str(row["status"]) for row in variants)
    parts += [f"{status[word]} {word}" for word in ("diverged", "failed", "partial") if status[word]]
    return "; ".join(parts)
