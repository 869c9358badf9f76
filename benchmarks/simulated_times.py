"""Simulated step times: how often a ratio's interval is wrong, for machines whose builds and blocks scatter as told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from simulated_suites import percent

from harness.comparison.verdicts import Verdict, time_verdict
from harness.statistics import ALPHA, TimeRatio, controlled_ratio

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Machine:
    """How step times scatter; spreads are of the log of the time, `disturbed` is the share of slow blocks."""

    builds: int
    blocks: int
    build_spread: float
    block_spread: float
    disturbed: float
    variant_spread: float | None = None

    def times(self, spread: float, rng: np.random.Generator) -> Floats:
        """Return one arm's times [builds, blocks]: around 1, some blocks slowed by 30 % and more."""
        shape = (self.builds, self.blocks)
        logs = rng.normal(0, spread, (self.builds, 1)) + rng.normal(0, self.block_spread, shape)
        return np.exp(logs + (rng.random(shape) < self.disturbed) * np.abs(rng.normal(0.3, 0.3, shape)))


MACHINES = (
    Machine(2, 16, 0.005, 0.01, 0.05),
    Machine(3, 16, 0.005, 0.01, 0.05),
    Machine(3, 16, 0.01, 0.02, 0.15),
    Machine(4, 16, 0.0, 0.02, 0.05),
    Machine(4, 16, 0.005, 0.01, 0.05),
    Machine(4, 48, 0.005, 0.04, 0.05),
    Machine(6, 60, 0.005, 0.04, 0.05),
    *(Machine(builds, 16, 0.005, 0.01, 0.05, variant_spread=spread) for builds in (3, 4, 6) for spread in (0.01, 0.02)),
)
TIMED = (1, 5, 10)
SLOWER = 1.05


def time_table(repetitions: int, rng: np.random.Generator, *, long: bool) -> Iterator[list[str]]:
    """Yield the head and a row per machine; alarms are those of one variant times m, which bounds a suite's."""
    del long
    head = ["builds", "blocks", "build spread", "variant's", "block spread", "disturbed"]
    head += [f"{what} x m, m = {m}" for what in ("alarms", "same at 1.02") for m in TIMED]
    yield [*head, "same at 1.00", "worse at 1.05", "half-width, m = 1", "m = 5"]
    for machine in MACHINES:
        spread = machine.build_spread if machine.variant_spread is None else machine.variant_spread
        alarms, edges, same, worse, widths = [], [], [], [], []
        for _ in range(repetitions):
            baseline, twin = (machine.times(machine.build_spread, rng) for _ in range(2))
            variant = machine.times(spread, rng)
            equal, edge, slower = (controlled_ratio(baseline, twin, variant * slow) for slow in (1.0, 1.02, SLOWER))
            alarms.append(equal.p_value())
            edges.append([_word(edge, m) is Verdict.SAME for m in TIMED])
            same.append(_word(equal, 1) is Verdict.SAME)
            worse.append(_word(slower, 1) is Verdict.WORSE)
            widths.append([equal.half_width(ALPHA, m) for m in (1, 5)])
        yield [
            *(str(machine.builds), str(machine.blocks)),
            *(f"{100 * x:.1f} %" for x in (machine.build_spread, spread, machine.block_spread)),
            f"{100 * machine.disturbed:.0f} %",
            *(percent(m * np.mean(np.array(alarms) < ALPHA / m)) for m in TIMED),
            *(percent(m * share) for m, share in zip(TIMED, np.mean(edges, axis=0), strict=True)),
            percent(same),
            percent(worse),
            *(f"{100 * width:.2f} %" for width in np.median(widths, axis=0)),
        ]


def _word(ratio: TimeRatio, m: int) -> Verdict:
    return time_verdict(ratio.interval(ALPHA, m), ratio.equivalence_interval(ALPHA, m))
