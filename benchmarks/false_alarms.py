"""How often each interval of harness.statistics is wrong, by simulation: Markdown tables on stdout.

python benchmarks/false_alarms.py                           # docs/statistics.md; an hour on two cores
python benchmarks/false_alarms.py --quick                   # the same in two minutes, 100 suites a row
python benchmarks/false_alarms.py --long accuracy           # every row of a table that is otherwise shortened
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from crossed_bootstrap import crossed_bootstrap
from numpy.typing import NDArray
from scipy.special import ndtr
from simulated_curves import reaching_table, twin_table
from simulated_suites import (
    EASE,
    EASE_SPREAD,
    IMAGES,
    SEED_NOISE,
    SEEDS,
    Sums,
    percent,
    right_answers,
    simulate,
    true_difference,
)
from simulated_times import lent_table, time_table

from harness.statistics import ALPHA, half_width, quantile, two_way_of_sums
from harness.statistics.effect import variance_parts

Floats = NDArray[np.float64]

COMPARISONS = (1, 3, 5, 10)
FEW = 8
EQUAL = (0.0,) * 10
APART = (0.0, 0.02, 0.065, 0.15, 0.4) * 2
"""What the logits of a suite's variants gain over the baseline's: nothing, or 0, 0.3, 1, 2.3 and 6 points."""


@dataclass(frozen=True)
class Row:
    """Shares of suites, by the number of their variants.

    alarms: of equal variants, any interval leaves out zero. covered: of variants apart, every interval holds its
    truth. same: of variants that are better by just the margin, any is called the same. half_widths: medians.
    seeds_only, images_only: alarms of either paired t-test, of single comparisons.
    """

    seeds: int
    images: int
    noise: str
    alarms: dict[int, float]
    covered: dict[int, float]
    same: dict[int, float]
    half_widths: dict[int, float]
    seeds_only: float
    images_only: float


def accuracy_rows(
    suites: int,
    rng: np.random.Generator,
    seeds: tuple[int, ...] = SEEDS,
    images: tuple[int, ...] = IMAGES,
) -> Iterator[Row]:
    """Yield what comes out for each noise and numbers of seeds and images, of twelve times the suites for few seeds."""
    few, many = (tuple(count for count in seeds if (count <= FEW) == wanted) for wanted in (True, False))
    for name, own in zip(SEED_NOISE, rng.spawn(len(SEED_NOISE)), strict=True):
        for counts, times, stream in ((few, 12, own), (many, 1, own.spawn(1)[0])):
            if counts:
                yield from rows_of_noise(name, times * suites, stream, counts, images)


def rows_of_noise(
    name: str, suites: int, rng: np.random.Generator, seeds: tuple[int, ...], images: tuple[int, ...]
) -> Iterator[Row]:
    noise = SEED_NOISE[name]
    equal, apart = (simulate(noise, shifts, suites, rng, seeds=seeds, images=images) for shifts in (EQUAL, APART))
    truths = np.array([true_difference(noise, shift) for shift in APART])
    for s, count in enumerate(seeds):
        for n, size in enumerate(images):
            alarms, covered, same, widths = {}, {}, {}, {}
            for m in COMPARISONS:
                mean, half = _intervals(equal, s, n, ALPHA / m)
                alarms[m] = _any_in_suites(np.abs(mean) > half, m)
                mean, half = _intervals(apart, s, n, ALPHA / m)
                covered[m] = 1 - _any_in_suites(np.abs(mean - truths) > half, m)
                widths[m] = float(np.median(half))
                mean, half = _intervals(apart, s, n, 2 * ALPHA / m)
                same[m] = _any_in_suites((np.abs(mean) + half <= truths) & (truths > 0), m)
            mean, of_seeds, of_images, _ = equal.mean_squares(s, n)
            simple = [
                float(np.mean(mean**2 > quantile(ALPHA, df) ** 2 * squares / (count * size)))
                for df, squares in ((count - 1, of_seeds), (size - 1, of_images))
            ]
            yield Row(count, size, name, alarms, covered, same, widths, *simple)


def _intervals(sums: Sums, s: int, n: int, level: float) -> tuple[Floats, Floats]:
    mean, by_seeds, by_images = sums.parts(s, n)
    return mean, half_width(level, ((by_seeds, sums.seeds[s] - 1), (by_images, sums.images[n] - 1)))


def _any_in_suites(wrong: NDArray[np.bool_], m: int) -> float:
    """Return how often any of m variants is wrong; ten variants are ten suites of one, three of three, two of five."""
    groups = wrong.shape[1] // m
    return float(wrong[:, : groups * m].reshape(len(wrong), groups, m).any(axis=2).mean())


def accuracy_table(suites: int, rng: np.random.Generator, *, long: bool) -> Iterator[list[str]]:
    """Yield the head and all rows, or one per number of seeds: the mean of its cells and, in brackets, the worst."""
    rows = list(accuracy_rows(suites, rng))
    names = "false alarms", "all covered", "same at the margin", "half-width"
    alarms, covered, same, widths = ([f"{what}, m = {m}" for m in COMPARISONS] for what in names)
    if long:
        yield ["seeds", "images", "seed noise", *alarms, *covered, *same, *widths, "seeds only", "images only"]
        for row in rows:
            groups = row.alarms, row.covered, row.same, row.half_widths
            shares = [share for group in groups for share in group.values()]
            simple = percent(row.seeds_only), percent(row.images_only)
            yield [str(row.seeds), f"{row.images:,}", row.noise, *map(percent, shares), *simple]
        return
    ends = ["m = 10", "same at the margin", "half-width, m = 1", "m = 10", "seeds only", "images only"]
    yield ["seeds", *alarms, covered[0], *ends]
    for count in dict.fromkeys(row.seeds for row in rows):
        mine = [row for row in rows if row.seeds == count]
        (usual,) = (row for row in mine if (row.images, row.noise) == (797, "low"))
        yield [
            str(count),
            *(_mean_and(max, [row.alarms[m] for row in mine]) for m in COMPARISONS),
            *(_mean_and(min, [row.covered[m] for row in mine]) for m in (1, 10)),
            _mean_and(max, [share for row in mine for share in row.same.values()]),
            *(f"{100 * usual.half_widths[m]:.1f}" for m in (1, 10)),
            percent(max(row.seeds_only for row in mine)),
            percent(max(row.images_only for row in mine)),
        ]


def _mean_and(worst: Callable[[list[float]], float], shares: list[float]) -> str:
    return f"{100 * np.mean(shares):.1f} ({percent(worst(shares))})"


SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
"""Of the variance of the mean: the part due to images."""


def theory_rates(seeds: int, images: int, draws: int, rng: np.random.Generator) -> dict[int, float]:
    """Return the highest chance over SHARES, times m, that an interval at 5 % / m misses, were all effects normal.

    Only the mean squares are drawn; the chance that the mean then lies outside is known. Once with all of the seeds'
    part, once with none of it, from what is neither's.
    """
    squares = [rng.chisquare(df, draws) / df for df in (seeds - 1, images - 1, (seeds - 1) * (images - 1))]
    highest = dict.fromkeys(COMPARISONS, 0.0)
    for share in SHARES:
        for rest in (0.0, 1.0 - share):
            mean_squares = [s * of for s, of in zip(squares, (1.0 - share, rest + share, rest), strict=True)]
            by_seeds, by_images = variance_parts(*mean_squares, seeds, images)
            for m in COMPARISONS:
                half = half_width(ALPHA / m, ((by_seeds, seeds - 1), (by_images, images - 1)))
                outside = 2 * ndtr(-half * np.sqrt(seeds * images))
                highest[m] = max(highest[m], m * float(outside.mean()))
    return highest


def theory_table(draws: int, rng: np.random.Generator, *, long: bool) -> Iterator[list[str]]:
    """Yield the head and a row per number of seeds, for 360 images; or for each of the numbers of images."""
    yield ["seeds", "images", *(f"missed x m, m = {m}" for m in COMPARISONS)]
    for seeds in SEEDS:
        for images in IMAGES if long else IMAGES[:1]:
            yield [str(seeds), f"{images:,}", *map(percent, theory_rates(seeds, images, draws, rng).values())]


CLASSES = 4
RATIO_IMAGES = (360, 797)
BOOTSTRAPS = 300


def ratio_table(
    repetitions: int, rng: np.random.Generator, *, long: bool, bootstraps: int = BOOTSTRAPS
) -> Iterator[list[str]]:
    """Yield the head and a row per metric, seeds, images and noise; alarms are of one variant, times m."""
    del long
    head = ["metric", "seeds", "images", "seed noise", "alarms, m = 1", "alarms x m, m = 5", "bootstrap, m = 1"]
    yield [*head, "half-width, points", "bootstrap"]
    for metric in ("precision", "macro-F1"):
        for seeds in (3, 5, 8):
            for images in RATIO_IMAGES:
                for noise in ("none", "high"):
                    alarms, boot, widths, boot_widths = [], [], [], []
                    for _ in range(repetitions):
                        arms = _ratio_arms(metric, seeds, images, SEED_NOISE[noise], rng)
                        effect = two_way_of_sums(*arms)
                        bootstrap = crossed_bootstrap(*arms, rng=rng, resamples=bootstraps)
                        alarms.append(effect.p_value())
                        boot.append(bootstrap.p_value() < ALPHA)
                        widths.append(effect.half_width())
                        boot_widths.append(bootstrap.half_width())
                    rates = [percent(m * np.mean(np.array(alarms) < ALPHA / m)) for m in (1, 5)]
                    medians = [f"{100 * np.median(w):.2f}" for w in (widths, boot_widths)]
                    yield [metric, str(seeds), str(images), noise, *rates, percent(boot), *medians]


def _ratio_arms(metric: str, seeds: int, images: int, noise: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return what each image adds to the sums, [K, seeds, images] for two arms that differ only by taste."""
    ease = rng.normal(EASE, EASE_SPREAD, images).astype(np.float32)
    labels, mistaken = rng.integers(CLASSES, size=(2, images))
    arms = []
    for _ in range(2):
        right = right_answers(ease, 0.0, noise, seeds, rng)
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


