"""How often each interval of harness.statistics is wrong, by simulation: Markdown tables on stdout.

python benchmarks/false_alarms.py --repetitions 4000        # docs/statistics.md; some minutes
python benchmarks/false_alarms.py --quick                   # the same in seconds, 200 repetitions
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from crossed_bootstrap import crossed_bootstrap
from numpy.typing import NDArray

from harness.comparison.verdicts import Verdict, time_verdict
from harness.statistics import controlled_ratio, half_width, quantile, time_ratio, two_way_of_sums
from harness.statistics.two_way import variance_parts

Floats = NDArray[np.float64]

ALPHA = 0.05
SEEDS = (3, 4, 5, 6, 8, 10)
IMAGES = (360, 797, 2000, 10000)
SEED_NOISE = {"none": 0.0, "low": 0.05, "high": 0.2}
"""Standard deviation of a trained model's logit of being right: 0, some 0.8 and some 3 points of accuracy."""

EASE, EASE_SPREAD, TASTE = 1.0, 1.5, 0.7
"""Logit of being right: mean and spread over images, and the spread of each arm's own taste over images."""

SHIFT = 0.15
"""What the better arm's logit gains where there is a true difference."""


def true_difference(noise: float) -> float:
    """Return the difference of expected accuracies over all images and seeds (Gauss-Hermite)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    logits = EASE + np.sqrt(EASE_SPREAD**2 + TASTE**2 + noise**2) * nodes
    return float(((_sigmoid(logits + SHIFT) - _sigmoid(logits)) * weights).sum() / weights.sum())


@dataclass(frozen=True)
class Sums:
    """What the mean squares need, for each repetition, and for the first S seeds and N images.

    rows [repetitions, all seeds, N]: sums over images. columns [repetitions, S, N]: sums over images of
    (the sum over seeds)^2. cells [repetitions, all seeds, N]: sums over images of the squares.
    """

    rows: Floats
    columns: Floats
    cells: Floats


def simulate(noise: float, repetitions: int, rng: np.random.Generator) -> tuple[Sums, Sums]:
    """Simulate variant less baseline, without and with a true difference."""
    most, starts = max(SEEDS), (0, *IMAGES[:-1])
    found = [
        Sums(
            np.empty((repetitions, most, len(IMAGES))),
            np.empty((repetitions, len(SEEDS), len(IMAGES))),
            np.empty((repetitions, most, len(IMAGES))),
        )
        for _ in range(2)
    ]
    for r in range(repetitions):
        ease = rng.normal(EASE, EASE_SPREAD, IMAGES[-1]).astype(np.float32)
        baseline = _right(ease, 0.0, noise, most, rng)
        for sums, shift in zip(found, (0.0, SHIFT), strict=True):
            difference = _right(ease, shift, noise, most, rng).view(np.int8) - baseline.view(np.int8)
            over_seeds = np.cumsum(difference, axis=0, dtype=np.int8)[np.array(SEEDS) - 1]
            for into, values in (
                (sums.rows, difference),
                (sums.columns, over_seeds**2),
                (sums.cells, np.abs(difference)),
            ):
                parts = np.add.reduceat(values, starts, axis=1, dtype=np.int32)
                into[r] = np.cumsum(parts, axis=1)
    return found[0], found[1]


def _right(
    ease: NDArray[np.float32], shift: float, noise: float, seeds: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return which images [seeds, images] one arm gets right: its own taste, and a luck a seed."""
    logits = ease + np.float32(shift) + np.float32(TASTE) * rng.standard_normal(len(ease), np.float32)
    lucks = (noise * rng.standard_normal(seeds)).astype(np.float32)
    # Without seed noise one row of chances serves all seeds.
    chances = _sigmoid(logits + lucks[:, None]) if noise else _sigmoid(logits)
    return np.asarray(rng.random((seeds, len(ease)), np.float32) < chances)


