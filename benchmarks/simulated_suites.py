"""Simulated suites: which test images a baseline and its variants get right, seed by seed, as sums for mean squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from harness.statistics.effect import variance_parts

Floats = NDArray[np.float64]

SEEDS = (3, 5, 8, 12, 18, 30)
IMAGES = (360, 797, 2000, 10000)
SEED_NOISE = {"none": 0.0, "low": 0.05, "high": 0.2}
"""Standard deviation of a trained model's logit of being right: 0, some 0.8 and some 3 points of accuracy."""

EASE, EASE_SPREAD, TASTE = 1.0, 1.5, 0.7
"""Logit of being right: mean and spread over images, and the spread of each arm's own taste over images."""


def true_difference(noise: float, shift: float) -> float:
    """Return the difference of expected accuracies over all images and seeds (Gauss-Hermite)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    logits = EASE + np.sqrt(EASE_SPREAD**2 + TASTE**2 + noise**2) * nodes
    return float(((sigmoid(logits + shift) - sigmoid(logits)) * weights).sum() / weights.sum())


@dataclass(frozen=True)
class Sums:
    """What the mean squares of variant less baseline need, for every prefix of the seeds and of the images.

    rows [suites, variants, most seeds, len(images)]: each seed's sum over images. columns [suites, variants,
    len(seeds), len(images)]: sums over images of (the sum over seeds)^2. cells [suites, variants, most seeds,
    len(images)]: each seed's sum over images of the squares.
    """

    seeds: tuple[int, ...]
    images: tuple[int, ...]
    rows: Floats
    columns: Floats
    cells: Floats

    def parts(self, s: int, n: int) -> tuple[Floats, Floats, Floats]:
        """Return mean, seeds' variance and images' variance [suites, variants] at seeds[s] and images[n]."""
        mean, of_seeds, of_images, rest = self.mean_squares(s, n)
        return mean, *variance_parts(of_seeds, of_images, rest, self.seeds[s], self.images[n])

    def mean_squares(self, s: int, n: int) -> tuple[Floats, Floats, Floats, Floats]:
        """Return mean and the three mean squares [suites, variants] at seeds[s] and images[n]."""
        seeds, images = self.seeds[s], self.images[n]
        rows = self.rows[:, :, :seeds, n]
        mean = rows.sum(axis=2) / (seeds * images)
        common = seeds * images * mean**2
        of_seeds = (rows**2).sum(axis=2) / images - common
        of_images = self.columns[:, :, s, n] / seeds - common
        rest = self.cells[:, :, :seeds, n].sum(axis=2) - common - of_seeds - of_images
        return mean, of_seeds / (seeds - 1), of_images / (images - 1), rest / ((seeds - 1) * (images - 1))


def simulate(
    noise: float,
    shifts: Sequence[float],
    suites: int,
    rng: np.random.Generator,
    *,
    seeds: tuple[int, ...] = SEEDS,
    images: tuple[int, ...] = IMAGES,
) -> Sums:
    """Simulate suites of one baseline, and a variant per shift, on the same seeds and images."""
    most = max(seeds)
    rows, cells = np.empty((2, suites, len(shifts), most, len(images)))
    columns = np.empty((suites, len(shifts), len(seeds), len(images)))
    spans = list(pairwise((0, *images)))
    for suite in range(suites):
        ease = rng.normal(EASE, EASE_SPREAD, images[-1]).astype(np.float32)
        baseline = right_answers(ease, 0.0, noise, most, rng)
        for v, shift in enumerate(shifts):
            difference = right_answers(ease, shift, noise, most, rng).view(np.int8) - baseline.view(np.int8)
            squares = _summed_over(difference, seeds).astype(np.int32) ** 2
            for n, (first, end) in enumerate(spans):
                own = difference[:, first:end]
                rows[suite, v, :, n] = np.count_nonzero(own == 1, axis=1) - np.count_nonzero(own == -1, axis=1)
                cells[suite, v, :, n] = np.count_nonzero(own, axis=1)
                columns[suite, v, :, n] = squares[:, first:end].sum(axis=1)
    return Sums(seeds, images, *(np.cumsum(sums, axis=-1) for sums in (rows, columns, cells)))


def _summed_over(difference: NDArray[np.int8], seeds: tuple[int, ...]) -> NDArray[np.int16]:
    """Return each image's sum over the first seeds, for each of their numbers."""
    steps = [difference[first:end].sum(axis=0, dtype=np.int16) for first, end in pairwise((0, *seeds))]
    return np.cumsum(steps, axis=0, dtype=np.int16)


def right_answers(
    ease: NDArray[np.float32], shift: float, noise: float, seeds: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return which images [seeds, images] one arm gets right: its own taste, and a luck per seed."""
    logits = ease + np.float32(shift) + np.float32(TASTE) * rng.standard_normal(len(ease), np.float32)
    lucks = (noise * rng.standard_normal(seeds)).astype(np.float32)
    draws = np.frombuffer(rng.bytes(2 * seeds * len(ease)), np.uint16).reshape(seeds, len(ease))
    return np.asarray(_LOGISTIC[draws] < logits + lucks[:, None])


def percent(found: object) -> str:
    return f"{100 * np.mean(np.asarray(found)):.1f} %"


def sigmoid(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(1 / (1 + np.exp(-logits)))


# By table: a draw of a logistic variate in a fifth of the time.
_SHARES = (np.arange(2**16) + 0.5) / 2**16
_LOGISTIC = np.log(_SHARES / (1 - _SHARES)).astype(np.float32)
