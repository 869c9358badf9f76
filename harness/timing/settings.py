"""How much timing a budget buys."""

from __future__ import annotations

from dataclasses import dataclass

from harness.budgets import BudgetName


@dataclass(frozen=True)
class TimingSettings:
    """Size of one measurement.

    Attributes:
        builds: Fresh builds of each arm; the random unit above the blocks, so one gives no interval.
        blocks: Blocks of each arm in each build; even, so that every order runs as often as its reverse.
        block_ms: About how long the baseline's block takes; long enough that reading the clock and starting the
            graph (some 0.3 ms) vanish, short enough that neighbouring blocks see the same machine.
        limit_s: No further build is begun that would end later, judged by those before it.
    """

    builds: int
    blocks: int
    block_ms: float
    limit_s: float


TIMING: dict[BudgetName, TimingSettings] = {
    "smoke": TimingSettings(builds=1, blocks=2, block_ms=10, limit_s=0.9),
    "quick": TimingSettings(builds=4, blocks=16, block_ms=12, limit_s=4.0),
    "full": TimingSettings(builds=8, blocks=24, block_ms=15, limit_s=14),
}
