"""How much timing a budget buys."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.budgets import BudgetName
from harness.results.trials import DeviceKind


@dataclass(frozen=True)
class TimingSettings:
    """Size of one measurement.

    Attributes:
        processes: Fresh processes that each measure the variant, one after the other. Their builds count together.
        variants_a_process: Where there is one process per variant, it serves as many before a fresh one begins, with
            fresh builds of the baseline; 0 for all. In one of many builds, new ones are 1 to 3 % slower than the
            baseline's old ones (docs/statistics.md).
        builds: Fresh builds of each arm in a process; the random unit above the blocks, so one in all gives no
            interval.
        blocks: Blocks of each arm in each build, at most; even, so that every order runs as often as its reverse.
        block_ms: About how long the baseline's block takes. Noise that lasts longer than a block cancels in a pair,
            so short blocks of few steps find a difference with the fewest seconds.
        settle_s: Most seconds to train a build before it is timed, since its first steps are slower.
        limit_s: Seconds for a variant in a process: a slower model gets fewer blocks, then fewer builds.
        predictions: How often each prediction is timed.
    """

    processes: int
    variants_a_process: int
    builds: int
    blocks: int
    block_ms: float
    settle_s: float
    limit_s: float
    predictions: int


_SMOKE = TimingSettings(
    processes=1,
    variants_a_process=0,
    builds=1,
    blocks=2,
    block_ms=9,
    settle_s=0.0,
    limit_s=0.7,
    predictions=5,
)
_QUICK = replace(_SMOKE, variants_a_process=6, builds=4, blocks=48, settle_s=0.5, limit_s=4.8, predictions=15)
# Several processes carry into the interval how the ratio itself moves from one to the next, for some ten times as many
# seconds as builds in one, which show one state of the machine.
_FULL = replace(_QUICK, processes=6, variants_a_process=1, builds=1, blocks=60)

OWN_SHARE = 0.25
"""Of a variant's time: a baseline beside itself claims nothing, and needs its typical step alone."""

TIMING: dict[BudgetName, TimingSettings] = {"smoke": _SMOKE, "quick": _QUICK, "full": _FULL}

# On a GPU builds compile their kernels, for 2 s where a CPU takes 0.5: blocks would get what is left of the limit.
_GPU_LIMITS = 3


def timing_settings(budget: BudgetName, device: DeviceKind) -> TimingSettings:
    """Return how much timing a budget buys on a kind of device."""
    settings = TIMING[budget]
    return replace(settings, limit_s=_GPU_LIMITS * settings.limit_s) if device == "gpu" else settings
