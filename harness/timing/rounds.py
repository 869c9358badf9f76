"""Rounds of blocks: the builds of one comparison take turns, until the time is over."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import chain

from harness.timing.blocks import BlockCost, Blocks, Times
from harness.timing.build import Arm
from harness.timing.settings import TimingSettings

# A turn and its reverse.
_ROUND_TURNS = 2
_FEWEST_BLOCKS = 4
_ARMS = ("baseline", "control", "variant")


class Rounds:
    """Blocks of all builds in turn, in rounds of two turns each, so that a disturbance of a second meets every build.

    Args:
        blocks: Runs them.
        cost: What a block of the baseline takes.
        settings: How long a block is, and how many there are at most.

    Attributes:
        steps: Training steps in a block.
    """

    def __init__(self, blocks: Blocks, cost: BlockCost, settings: TimingSettings) -> None:
        self.steps = cost.steps_in(settings.block_ms)
        self._blocks = blocks
        self._overhead_ms = cost.overhead_ms
        self._most = settings.blocks

    def run(self, groups: Sequence[Sequence[Arm]], *, ends: float) -> dict[str, tuple[Times, ...]]:
        """Return each arm's times in each group, from as many rounds as `another_round` allows."""
        self._round(groups)  # warms up: caches and threads were elsewhere
        rounds: list[list[tuple[Times, ...]]] = []
        round_s = 0.0
        while another_round(len(rounds), most=self._most, round_s=round_s, left_s=ends - time.perf_counter()):
            started = time.perf_counter()
            rounds.append(self._round(groups))
            round_s = time.perf_counter() - started
        return {
            name: tuple(tuple(chain.from_iterable(r[group][arm] for r in rounds)) for group in range(len(groups)))
            for arm, name in enumerate(_ARMS)
        }

    def _round(self, groups: Sequence[Sequence[Arm]]) -> list[tuple[Times, ...]]:
        return [
            self._blocks.run(arms, steps=self.steps, turns=_ROUND_TURNS, overhead_ms=self._overhead_ms)
            for arms in groups
        ]


def another_round(done: int, *, most: int, round_s: float, left_s: float) -> bool:
    """Whether to run one more round: the fewest run however long they take, further ones where they end in time.

    Args:
        done: Rounds behind it, of two blocks each.
        most: Blocks that are wanted.
        round_s: Seconds of the last round.
        left_s: Seconds until the time is over.
    """
    blocks = _ROUND_TURNS * done
    return blocks < most and (blocks < _FEWEST_BLOCKS or round_s <= left_s)
