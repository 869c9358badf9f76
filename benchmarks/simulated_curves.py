"""Simulated learning curves of a baseline and its variants: how often the time to the baseline's accuracy is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from simulated_suites import percent

from harness.statistics import ALPHA, NEVER, Estimate, Interval, Part, Reaching, TimeToReach, best_so_far

Floats = NDArray[np.float64]

SEEDS = (3, 5, 10)
COMPARISONS = (1, 3, 5, 10)
NEVERS = (0.0, 0.2, 0.5, 0.8)
"""Shares of a variant's seeds that never reach the target. At a half it is the baseline's twin, under `best`."""

RUN, JITTER, SPLIT = 0.008, 0.010, 0.006
"""Standard deviations of accuracy: of a training run, of each of its epochs, of the split that both arms share."""

SHARED, KEPT = 0.5, 0.2
"""Shares of the sampling of the validation images: alike in both arms, and kept by an arm over its epochs."""

BUILDS, BUILD_SPREAD = 4, 0.01
SURE_GAIN = 0.08
TRUTHS = 100_000


@dataclass(frozen=True)
class Training:
    """One kind of training.

    Attributes:
        name: What the table calls it.
        epochs: How many.
        pace: Epochs in which what is missing of the highest accuracy falls to 1 / e of it.
        overfit: How much accuracy is lost in each epoch by overfitting.
        images: Validation images.
        best: Whether the best epoch counts, or the last.
    """

    name: str
    epochs: int
    pace: float
    overfit: float
    images: int
    best: bool

    def accuracies(self, gain: float, split: Floats, rng: np.random.Generator) -> Floats:
        """Return the counted validation accuracies [..., epochs] of trainings on splits [..., 2] of their own."""
        after = np.arange(1, self.epochs + 1)
        mean = 0.70 - 0.25 * np.exp(-(after - 1) / self.pace) - self.overfit * after + gain
        shape = (*split.shape[:-1], self.epochs)
        expected = mean + SPLIT * split[..., :1] + RUN * rng.standard_normal((*shape[:-1], 1))
        expected = np.clip(expected + JITTER * rng.standard_normal(shape), 0.01, 0.99)
        own = math.sqrt(1 - SHARED - KEPT) * rng.standard_normal(shape)
        own += math.sqrt(KEPT) * rng.standard_normal((*shape[:-1], 1)) + math.sqrt(SHARED) * split[..., 1:]
        drawn = expected + np.sqrt(expected * (1 - expected) / self.images) * own
        rounded = np.round(drawn * self.images) / self.images
        return best_so_far(rounded.reshape(-1, self.epochs)).reshape(shape) if self.best else rounded


TRAININGS = (
    Training("rising, 5 epochs", 5, 2.5, 0.0, 5000, True),
    Training("rising, 5 epochs", 5, 2.5, 0.0, 100, True),
    Training("flat, 30 epochs", 30, 4.0, 0.0, 5000, True),
    Training("flat, 30 epochs", 30, 4.0, 0.0, 100, True),
    Training("overfit, 20 epochs", 20, 2.0, 0.001, 1000, True),
    Training("rising, 5 epochs, last", 5, 2.5, 0.0, 1000, False),
    Training("overfit, 20 epochs, last", 20, 2.0, 0.001, 1000, False),
)


@cache
def gain_of(training: Training, never: float) -> float:
    """Return the gain in accuracy with which that share of seeds never reaches the baseline's."""
    if never == 0:
        return SURE_GAIN
    low, high = -0.05, SURE_GAIN
    for _ in range(16):
        middle = (low + high) / 2
        curves = _many(training, middle, 40_000)
        low, high = (middle, high) if (curves < 0).all(axis=-1).mean() > never else (low, middle)
    return high


@cache
def true_epochs(training: Training, gain: float) -> float:
    """Return when the expected accuracy of a variant reaches the expected final one of the baseline."""
    return Reaching(_many(training, gain, TRUTHS).mean(axis=0)[None]).epochs


def _many(training: Training, gain: float, count: int) -> Floats:
    rng = np.random.default_rng(99)
    split = rng.standard_normal((count, 2))
    final = training.accuracies(0.0, split, rng)[:, -1:]
    return training.accuracies(gain, split, rng) - final


def suites(
    training: Training, gain: float, variants: int, seeds: int, count: int, rng: np.random.Generator
) -> Iterator[list[Reaching]]:
    """Yield the variants, of one gain, of suites that each have a baseline."""
    split = rng.standard_normal((count, seeds, 2))
    final = training.accuracies(0.0, split, rng)[..., -1:]
    arms = [training.accuracies(gain, split, rng) - final for _ in range(variants)]
    return ([Reaching(arm[place]) for arm in arms] for place in range(count))


