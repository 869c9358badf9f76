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


def interval_decimals(low: float, high: float, *, most: int, equal: float = 0.0) -> int:
    """Return the decimals for an interval and its estimate: two digits of the width, but never so few that an end
    reads as `equal`, the value of no difference, which it excludes.

    >>> interval_decimals(0.04, 2.4, most=2), interval_decimals(-0.3, 2.4, most=2)
    (2, 1)
    """
    decimals = decimals_for(high - low, most=most)
    while decimals < most and any(end != equal and round(end, decimals) == equal for end in (low, high)):
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
    """Return a number with that many decimals; nothing for an unknown one."""
    return EMPTY if math.isnan(value) else _zero_without_sign(f"{value:.{decimals}f}")


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


def shifted(text: str, places: int) -> str:
    """Return a decimal number times 10 ** places, its digits untouched: a fraction as per cent.

    >>> shifted("0.9573", 2), shifted("-0.008", 2), shifted("0", 2), shifted("", 2)
    ('95.73', '-0.8', '0', '')
    """
    if not text:
        return text
    sign, digits = (text[0], text[1:]) if text[0] in "+-" else ("", text)
    whole, _, rest = digits.partition(".")
    rest = rest.ljust(places, "0") if rest else "0" * places if whole.strip("0") else ""
    moved = (whole + rest[:places]).lstrip("0") or "0"
    return sign + moved + ("." + rest[places:] if rest[places:] else "")


def _zero_without_sign(text: str) -> str:
    # A sign would promise a direction that the digits do not show.
    return text.lstrip("+-") if float(text) == 0 else text