def mean_squares(sums: Sums, s: int, n: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return mean and the three mean squares [repetitions] for SEEDS[s] and IMAGES[n]."""
    seeds, images = SEEDS[s], IMAGES[n]
    rows = sums.rows[:, :seeds, n]
    mean = rows.sum(axis=1) / (seeds * images)
    common = seeds * images * mean**2
    of_seeds = (rows**2).sum(axis=1) / images - common
    of_images = sums.columns[:, s, n] / seeds - common
    rest = sums.cells[:, :seeds, n].sum(axis=1) - common - of_seeds - of_images
    return mean, of_seeds / (seeds - 1), of_images / (images - 1), rest / ((seeds - 1) * (images - 1))


def half_widths(sums: Sums, s: int, n: int) -> tuple[Floats, dict[str, Floats]]:
    """Return the means and each method's half-width [repetitions]."""
    seeds, images = SEEDS[s], IMAGES[n]
    mean, of_seeds, of_images, rest = mean_squares(sums, s, n)
    by_seeds, by_images = variance_parts(of_seeds, of_images, rest, seeds, images)
    return mean, {
        "two-way": half_width(ALPHA, ((by_seeds, seeds - 1), (by_images, images - 1))),
        "seeds only": quantile(ALPHA, seeds - 1) * np.sqrt(np.maximum(of_seeds, 0) / (seeds * images)),
        "images only": quantile(ALPHA, images - 1) * np.sqrt(of_images / (seeds * images)),
    }


def accuracy_rows(repetitions: int, rng: np.random.Generator) -> Iterator[list[str]]:
    for name, noise in SEED_NOISE.items():
        null, shifted = simulate(noise, repetitions, rng)
        truth = true_difference(noise)
        for s, seeds in enumerate(SEEDS):
            for n, images in enumerate(IMAGES):
                mean, halves = half_widths(null, s, n)
                alarms = [percent(np.abs(mean) > half) for half in halves.values()]
                mean, halves = half_widths(shifted, s, n)
                covered = percent(np.abs(mean - truth) <= halves["two-way"])
                power = [percent(np.abs(mean) > half) for half in halves.values()]
                width = f"{100 * np.median(halves['two-way']):.2f}"
                yield [str(seeds), f"{images:,}", name, *alarms, covered, width, *power]


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
    Machine(3, 8, 0.0, 0.02, 0.05),
    Machine(3, 8, 0.005, 0.02, 0.05),
    Machine(3, 16, 0.005, 0.02, 0.05),
    Machine(3, 16, 0.01, 0.02, 0.15),
    Machine(4, 8, 0.005, 0.02, 0.05),
    Machine(4, 16, 0.002, 0.02, 0.05),
    Machine(4, 16, 0.02, 0.02, 0.05),
    Machine(2, 16, 0.005, 0.02, 0.05),
    Machine(4, 18, 0.005, 0.04, 0.05),
    Machine(8, 40, 0.005, 0.04, 0.05),
    Machine(3, 16, 0.005, 0.01, 0.05, variant_spread=0.01),
    Machine(4, 16, 0.005, 0.01, 0.05, variant_spread=0.02),
)
SLOWER = 1.05


def time_rows(repetitions: int, rng: np.random.Generator) -> Iterator[list[str]]:
    for machine in MACHINES:
        spread = machine.build_spread if machine.variant_spread is None else machine.variant_spread
        alone, bounded, slow_found, claims, same, covered, widths = [], [], [], [], [], [], []
        for _ in range(repetitions):
            baseline, twin = (machine.times(machine.build_spread, rng) for _ in range(2))
            variant = machine.times(spread, rng)
            free = time_ratio(baseline, variant)
            equal = controlled_ratio(baseline, twin, variant)
            slower = controlled_ratio(baseline, twin, variant * SLOWER)
            word = time_verdict(equal.interval(), equal.equivalence_interval())
            alone.append(free.p_value() < ALPHA)
            bounded.append(equal.p_value() < ALPHA)
            claims.append(word in (Verdict.BETTER, Verdict.WORSE))
            same.append(word is Verdict.SAME)
            covered.append(slower.ratio_interval().contains(SLOWER))
            slow_found.append(time_verdict(slower.interval(), slower.equivalence_interval()) is Verdict.WORSE)
            widths.append(equal.half_width())
        yield [
            str(machine.builds),
            str(machine.blocks),
            *(f"{100 * x:.1f} %" for x in (machine.build_spread, spread, machine.block_spread)),
            f"{100 * machine.disturbed:.0f} %",
            *map(percent, (alone, bounded, claims, same, covered)),
            f"{100 * np.median(widths):.2f} %",
            percent(slow_found),
        ]


