"""The timer: keeps builds of the baseline and times each variant against them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TypeVar

import numpy as np

from harness.budgets import Budget
from harness.datasets import Dataset
from harness.noise import quiet_libraries
from harness.results.step_times import StepTimes, typical_ms
from harness.results.trials import Environment
from harness.timing.blocks import BlockCost, Blocks
from harness.timing.build import Arm, build_arm
from harness.timing.disturbances import BaselineSpeed, LoadWatch
from harness.timing.flops import forward_flops, gemm_peak_flops_per_s
from harness.timing.rounds import Rounds
from harness.timing.settings import OWN_SHARE, TimingSettings, timing_settings
from harness.training.gpus import require_gpu
from harness.variants import Variant

PREDICT_BATCH = 128
# A backbone takes seconds a batch: fewer repeats then, which its long runs need less.
_FEWEST_PREDICTIONS = 3
_PREDICT_S = 0.5
# Each arm has a copy of the images, 3 KiB each: these are more than a core's caches hold.
_IMAGES = 8192
# A third and further builds are worth at most this share of the time: the rest is for blocks.
_BUILD_SHARE = 0.6
# The baseline has so many pairs of builds, and one more where a variant has more builds.
_FIRST_PAIRS = 3
# The baseline's pairs of builds, which serve several variants, may take as many times as long as a variant's.
_BASELINE_LIMITS = 4.0

T = TypeVar("T")


@dataclass(eq=False)
class _KeptBaseline:
    """A baseline's pairs of builds, for the next variant, their seconds, what its blocks cost, and its speed so far."""

    variant: Variant
    settings: TimingSettings
    pairs: list[tuple[Arm, Arm]]
    pairs_s: list[float]
    cost: BlockCost
    speed: BaselineSpeed


