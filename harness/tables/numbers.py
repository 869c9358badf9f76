"""Numbers as people read them: as many digits as their interval supports, no more."""

from __future__ import annotations

import math

EMPTY = ""
FACTOR = 100.0
"""Beyond it a loose interval's end is no figure that anyone can use."""

_HUGE = 1e7  # an end of an interval that two builds on a busy machine give
_RATIO_DIGITS = 2  # decimals that a small ratio has at least
_MOST = 9  # decimals at which an end is no difference for every purpose


def interval_decimals(low: float, high: float, *, least: int, most: int, equal: float) -> int:
    """Return the decimals for an interval and its estimate: two digits of the width, from least to most, but never so
    few that an end reads as `equal`, the value of no difference, which it excludes. Without an upper end, two decimals.

    >>> interval_decimals(0.04, 2.4, least=0, most=2, equal=0.0)
    2
    >>> interval_decimals(-0.3, 2.4, least=0, most=2, equal=0.0)
    1
    >>> interval_decimals(1.00003, 1.4, least=1, most=4, equal=1.0)
    5
    """
    width = high - low
    wanted = 2 if width == math.inf else 1 - math.floor(math.log10(width)) if width > 0 else most
    decimals = max(least, min(most, wanted))
    while decimals < _MOST and any(end != equal and round(end, decimals) == equal for end in (low, high)):
        decimals += 1
    return decimals


def points(fraction: float, decimals: int = 2) -> str:
    """Return a difference of fractions in percentage points, with its sign.

    >>> points(0.0123), points(float("nan"))
    ('+1.23', '')
    """
    return EMPTY if math.isnan(fraction) else _zero_without_sign(f"{fraction * 100:+.{decimals}f}")


def percent(fraction: float, decimals: int = 2) -> str:
    """Return a fraction of 1 in per cent, without the sign for it."""
    return EMPTY if math.isnan(fraction) else f"{fraction * 100:.{decimals}f}"


def plain(value: float, decimals: int = 2) -> str:
    """Return a number with that many decimals; nothing for an unknown one, a power of ten for one beyond all reason.

    >>> plain(0.568, 3), plain(3410546450459.1)
    ('0.568', '3e+12')
    """
    if math.isnan(value):
        return EMPTY
    return f"{value:.0e}" if _HUGE <= abs(value) < math.inf else _zero_without_sign(f"{value:.{decimals}f}")


def ratio(value: float, decimals: int = 2, *, loose: bool = False) -> str:
    """Return a ratio, which is never 0: below what the digits show it is said to be smaller.

    `loose` is of an interval that bounds nothing worth reading: beyond a factor of 100 it says no more than that.

    >>> ratio(0.568, 3), ratio(0.04, 1), ratio(0.0004, 1)
    ('0.568', '0.04', '<0.01')
    >>> ratio(627268.6, 1, loose=True), ratio(math.inf, loose=True), ratio(0.96, 1, loose=True)
    ('>100', '>100', '1.0')
    """
    if loose and value > FACTOR:
        return f">{FACTOR:.0f}"
    if loose and value < 1 / FACTOR:
        return f"<{1 / FACTOR}"
    text = plain(value, decimals)
    if text == EMPTY or float(text) > 0:
        return text
    decimals = max(decimals, _RATIO_DIGITS)
    text = plain(value, decimals)
    return text if float(text) > 0 else f"<{10.0**-decimals:.{decimals}f}"


def significant(value: float, digits: int = 3) -> str:
    """Return a number with so many significant digits, whole ones in groups, never in exponent form.

    >>> significant(0.01234), significant(1234.5), significant(8.0), significant(9.996)
    ('0.0123', '1,234', '8.00', '10.0')
    """
    if math.isnan(value):
        return EMPTY
    if value == 0:
        return "0"
    exponent = int(f"{value:.{digits - 1}e}".partition("e")[2])  # of the rounded number
    return f"{value:,.{max(0, digits - 1 - exponent)}f}"


def grouped(value: float) -> str:
    """Return a whole number in groups of three digits, half a one with its decimal.

    >>> grouped(315722), grouped(3.5)
    ('315,722', '3.5')
    """
    return EMPTY if math.isnan(value) else f"{value:,.{0 if value == int(value) else 1}f}"


def p_value(value: float) -> str:
    """Return a p-value: three decimals, or that it is smaller."""
    return EMPTY if math.isnan(value) else "<0.001" if value < 0.001 else f"{value:.3f}"


def _zero_without_sign(text: str) -> str:
    # A sign would promise a direction that the digits do not show.
    return text.lstrip("+-") if float(text) == 0 else text
