"""Bonferroni's correction for several comparisons, the same for level and p-value."""

from __future__ import annotations

import operator


def corrected_level(alpha: float, comparisons: int = 1) -> float:
    """Return alpha / comparisons, the level of each test so that all hold together (Bonferroni).

    Raises ValueError where alpha isn't strictly between 0 and 1, or comparisons is below 1.

    >>> corrected_level(0.05, 10)
    0.005
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}: it must lie strictly between 0 and 1")
    return alpha / _count(comparisons)


def equivalence_level(alpha: float, comparisons: int = 1) -> float:
    """Return twice the corrected level, at most 1: that of the interval by which two one-sided tests are read.

    The two tests, that the difference is below the margin and that it is above minus the margin, are each at the
    corrected level, and at most one of them can be wrong (Schuirmann 1987).

    >>> equivalence_level(0.05, 10), equivalence_level(0.9)
    (0.01, 1.0)
    """
    return min(2 * corrected_level(alpha, comparisons), 1.0)


def corrected_p(p: float, comparisons: int = 1) -> float:
    """Return min(1, comparisons * p), which is below alpha where p is below the corrected level.

    >>> corrected_p(0.01, 3), corrected_p(0.5, 3)
    (0.03, 1.0)
    """
    return min(1.0, _count(comparisons) * p)


def _count(comparisons: int) -> int:
    if operator.index(comparisons) < 1:
        raise ValueError(f"comparisons is {comparisons}: it must be at least 1")
    return comparisons
