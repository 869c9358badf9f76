"""Blocks of training steps: in which order they run, and what a block costs beyond its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from harness.timing.build import Arm

_COST_STEPS = 5
_COST_REPEATS = 40
# A step this long hides any overhead.
_LONG_STEP_MS = 50.0

Times = tuple[float, ...]


@dataclass(frozen=True)
class BlockCost:
    """A block takes `overhead_ms` and `step_ms` for each of its steps.

    The overhead (the call, starting the graph, waking threads) is some 1 ms on two CPU cores, a tenth of a block.
    """

    overhead_ms: float
    step_ms: float

    def steps_in(self, block_ms: float) -> int:
        """Return how many steps take about that long, at least one.

        >>> BlockCost(overhead_ms=1.2, step_ms=4.3).steps_in(9.0), BlockCost(0.0, 80.0).steps_in(9.0)
        (2, 1)
        """
        return max(1, round(block_ms / self.step_ms))


class Blocks:
    """Runs blocks of the arms of one comparison, each on freshly drawn images.

    Args:
        images: How many training images there are to draw from.
        rng: Draws images and order.
    """

    def __init__(self, images: int, rng: np.random.Generator) -> None:
        self._images = images
        self._rng = rng

    def cost(self, arm: Arm) -> BlockCost:
        """Measure what an arm's block takes: alternating blocks of one step and of five; see `block_cost`."""
        short: list[float] = []
        long: list[float] = []
        while len(short) < _COST_REPEATS:
            short.append(self._block_ms(arm, 1))
            if short[-1] > _LONG_STEP_MS:
                return BlockCost(overhead_ms=0.0, step_ms=short[-1])
            long.append(self._block_ms(arm, _COST_STEPS))
        return block_cost(short, long)

    def run(self, arms: Sequence[Arm], *, steps: int, turns: int, overhead_ms: float) -> tuple[Times, ...]:
        """Return milliseconds a step of each arm's blocks, run in balanced random order, less the overhead."""
        values: tuple[list[float], ...] = tuple([] for _ in arms)
        for turn in balanced_turns(len(arms), turns, self._rng):
            for position in turn:
                block_ms = self._block_ms(arms[position], steps)
                values[position].append(step_of(block_ms, steps=steps, overhead_ms=overhead_ms))
        return tuple(tuple(arm) for arm in values)

    def _block_ms(self, arm: Arm, steps: int) -> float:
        return arm.block_ms(image_order(self._images, steps, arm.variant.batch_size, self._rng))


def block_cost(short_ms: Sequence[float], long_ms: Sequence[float]) -> BlockCost:
    """Return the line through the medians of blocks of one step and of five; the overhead is at most half a short one.

    >>> block_cost([5.0, 5.0, 9.0], [21.0, 21.0, 21.0])
    BlockCost(overhead_ms=1.0, step_ms=4.0)
    """
    short = median(short_ms)
    step_ms = (median(long_ms) - short) / (_COST_STEPS - 1)
    overhead_ms = min(max(short - step_ms, 0.0), short / 2)
    return BlockCost(overhead_ms, short - overhead_ms)


def step_of(block_ms: float, *, steps: int, overhead_ms: float) -> float:
    """Return milliseconds per step of a block, less the overhead, which takes at most half of it.

    A block faster than twice the overhead (a head on kept features) is not one that the overhead describes.
    """
    return max(block_ms - overhead_ms, block_ms / 2) / steps


def image_order(images: int, steps: int, batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return indices of randomly drawn training images for a block of whole batches."""
    return rng.integers(0, images, size=steps * batch_size)


def balanced_turns(arms: int, turns: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Return the order of the arms in each turn: random, and each followed by its reverse.

    So whatever drifts linearly over two turns, and whatever favours the first or the last place, cancels.

    >>> balanced_turns(3, 4, np.random.default_rng(1))
    [(0, 1, 2), (2, 1, 0), (2, 0, 1), (1, 0, 2)]
    """
    chosen: list[tuple[int, ...]] = []
    while len(chosen) < turns:
        order = tuple(int(arm) for arm in rng.permutation(arms))
        chosen += [order, order[::-1]]
    return chosen[:turns]
