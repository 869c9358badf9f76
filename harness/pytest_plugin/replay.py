"""The adapter to pytest-benchmark: it replays step times that were measured elsewhere.

pytest-benchmark would run the function in its own loop, baseline first, in this process. Step times need the
baseline beside the variant in balanced random order and all cores; so they are measured in a process of their own
and handed over through `timer=`, a public option of pytest-benchmark's marker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class ReplayTimer:
    """A clock that makes each round last as long as the next sample: called at its start and its end.

    >>> timer = ReplayTimer()
    >>> timer.load([0.5, 0.25])
    >>> [-(timer() - timer()) for _ in range(2)]
    [0.5, 0.25]
    """

    __name__ = "step time"

    def __init__(self) -> None:
        self._readings: list[float] = []

    def load(self, samples_s: Sequence[float]) -> None:
        """Set the samples in seconds, one a round."""
        self._readings = [reading for sample in samples_s for reading in (0.0, sample)]

    def __call__(self) -> float:
        """Return the next reading; 0 when there are none (pytest-benchmark never asks then)."""
        return self._readings.pop(0) if self._readings else 0.0


def replay(benchmark: Any, timer: ReplayTimer, samples_s: Sequence[float]) -> None:
    """Give samples in seconds to pytest-benchmark's fixture as its rounds."""
    timer.load(samples_s)
    benchmark.pedantic(lambda: None, rounds=len(samples_s), iterations=1)
