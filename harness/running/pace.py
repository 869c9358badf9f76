"""How long the rest of some work takes."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Hashable, Iterable, Mapping

# Of so many pieces it no longer matters much which worker takes which.
_MANY = 200
# What a piece counts for beside the one after it: a machine that others use too is fast for a while, then slow.
_FADES = 0.9
# Of what it was to take, a piece that takes longer still needs: it has not ended.
_OVERDUE = 0.05


class Pace:
    """The time left, by what finished pieces took beside what was expected of them.

    Args:
        expected: By piece, in any unit that is the same for all, in the order in which they begin.
        at_once: Pieces under way at the same time.
        trusted: As so many pieces that took what was expected counts that it was, where it is in seconds.
        clock: Seconds from any beginning.
    """

    def __init__(
        self,
        expected: Mapping[Hashable, float],
        *,
        at_once: int = 1,
        trusted: float = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._waiting = dict(expected)
        self._sum = sum(expected.values())
        self._at_once = at_once
        self._clock = clock
        self._began: dict[Hashable, float] = {}
        self._spent_s = self._expected = trusted * self._sum / max(len(expected), 1)
        self._begin()

    def add(self, expected: Mapping[Hashable, float]) -> None:
        """Add pieces."""
        self._waiting |= expected
        self._sum = sum(self._waiting.values())
        self._begin()

    def took(self, piece: Hashable, seconds: float) -> None:
        """Note how long a piece took that has just ended; nan where it did not end by itself."""
        expected = self._waiting.pop(piece, 0.0)
        self._sum -= expected
        self._began.pop(piece, None)
        if seconds > 0:
            self._spent_s = _FADES * self._spent_s + seconds
            self._expected = _FADES * self._expected + expected
        self._begin()

    def left_s(self) -> float:
        """Return about how many seconds the rest takes; 0 where nothing is left, or no piece has told its time yet."""
        if not self._waiting or not self._expected:
            return 0.0
        now, rate = self._clock(), self._spent_s / self._expected
        begun_s = {piece: rate * self._waiting[piece] for piece in self._began}
        ends = [max(begun_s[piece] - (now - began), _OVERDUE * begun_s[piece]) for piece, began in self._began.items()]
        if len(self._waiting) > _MANY:
            begun = sum(self._waiting[piece] for piece in self._began)
            return (sum(ends) + rate * (self._sum - begun)) / len(ends)
        return last_end(ends, (rate * self._waiting[piece] for piece in self._waiting if piece not in self._began))

    def _begin(self) -> None:
        """Let the next pieces begin, as many as may run at once."""
        for piece in self._waiting:
            if len(self._began) >= self._at_once:
                break
            self._began.setdefault(piece, self._clock())


def last_end(ends: list[float], pieces: Iterable[float]) -> float:
    """Return when the last of some pieces ends, each begun by whoever is free first.

    Args:
        ends: When each of those who work on them is free; changed.
        pieces: How long each takes, in the order in which they begin.

    >>> last_end([0.0, 1.0], [3.0, 1.0, 1.0])
    3.0
    """
    heapq.heapify(ends)
    for piece in pieces:
        heapq.heapreplace(ends, ends[0] + piece)
    return max(ends)
