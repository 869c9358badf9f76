"""Numbers as people read them: as many digits as their interval supports, no more."""

from __future__ import annotations

import math

EMPTY = ""


def decimals_for(width: float, *, most: int) -> int:
    """Return how many decimals a number deserves whose interval is `width` wide: two digits of the width.

    >>> decimals_for(1.24, most=3), decimals_for(0.034, most=3), decimals_for(float("nan"), most=2)
    (1, 3, 2)
    """
    if not math.isfinite(width) or width <= 0:
        return most
    return max(0, min(most, 1 - math.floor(math.log10(width))))


def points(fraction: float, decimals: int = 2) -> str:
    """Return a difference of fractions in percentage points, with its sign.

    >>> points(0.0123), points(float("nan"))
    ('+1.23', '')
    """
    return EMPTY if math.isnan(fraction) else f"{fraction * 100:+.{decimals}f}"


def percent(fraction: float, decimals: int = 2) -> str:
    """Return a fraction of 1 in per cent, without the sign for it."""
    return EMPTY if math.isnan(fraction) else f"{fraction * 100:.{decimals}f}"


def plain(value: float, decimals: int = 2) -> str:
    """Return a number with that many decimals; nothing for an unknown one."""
    return EMPTY if math.isnan(value) else f"{value:.{decimals}f}"


def significant(value: float, digits: int = 3) -> str:
    """Return a number with so many significant digits, never in exponent form.

    >>> significant(0.01234), significant(1234.5), significant(8.0)
    ('0.0123', '1234', '8.00')
    """
    if math.isnan(value):
        return EMPTY
    if value == 0:
        return "0"
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"
