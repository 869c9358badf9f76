"""The least number of samples that would do, by doubling and halving."""

from __future__ import annotations

from collections.abc import Callable

MOST = 1_000_000


def first_count(enough: Callable[[int], bool], least: int, most: int = MOST) -> int | None:
    """Return the least count from `least` on with `enough(count)`; None where not even `most` is enough.

    `enough` must stay true once it is true.

    >>> first_count(lambda n: n * n >= 50, 3)
    8
    """
    if enough(least):
        return least
    low, high = least, least * 2
    while not enough(high):
        if high >= most:
            return None
        low, high = high, min(high * 2, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
