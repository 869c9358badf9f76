"""The four words a comparison ends in, and the hint that goes with the fourth."""

from __future__ import annotations

import math
from enum import StrEnum

from harness.budgets import MAX_SEEDS, USUAL_MAX_SEEDS
from harness.margins import Margins
from harness.statistics import Interval

_DEFAULTS = Margins()
_NO_SEEDS = "more seeds would not settle it, only more test images"


class Verdict(StrEnum):
    """What a comparison with the baseline came to."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    UNRESOLVED = "unresolved"


def verdict(
    interval: Interval, equivalence: Interval, margin_low: float, margin_high: float, *, larger_is_better: bool
) -> Verdict:
    """Judge a difference from the baseline, equal at zero.

    equivalence, the interval at twice the level, within [margin_low, margin_high]: same, as two one-sided tests say.
    Else, `interval` without zero: better or worse. Else, or where an end is NaN: unresolved. Where a difference is
    both certain and surely within the margin, it is the same. Raises ValueError where the margins do not enclose zero.

    >>> verdict(Interval(0.01, 0.03), Interval(0.012, 0.028), -0.005, 0.005, larger_is_better=True)
    <Verdict.BETTER: 'better'>
    >>> verdict(Interval(-0.004, 0.0052), Interval(-0.003, 0.0042), -0.005, 0.005, larger_is_better=True)
    <Verdict.SAME: 'same'>
    """
    if not margin_low <= 0 <= margin_high:
        raise ValueError(f"the margins are {margin_low} and {margin_high}: they must enclose zero")
    if interval.empty or equivalence.empty:
        return Verdict.UNRESOLVED
    if margin_low <= equivalence.low and equivalence.high <= margin_high:
        return Verdict.SAME
    if interval.contains(0.0):
        return Verdict.UNRESOLVED
    return Verdict.BETTER if (interval.low > 0) == larger_is_better else Verdict.WORSE


def accuracy_verdict(interval: Interval, equivalence: Interval, margin: float = _DEFAULTS.accuracy) -> Verdict:
    """Judge an accuracy difference (fractions of 1), or that of any metric that should be high: see `verdict`."""
    return verdict(interval, equivalence, -margin, margin, larger_is_better=True)


def time_verdict(interval: Interval, equivalence: Interval, margin: float = _DEFAULTS.time) -> Verdict:
    """Judge the log of a time ratio (variant / baseline): see `verdict`; a ratio within 1 +- margin is the same.

    Raises ValueError where the margin isn't from 0 to below 1.

    >>> time_verdict(Interval(0.03, 0.08), Interval(0.04, 0.07))
    <Verdict.WORSE: 'worse'>
    """
    if not 0 <= margin < 1:
        raise ValueError(f"the margin of time is {margin}: it must be from 0 to below 1")
    return verdict(interval, equivalence, math.log(1 - margin), math.log(1 + margin), larger_is_better=False)


def seeds_hint(needed: int | None, *, decides: bool = True) -> str:
    """Say what would settle a comparison of a fixed number of seeds: --seeds auto, which takes about `needed`.

    `decides` says that it is accuracy, by which rows stop; None for `needed` that no seeds would settle it.

    >>> seeds_hint(17)
    'use --seeds auto: it goes on until this is settled'
    >>> seeds_hint(71)
    'use --seeds auto --max-seeds 71: 30 seeds would hardly settle it'
    """
    if needed is None or needed > MAX_SEEDS:
        return _NO_SEEDS
    if not decides:
        return "more seeds would settle it; --seeds auto takes as many as accuracy needs"
    if needed <= USUAL_MAX_SEEDS:
        return "use --seeds auto: it goes on until this is settled"
    return f"use --seeds auto --max-seeds {_two_digits(needed)}: {USUAL_MAX_SEEDS} seeds would hardly settle it"


def look_hint(verdict: Verdict, look: int, most: int, needed: int | None, *, goes_on: bool) -> str:
    """Say at which look an accuracy comparison of up to `most` seeds stands, and why it stopped there.

    `needed` is about how many seeds in total would settle it, None where only more images would.

    >>> look_hint(Verdict.WORSE, 8, 30, None, goes_on=False)
    'settled at 8 seeds'
    >>> look_hint(Verdict.UNRESOLVED, 8, 30, 120, goes_on=False)
    'stopped at 8 seeds: 30 would hardly settle it, about 120 would'
    """
    if verdict is not Verdict.UNRESOLVED:
        return f"settled at {look} seeds"
    if goes_on:
        return f"open at {look} of at most {most} seeds: the same command goes on"
    if needed is None or needed > MAX_SEEDS:
        return f"stopped at {look} seeds: {_NO_SEEDS}"
    if look == most:
        return f"not settled by {most} seeds: about {_two_digits(needed):,} would settle it"
    if needed <= most:
        return f"stopped at {look} seeds: {most} would hardly settle it"
    return f"stopped at {look} seeds: {most} would hardly settle it, about {_two_digits(needed):,} would"


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