TABLES = {
    "accuracy": (accuracy_table, 500),
    "times": (time_table, 20_000),
    "theory": (theory_table, 200_000),
    "lent": (lent_table, 400_000),
    "ratios": (ratio_table, 1000),
    "reaching": (reaching_table, 2000),
    "twins": (twin_table, 2000),
}
"""Each with the simulated suites, or comparisons, of a row."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    usual = ", ".join(f"{count:,} of {name}" for name, (_, count) in TABLES.items())
    parser.add_argument("--repetitions", type=int, help=f"simulated suites or comparisons a row; {usual} by default")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the repetitions")
    parser.add_argument("--long", action="store_true", help="every row")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("tables", nargs="*", help=f"which of {', '.join(TABLES)}; all of them by default")
    options = parser.parse_args(arguments)
    unknown = set(options.tables) - set(TABLES)
    if unknown or (options.repetitions is not None and options.repetitions < 1):
        parser.error(f"no table {sorted(unknown)}" if unknown else "--repetitions must be at least 1")
    for name in options.tables or TABLES:
        table, usual_count = TABLES[name]
        repetitions = options.repetitions or usual_count // (20 if options.quick else 1)
        rng = np.random.default_rng([options.seed, list(TABLES).index(name)])
        started = time.perf_counter()
        print(f"### {name}\n")
        for number, row in enumerate(table(repetitions, rng, long=options.long)):
            print(f"| {' | '.join(row)} |", flush=True)
            if number == 0:
                print(f"|{' --- |' * len(row)}")
        print(f"\n{repetitions} repetitions a row, {time.perf_counter() - started:.0f} s\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
