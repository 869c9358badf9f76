"""How close counts as the same."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Margins:
    """How close counts as the same, and how often a false claim is allowed.

    Attributes:
        alpha: Chance of at least one false claim of a metric (accuracy, step time, ...) in a suite without true
            differences; for each metric on its own.
        accuracy: Margin of practical equality of accuracy and its kin, fraction of 1: half a point. With 0 only what
            is equal is the same.
        time: Margin of practical equality of step time, fraction of the baseline's.
    """

    alpha: float = 0.05
    accuracy: float = 0.005
    time: float = 0.02