def epoch_time(ratio: float, rng: np.random.Generator) -> Estimate:
    """Return the measured ratio of an epoch's time, of some builds."""
    builds = math.log(ratio) + BUILD_SPREAD * rng.standard_normal(BUILDS)
    return Estimate(float(builds.mean()), (Part(float(builds.var(ddof=1)) / BUILDS, BUILDS - 1),))


def covered(training: Training, seeds: int, never: float, repetitions: int, rng: np.random.Generator) -> list[float]:
    """Return how often the epochs, and the time's ratio, lie in their intervals, and how often each verdict falls."""
    gain = gain_of(training, never)
    truth, ratio = true_epochs(training, gain), 0.6
    log_truth = math.log(truth / training.epochs * ratio) if truth < NEVER else NEVER
    found = np.zeros(5)
    for (reaching,) in suites(training, gain, 1, seeds, repetitions, rng):
        time = TimeToReach(reaching, training.epochs, epoch_time(ratio, rng))
        interval = time.interval()
        found += (
            _holds(reaching.interval(ALPHA), truth),
            _holds(interval, log_truth),
            interval.high < 0,
            interval.low > 0,
            math.isinf(interval.high) and interval.low <= 0,
        )
    return (found / repetitions).tolist()


def _holds(interval: Interval, truth: float) -> bool:
    # What is found by halving may stand beside an end by rounding: the first epoch, where both are 1.
    return interval.low - 1e-9 <= truth <= interval.high + 1e-9


def alarms(training: Training, seeds: int, count: int, rng: np.random.Generator) -> dict[int, float]:
    """Return in how many suites of the baseline's twins any is called better or worse, by their number."""
    found = dict.fromkeys(COMPARISONS, 0)
    for variants in suites(training, 0.0, max(COMPARISONS), seeds, count, rng):
        # One variant more or less changes nothing of the others: the first of ten serve for fewer.
        twins = [TimeToReach(one, training.epochs, epoch_time(1.0, rng)) for one in variants]
        for m in COMPARISONS:
            found[m] += any(not twin.interval(ALPHA, m).contains(0.0) for twin in twins[:m])
    return {m: wrong / count for m, wrong in found.items()}


def reaching_table(repetitions: int, rng: np.random.Generator, *, long: bool) -> Iterator[list[str]]:
    """Yield the head and a row per seeds and share of seeds that never get there; with `long` one of each training.

    Several trainings are the mean of them and, in brackets, the worst.
    """
    cells = [
        (training, seeds, never, covered(training, seeds, never, repetitions, rng))
        for training in TRAININGS
        for seeds in SEEDS
        for never in NEVERS
    ]
    names = "epochs covered", "time covered", "better", "worse", "no upper end"
    if long:
        yield ["training", "validation images", "seeds", "never", "truth, epochs", *names]
        for training, seeds, never, shares in cells:
            truth = true_epochs(training, gain_of(training, never))
            begin = training.name, f"{training.images:,}", str(seeds), percent(never)
            yield [*begin, "never" if truth == NEVER else f"{truth:.2f}", *map(percent, shares)]
        return
    yield ["seeds", "never", *names]
    for seeds in SEEDS:
        for never in NEVERS:
            found = np.array([shares for _, count, share, shares in cells if (count, share) == (seeds, never)])
            held = (f"{100 * one.mean():.1f} ({percent(one.min())})" for one in found.T[:2])
            yield [str(seeds), f"{100 * never:.0f} %", *held, *map(percent, found.mean(axis=0)[2:])]


def twin_table(repetitions: int, rng: np.random.Generator, *, long: bool) -> Iterator[list[str]]:
    """Yield the head and a row per seeds, or with `long` per training: false alarms of the baseline's twins."""
    cells = [
        (training, seeds, list(alarms(training, seeds, repetitions, rng).values()))
        for training in TRAININGS
        for seeds in SEEDS
    ]
    names = [f"false alarms, m = {m}" for m in COMPARISONS]
    if long:
        yield ["training", "validation images", "seeds", *names]
        for training, seeds, shares in cells:
            yield [training.name, f"{training.images:,}", str(seeds), *map(percent, shares)]
        return
    yield ["seeds", *names]
    for seeds in SEEDS:
        found = np.array([shares for _, count, shares in cells if count == seeds])
        yield [str(seeds), *(f"{100 * one.mean():.1f} ({percent(one.max())})" for one in found.T)]