class Timer:
    """Times variants in this process, which uses all cores and trains nothing else."""

    def __init__(self, dataset: Dataset, environment: Environment) -> None:
        require_gpu(environment)
        self._dataset = _fewer_images(dataset)
        self._environment = environment
        self._kept: _KeptBaseline | None = None
        self._gemm_peak = 0.0

    @quiet_libraries()
    def time(self, baseline: Variant, variant: Variant, budget: Budget, *, key: str, part: int = 0) -> StepTimes:
        """Return the blocks of baseline, control and variant, and the variant's other figures.

        Each build of the variant meets one pair of builds of the baseline, block by block. `part` counts measurements
        of one pair in several processes; each draws other images and orders.
        """
        settings = timing_settings(budget.name, self._environment.device)
        kept = self.prepare(baseline, settings)
        watch = LoadWatch(self._environment.device)
        ends = time.perf_counter() + settings.limit_s
        if variant == baseline:
            # Nothing is claimed of it: a third build of each pair would say no more than the second does.
            arms = [control for _, control in kept.pairs]
            ends -= (1 - OWN_SHARE) * settings.limit_s
        else:
            most = builds_in_time(kept.pairs_s, settings.builds, _BASELINE_LIMITS * settings.limit_s)
            arms, _ = _in_time(lambda: self._build(variant, settings), most, settings.limit_s)
            ends += self._add_pairs(kept, len(arms))
        # Before the blocks, which take the time that is left.
        flops = forward_flops(arms[0].whole.model, self._dataset.input_shape)
        predict_batch_ms = self._predict_ms(arms[0], PREDICT_BATCH, settings.predictions)
        predict_one_ms = self._predict_ms(arms[0], 1, settings.predictions)
        groups = [(*pair, arm) for pair, arm in zip(kept.pairs, arms, strict=False)]
        rounds = Rounds(self._blocks(np.random.default_rng([int(key[:8], 16), part])), kept.cost, settings)
        blocks = rounds.run(groups, ends=ends)
        flags = watch.flags()
        if settings.processes == 1:  # the spread over several carries how the machine's speed changes
            flags += kept.speed.flags(typical_ms(blocks["baseline"]))
        return StepTimes(
            key=key,
            variant=variant,
            baseline=baseline,
            dataset=self._dataset.name,
            fingerprint=self._dataset.fingerprint,
            budget=budget,
            environment=self._environment,
            steps_per_block=rounds.steps,
            block_overhead_ms=kept.cost.overhead_ms,
            baseline_ms=blocks["baseline"],
            control_ms=blocks["control"],
            variant_ms=blocks["variant"],
            predict_one_ms=predict_one_ms,
            predict_batch_ms=predict_batch_ms,
            predict_batch=PREDICT_BATCH,
            build_s=median(arm.build_s for arm in arms),
            first_step_s=median(arm.first_step_s for arm in arms),
            flops=flops,
            gemm_share=flops * PREDICT_BATCH / (predict_batch_ms / 1e3) / self._gemm_peak,
            flags=flags,
        )

    def prepare(self, baseline: Variant, settings: TimingSettings) -> _KeptBaseline:
        """Return a baseline's builds, made where they have not been; they are kept until another baseline comes."""
        if not self._gemm_peak:
            self._gemm_peak = gemm_peak_flops_per_s()
        kept = self._kept
        if kept is None or (kept.variant, kept.settings) != (baseline, settings):
            limit_s = _BASELINE_LIMITS * settings.limit_s
            pairs, pairs_s = _in_time(
                lambda: self._pair(baseline, settings), min(_FIRST_PAIRS, settings.builds), limit_s
            )
            cost = self._blocks(np.random.default_rng(0)).cost(pairs[0][0])
            speed = BaselineSpeed(cost.step_ms)
            self._kept = kept = _KeptBaseline(baseline, settings, pairs, pairs_s, cost, speed)
        return kept

    def _add_pairs(self, kept: _KeptBaseline, wanted: int) -> float:
        """Build pairs of the baseline until each build of a variant has one; return the seconds that it takes."""
        missing = wanted - len(kept.pairs)
        pairs, pairs_s = _in_time(lambda: self._pair(kept.variant, kept.settings), missing, math.inf)
        kept.pairs += pairs
        kept.pairs_s += pairs_s
        return sum(pairs_s)

    def _pair(self, baseline: Variant, settings: TimingSettings) -> tuple[Arm, Arm]:
        return self._build(baseline, settings), self._build(baseline, settings)

    def _build(self, variant: Variant, settings: TimingSettings) -> Arm:
        return build_arm(variant, self._dataset, settle_s=settings.settle_s)

    def _blocks(self, rng: np.random.Generator) -> Blocks:
        return Blocks(len(self._dataset.train_labels), rng)

    def _predict_ms(self, arm: Arm, images: int, repeats: int) -> float:
        batch = np.resize(self._dataset.test_images, (images, *self._dataset.input_shape))
        arm.whole.predict(batch)  # the first call optimises the graph
        times: list[float] = []
        begun = time.perf_counter()
        while len(times) < repeats and (len(times) < _FEWEST_PREDICTIONS or time.perf_counter() - begun < _PREDICT_S):
            started = time.perf_counter_ns()
            arm.whole.predict(batch)
            times.append((time.perf_counter_ns() - started) / 1e6)
        return median(times)


def _in_time(build: Callable[[], T], most: int, limit_s: float) -> tuple[list[T], list[float]]:
    """Return what is built, as often as there is time for, and how long each took."""
    built: list[T] = []
    taken_s: list[float] = []
    while len(built) < most and another_build(taken_s, limit_s):
        started = time.perf_counter()
        built.append(build())
        taken_s.append(time.perf_counter() - started)
    return built, taken_s


def builds_in_time(taken_s: Sequence[float], most: int, limit_s: float) -> int:
    """Return how many builds there can be in all, after some that took so long, if each further one is like the last.

    >>> builds_in_time([1.0, 1.0], most=4, limit_s=6.0), builds_in_time([9.0, 9.0], most=4, limit_s=6.0)
    (3, 2)
    """
    taken = list(taken_s)
    while len(taken) < most and another_build(taken, limit_s):
        taken.append(taken[-1])
    return len(taken)


def another_build(taken_s: Sequence[float], limit_s: float) -> bool:
    """Whether to build once more after builds that took so long: two whatever they take, since one gives no interval.

    A fine-tuned backbone takes 8 s to compile. Its training takes hours, and would end without a verdict.
    """
    if len(taken_s) < 2:
        return True
    # The next takes as long as the last: the first of a kind may take twice as long.
    return sum(taken_s) + taken_s[-1] <= limit_s * _BUILD_SHARE


def _fewer_images(dataset: Dataset) -> Dataset:
    """Return the dataset with a part of its training images, from all over."""
    every = -(-len(dataset.train_labels) // _IMAGES)
    return replace(dataset, train_images=dataset.train_images[::every], train_labels=dataset.train_labels[::every])