CLASSES = 4
RATIO_IMAGES = (360, 797)
BOOTSTRAPS = 300


def ratio_rows(repetitions: int, rng: np.random.Generator) -> Iterator[list[str]]:
    for metric in ("precision", "macro-F1"):
        for seeds in (3, 5, 8):
            for images in RATIO_IMAGES:
                for noise in ("none", "high"):
                    alarms, boot, widths, boot_widths = [], [], [], []
                    for _ in range(repetitions):
                        arms = _ratio_arms(metric, seeds, images, SEED_NOISE[noise], rng)
                        effect = two_way_of_sums(*arms)
                        bootstrap = crossed_bootstrap(*arms, rng=rng, resamples=BOOTSTRAPS)
                        alarms.append(effect.p_value() < ALPHA)
                        boot.append(bootstrap.p_value() < ALPHA)
                        widths.append(effect.half_width())
                        boot_widths.append(bootstrap.half_width())
                    medians = [f"{100 * np.median(w):.2f}" for w in (widths, boot_widths)]
                    yield [metric, str(seeds), str(images), noise, percent(alarms), percent(boot), *medians]


def _ratio_arms(metric: str, seeds: int, images: int, noise: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return what each image adds to the sums, [K, seeds, images] for two arms that differ only by taste."""
    ease = rng.normal(EASE, EASE_SPREAD, images).astype(np.float32)
    labels, mistaken = rng.integers(CLASSES, size=(2, images))
    arms = []
    for _ in range(2):
        right = _right(ease, 0.0, noise, seeds, rng)
        if metric == "precision":
            # A positive is a class whose chance is above one half: rarer where the image is hard.
            sure = right | (rng.random(right.shape) < 0.4)
            arms.append(np.stack([right & sure, sure]).astype(np.float64))
        else:
            predicted = np.where(right, labels, mistaken)
            of_class = np.arange(CLASSES)[:, None, None]
            hit, true = predicted == of_class, np.broadcast_to(labels == of_class, (CLASSES, seeds, images))
            arms.append(np.concatenate([2.0 * (hit & true), hit + true.astype(np.float64)]))
    return arms[0], arms[1]


def percent(found: object) -> str:
    return f"{100 * np.mean(np.asarray(found)):.1f} %"


def _sigmoid(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(1 / (1 + np.exp(-logits)))


TABLES = {
    "accuracy": (
        accuracy_rows,
        "seeds|images|seed noise|two-way|seeds only|images only|coverage|"
        "half-width, points|power two-way|power seeds only|power images only",
    ),
    "times": (
        time_rows,
        "builds|blocks|build spread|variant's|block spread|disturbed|alarms alone|alarms with control|"
        "better or worse|same|coverage at 1.05|half-width|worse at 1.05",
    ),
    "ratios": (
        ratio_rows,
        "metric|seeds|images|seed noise|alarms two-way|alarms bootstrap|half-width two-way, points|bootstrap",
    ),
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=4000, help="simulated comparisons a row")
    parser.add_argument("--quick", action="store_true", help="200 repetitions a row")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("tables", nargs="*", help=f"which of {', '.join(TABLES)}; all of them by default")
    options = parser.parse_args(arguments)
    unknown = set(options.tables) - set(TABLES)
    if unknown or options.repetitions < 1:
        parser.error(f"no table {sorted(unknown)}" if unknown else "--repetitions must be at least 1")
    repetitions = 200 if options.quick else options.repetitions
    for name in options.tables or TABLES:
        rows, head = TABLES[name]
        rng = np.random.default_rng([options.seed, list(TABLES).index(name)])
        started = time.perf_counter()
        columns = head.split("|")
        print(f"### {name}\n\n| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
        for row in rows(repetitions, rng):
            print(f"| {' | '.join(row)} |", flush=True)
        print(f"\n{repetitions} repetitions a row, {time.perf_counter() - started:.0f} s\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
