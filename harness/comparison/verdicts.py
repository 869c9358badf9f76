"""The four words a comparison ends in, and the hint that goes with the fourth."""

from __future__ import annotations

import math
from enum import StrEnum

from harness.margins import Margins

_DEFAULTS = Margins()


class Verdict(StrEnum):
    """What a comparison with the baseline came to."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    UNRESOLVED = "unresolved"


def verdict(low: float, high: float, margin_low: float, margin_high: float, *, larger_is_better: bool) -> Verdict:
    """Judge the interval [low, high] of a difference from the baseline, equal at zero.

    Inside [margin_low, margin_high]: same. Else, without zero: better or worse. Else, or where an end is
    NaN: unresolved. Raises ValueError where the margins do not enclose zero.

    >>> verdict(0.01, 0.03, -0.005, 0.005, larger_is_better=True)
    <Verdict.BETTER: 'better'>
    >>> verdict(-0.001, 0.002, -0.005, 0.005, larger_is_better=True)
    <Verdict.SAME: 'same'>
    """
    if not margin_low <= 0 <= margin_high:
        raise ValueError(f"the margins are {margin_low} and {margin_high}: they must enclose zero")
    if not low <= high:
        return Verdict.UNRESOLVED
    if margin_low <= low and high <= margin_high:
        return Verdict.SAME
    if low <= 0 <= high:
        return Verdict.UNRESOLVED
    return Verdict.BETTER if (low > 0) == larger_is_better else Verdict.WORSE


def accuracy_verdict(low: float, high: float, margin: float = _DEFAULTS.accuracy) -> Verdict:
    """Judge the interval of an accuracy difference (fractions of 1), or of any metric that should be high."""
    return verdict(low, high, -margin, margin, larger_is_better=True)


def time_verdict(ratio_low: float, ratio_high: float, margin: float = _DEFAULTS.time) -> Verdict:
    """Judge the interval of a time ratio (variant / baseline), on the log scale: within 1 +- margin is same.

    Raises ValueError where the margin isn't from 0 to below 1.

    >>> time_verdict(1.03, 1.08)
    <Verdict.WORSE: 'worse'>
    """
    if not 0 <= margin < 1:
        raise ValueError(f"the margin of time is {margin}: it must be from 0 to below 1")
    return verdict(
        _log(ratio_low), _log(ratio_high), math.log(1 - margin), math.log(1 + margin), larger_is_better=False
    )


def seeds_hint(needed: int | None, have: int) -> str:
    """Say what would settle an accuracy comparison that has `have` seeds; `needed` in total, None for never.

    >>> seeds_hint(17, 5)
    'about 12 more seeds would settle it'
    """
    if needed is None:
        return "only more test images would settle it"
    return _more(needed - have, "seed")


def blocks_hint(needed: int | None, have: int) -> str:
    """Say what would settle a time comparison that has `have` blocks; `needed` in total, None for never."""
    if needed is None:
        return "only a quieter machine would settle it"
    return _more(needed - have, "block")


def _more(count: int, noun: str) -> str:
    number = _two_digits(max(count, 1))
    return f"about {number:,} more {noun}{'s' if number > 1 else ''} would settle it"


def _two_digits(count: int) -> int:
    """Round up to two digits: more would promise too much."""
    unit = int(10 ** max(len(str(count)) - 2, 0))
    return -(-count // unit) * unit


def _log(ratio: float) -> float:
    return math.log(ratio) if ratio > 0 else -math.inf if ratio == 0 else math.nan
