"""How much timing a budget buys."""

from __future__ import annotations

from dataclasses import dataclass

from harness.budgets import BudgetName


@dataclass(frozen=True)
class TimingSettings:
    """Size of one measurement.

    Attributes:
        builds: Fresh builds of each arm; the random unit above the blocks, so one gives no interval.
        blocks: Blocks of each arm in each build, at most; even, so that every order runs as often as its reverse.
        block_ms: About how long the baseline's block takes. Noise that lasts longer than a block cancels in a pair,
            so short blocks of few steps find a difference with the fewest seconds.
        settle_s: Most seconds to train a build before it is timed, since its first steps are slower.
        limit_s: Seconds for a variant: a slower model gets fewer blocks, then fewer builds.
        predictions: How often each prediction is timed.
        variants_a_process: After as many a fresh process begins, with fresh builds of the baseline; 0 never. In one of
            many builds, new ones are 1 to 3 % slower than the baseline's old ones (docs/statistics.md), which matters
            the more the narrower the interval.
    """

    builds: int
    blocks: int
    block_ms: float
    settle_s: float
    limit_s: float
    predictions: int
    variants_a_process: int


TIMING: dict[BudgetName, TimingSettings] = {
    "smoke": TimingSettings(
        builds=1, blocks=2, block_ms=9, settle_s=0.0, limit_s=0.7, predictions=5, variants_a_process=0
    ),
    "quick": TimingSettings(
        builds=4, blocks=48, block_ms=9, settle_s=0.5, limit_s=4.8, predictions=15, variants_a_process=6
    ),
    "full": TimingSettings(
        builds=8, blocks=40, block_ms=9, settle_s=0.5, limit_s=14.0, predictions=15, variants_a_process=1
    ),
}
