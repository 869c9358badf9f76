"""The four words a comparison ends in, and the hint that goes with the fourth."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import NamedTuple

from harness.budgets import MAX_SEEDS, USUAL_MAX_SEEDS, BudgetName
from harness.margins import Margins
from harness.statistics import Interval

WORTH_SEEDS = 100
"""What takes more seeds than this to be settled is not worth it: it is next to nothing, or lost in the test images."""

FULL_BUILDS = 6
"""How many builds `--budget full` times, each in a process of its own."""

LOOSE_HINT = "too disturbed, or too few builds, to bound it"
"""What is said of a loose interval of step times."""

_LOOSE = 1e4
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


def is_loose(low: float, high: float) -> bool:
    """Whether an interval of a ratio bounds nothing worth reading: its ends lie a factor of 10,000 apart.

    >>> is_loose(0.5, 4.0), is_loose(2e-6, 6e5), is_loose(math.nan, math.nan)
    (False, True, False)
    """
    return high > _LOOSE * low


class Hint(NamedTuple):
    """What would settle an unresolved comparison: a sentence, and the options of a run that does it.

    Without options, nothing that is worth its time would.
    """

    text: str
    options: str = ""

    def of_interval(self, low: float, high: float) -> Hint:
        """Return the hint for a ratio of step times with this interval: of a loose one it says so first."""
        return self._replace(text=f"{LOOSE_HINT}: {self.text}") if is_loose(low, high) else self


def seeds_hint(needed: int | None, *, decides: bool = True) -> Hint:
    """Say what would settle a comparison of a fixed number of seeds: --seeds auto, which takes about `needed`.

    `decides` says that it is accuracy, by which rows stop; None for `needed` that no seeds would settle it.

    >>> seeds_hint(17).text
    'use --seeds auto: it goes on until this is settled'
    >>> seeds_hint(71)
    Hint(text='use --seeds auto --max-seeds 71: 30 seeds would hardly settle it', options='--seeds auto --max-seeds 71')
    """
    if needed is None or needed > MAX_SEEDS:
        return Hint(_NO_SEEDS)
    if not decides:
        return Hint("more seeds would settle it; --seeds auto takes as many as accuracy needs")
    if needed > WORTH_SEEDS:
        return Hint(f"not worth settling: it would take about {_two_digits(needed):,} seeds")
    options = auto_options(needed)
    if needed <= USUAL_MAX_SEEDS:
        return Hint(f"use {options}: it goes on until this is settled", options)
    return Hint(f"use {options}: {USUAL_MAX_SEEDS} seeds would hardly settle it", options)


def auto_options(seeds: int) -> str:
    """Return the options of a run that goes on up to about so many seeds.

    >>> auto_options(12), auto_options(41)
    ('--seeds auto', '--seeds auto --max-seeds 41')
    """
    return "--seeds auto" if seeds <= USUAL_MAX_SEEDS else f"--seeds auto --max-seeds {_two_digits(seeds)}"


def look_options(most: int) -> str:
    """Return the options of a run that judges at the looks up to so many seeds.

    >>> look_options(30), look_options(20)
    ('--seeds auto', '--seeds auto --max-seeds 20')
    """
    return "--seeds auto" if most == USUAL_MAX_SEEDS else f"--seeds auto --max-seeds {most}"


def look_hint(verdict: Verdict, look: int, most: int, needed: int | None, *, goes_on: bool) -> Hint:
    """Say at which look an accuracy comparison of up to `most` seeds stands, and why it stopped there.

    `needed` is about how many seeds in total would settle it, None where only more images would.

    >>> look_hint(Verdict.WORSE, 8, 30, None, goes_on=False).text
    'settled at 8 seeds'
    >>> look_hint(Verdict.UNRESOLVED, 8, 30, 120, goes_on=False).text
    'stopped at 8 seeds: 30 would hardly settle it, about 120 would'
    """
    if verdict is not Verdict.UNRESOLVED:
        return Hint(f"settled at {look} seeds")
    if goes_on:
        return Hint(f"open at {look} of at most {most} seeds: the same command goes on", look_options(most))
    if needed is None or needed > MAX_SEEDS:
        return Hint(f"stopped at {look} seeds: {_NO_SEEDS}")
    if look < most and needed <= most:
        return Hint(f"stopped at {look} seeds: {most} would hardly settle it")
    options = auto_options(needed) if needed <= WORTH_SEEDS else ""
    if look == most:
        return Hint(f"not settled by {most} seeds: about {_two_digits(needed):,} would settle it", options)
    return Hint(f"stopped at {look} seeds: {most} would hardly settle it, about {_two_digits(needed):,} would", options)


def builds_hint(needed: int | None, builds: int, budget: BudgetName, *, disturbed: bool) -> Hint:
    """Say what would settle a time comparison of so many builds under a budget; `needed` in total, None for never.

    >>> builds_hint(5, 4, "quick", disturbed=False).text
    'use --budget full with the same --epochs and --seeds: it trains nothing anew and times six builds'
    """
    if builds < 2:
        return _longer("one build gives no interval", "quick" if budget == "smoke" else "full")
    if needed is not None and needed <= FULL_BUILDS and budget != "full":
        return _longer("", "full")
    if disturbed or needed is None:
        return Hint("only a quieter machine would settle it: --retime measures anew there", "--retime")
    have = f"--budget full times {FULL_BUILDS}"
    return Hint(f"not worth settling: it would take about {_two_digits(needed):,} builds, and {have}")


def _longer(why: str, budget: BudgetName) -> Hint:
    text = "use --budget full with the same --epochs and --seeds: it trains nothing anew and times six builds"
    if budget == "quick":
        text = "use --budget quick: it times several builds"
    return Hint(f"{why}: {text}" if why else text, f"--budget {budget}")


def _two_digits(count: int) -> int:
    """Round up to two digits: more would promise too much."""
    unit = int(10 ** max(len(str(count)) - 2, 0))
    return -(-count // unit) * unit
