"""Simulated step times: how often a ratio's interval is wrong, for machines whose builds and blocks scatter as told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit
from simulated_suites import percent

from harness.comparison.verdicts import Verdict, time_verdict
from harness.statistics import ALPHA, TimeRatio, controlled_ratio
from harness.statistics.times import degrees_lent

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
    *(Machine(3, 16, 0.005, 0.01, 0.05, variant_spread=spread) for spread in (0.01, 0.02)),
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


def lent_rates(builds: int, spread: float, draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return, for each of TIMED, m times the chance that an interval at 5 % / m misses, and its median half-width.

    Builds' logs are normal; spread: how far the variant's deviate, times the baseline's. Half-widths are in standard
    errors of the mean. What `controlled_ratio` does, for many at once.
    """
    baseline, twin = rng.standard_normal((2, draws, builds))
    own = spread * rng.standard_normal((draws, builds)) - (baseline + twin) / 2
    control = twin - baseline
    variance, of_control = own.var(axis=1, ddof=1), 0.75 * (control**2).mean(axis=1)
    lent = degrees_lent(builds - 1, np.minimum(of_control / variance, 1.0) ** 2)
    df = builds - 1 + lent
    pooled = np.maximum((variance * (builds - 1) + of_control * lent) / df, variance)
    rates, widths = [], []
    for m in TIMED:
        half = np.maximum(-stdtrit(df, ALPHA / m / 2) * np.sqrt(pooled / builds), np.abs(control.mean(axis=1)))
        rates.append(m * float(np.mean(np.abs(own.mean(axis=1)) > half)))
        widths.append(float(np.median(half)) / np.sqrt((spread**2 + 0.5) / builds))
    return np.array(rates), np.array(widths)


def lent_table(draws: int, rng: np.random.Generator, *, long: bool) -> Iterator[list[str]]:
    """Yield the head and a row per number of builds: what a control lends where the variant's builds deviate more."""
    del long
    spreads = (1, 2, 4)
    head = [f"{spread} x, m = {m}" for spread in spreads for m in TIMED]
    yield ["builds", *head, *(f"half-width, m = {m}" for m in TIMED)]
    for builds in (2, 3, 4, 5, 6):
        found = [lent_rates(builds, spread, draws, rng) for spread in spreads]
        rates = [percent(rate) for of_spread, _ in found for rate in of_spread]
        yield [str(builds), *rates, *(f"{width:.1f}" for width in found[0][1])]
