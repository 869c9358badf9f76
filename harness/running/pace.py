"""How long the rest of some work takes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping


class Pace:
    """The time left, by what its finished pieces took beside what was expected of them.

    Args:
        expected: By piece, in any unit that is the same for all, in the order in which they begin.
    """

    def __init__(self, expected: Mapping[Hashable, float]) -> None:
        self._waiting = dict(expected)
        self._spent_s = self._expected = 0.0

    def add(self, expected: Mapping[Hashable, float]) -> None:
        """Add pieces."""
        self._waiting |= expected

    def took(self, piece: Hashable, seconds: float) -> None:
        """Note how long a piece took; nan where it did not end."""
        expected = self._waiting.pop(piece, 0.0)
        if seconds > 0:
            self._spent_s, self._expected = self._spent_s + seconds, self._expected + expected

    def left_s(self, at_once: int) -> float:
        """Return about how many seconds the rest takes; 0 where nothing is left, or no piece has told its time yet."""
        if not self._waiting or not self._expected:
            return 0.0
        rest = list(self._waiting.values())
        running = min(at_once, len(rest))
        # Where a piece has just ended, the next one begins, and those beside it are half done, as far as anybody knows.
        begun = rest[running - 1 : running] if len(rest) >= at_once else []
        halves = [expected / 2 for expected in rest[: running - len(begun)]]
        whole = sum(halves) + sum(rest[len(halves) :])
        return self._spent_s / self._expected * max(whole / running, *begun, *halves)
