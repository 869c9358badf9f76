"""The timer: keeps builds of the baseline and times each variant against them."""

from __future__ import annotations

import time
from statistics import median

import numpy as np
from numpy.typing import NDArray

from harness.budgets import Budget
from harness.datasets import Dataset
from harness.step_times import StepTimes
from harness.timing.arm import Arm, build_arm, image_order
from harness.timing.load import LoadWatch
from harness.timing.settings import TIMING, TimingSettings
from harness.timing.work import forward_flops, gemm_peak_flops_per_s
from harness.trials import Environment
from harness.variants import Variant

PREDICT_BATCH = 128
# Unmeasured blocks of each arm before a build's first turn.
_WARM_UP_BLOCKS = 3
_PREDICT_REPEATS = 15
# A backbone takes seconds a batch: fewer repeats then, which its long runs need less.
_FEWEST_REPEATS = 3
_PREDICT_S = 1.0
_ARMS = ("baseline", "control", "variant")


class Timer:
    """Times variants in this process, which uses all cores and trains nothing else."""

    def __init__(self, dataset: Dataset, environment: Environment) -> None:
        self._dataset = dataset
        self._environment = environment
        self._builds: dict[tuple[Variant, int], tuple[Arm, Arm]] = {}
        self._gemm_peak = 0.0

    def time(self, baseline: Variant, variant: Variant, budget: Budget, *, key: str) -> StepTimes:
        """Return the raw blocks of baseline, control and variant, and the variant's other figures.

        The baseline's builds are kept for the next variant; the variant's are its own. Each build of the variant
        meets one pair of builds of the baseline, block by block.
        """
        settings = TIMING[budget.name]
        pairs = [self._baseline_pair(baseline, number) for number in range(settings.builds)]
        if not self._gemm_peak:
            self._gemm_peak = gemm_peak_flops_per_s()
        watch = LoadWatch(self._environment.device)
        started = time.perf_counter()
        rng = np.random.default_rng(int(key[:8], 16))
        steps = self._steps_per_block(pairs[0][0], settings, rng)
        blocks: dict[str, list[tuple[float, ...]]] = {name: [] for name in _ARMS}
        arms: list[Arm] = []
        for first, control in pairs:
            elapsed = time.perf_counter() - started
            if arms and elapsed * (len(arms) + 1) / len(arms) > settings.limit_s:
                break
            arm = build_arm(variant, self._dataset, seed=len(arms) + 1)
            arms.append(arm)
            measured = self._run_blocks((first, control, arm), settings, steps, rng)
            for name, values in zip(_ARMS, measured, strict=True):
                blocks[name].append(values)
        variant_ms = median(value for build in blocks["variant"] for value in build)
        flops = forward_flops(arms[0].whole.model)
        predict_batch_ms = self._predict_ms(arms[0], PREDICT_BATCH)
        return StepTimes(
            key=key,
            variant=variant,
            baseline=baseline,
            dataset=self._dataset.name,
            fingerprint=self._dataset.fingerprint,
            budget=budget,
            environment=self._environment,
            steps_per_block=steps,
            baseline_ms=tuple(blocks["baseline"]),
            control_ms=tuple(blocks["control"]),
            variant_ms=tuple(blocks["variant"]),
            predict_one_ms=self._predict_ms(arms[0], 1),
            predict_batch_ms=predict_batch_ms,
            predict_batch=PREDICT_BATCH,
            images_per_s=variant.batch_size / variant_ms * 1e3,
            build_s=median(arm.build_s for arm in arms),
            first_step_s=median(arm.first_step_s for arm in arms),
            flops=flops,
            gemm_share=flops * PREDICT_BATCH / (predict_batch_ms / 1e3) / self._gemm_peak,
            flags=watch.flags(),
        )

    def _baseline_pair(self, baseline: Variant, number: int) -> tuple[Arm, Arm]:
        place = (baseline, number)
        if place not in self._builds:
            self._builds = {kept: arms for kept, arms in self._builds.items() if kept[0] == baseline}
            first, second = (build_arm(baseline, self._dataset, seed=number + 1) for _ in range(2))
            self._builds[place] = (first, second)
        return self._builds[place]

    def _steps_per_block(self, arm: Arm, settings: TimingSettings, rng: np.random.Generator) -> int:
        trial = [arm.block_ms(self._order(arm, 2, rng), 2) for _ in range(3)]
        return max(1, round(settings.block_ms / median(trial)))

    def _run_blocks(
        self, arms: tuple[Arm, Arm, Arm], settings: TimingSettings, steps: int, rng: np.random.Generator
    ) -> tuple[tuple[float, ...], ...]:
        """Return the blocks of each arm, run in balanced random order."""
        values: tuple[list[float], ...] = ([], [], [])
        for arm in arms * _WARM_UP_BLOCKS:
            # The variant's build is the youngest: kernels and buffers that the others have had time to choose.
            arm.block_ms(self._order(arm, steps, rng), steps)
        for turn in balanced_turns(len(arms), settings.blocks, rng):
            for position in turn:
                arm = arms[position]
                values[position].append(arm.block_ms(self._order(arm, steps, rng), steps))
        return tuple(tuple(arm) for arm in values)

    def _order(self, arm: Arm, steps: int, rng: np.random.Generator) -> NDArray[np.int64]:
        return image_order(self._dataset, steps, arm.variant.batch_size, rng)

    def _predict_ms(self, arm: Arm, images: int) -> float:
        batch = np.resize(self._dataset.test_images, (images, *self._dataset.input_shape))
        arm.whole.predict(batch)  # the first call optimises the graph
        times: list[float] = []
        begun = time.perf_counter()
        while len(times) < _PREDICT_REPEATS and (
            len(times) < _FEWEST_REPEATS or time.perf_counter() - begun < _PREDICT_S
        ):
            started = time.perf_counter_ns()
            arm.whole.predict(batch)
            times.append((time.perf_counter_ns() - started) / 1e6)
        return median(times)


def balanced_turns(arms: int, turns: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Return the order of the arms in each turn: random, and each followed by its reverse.

    So whatever drifts linearly over two turns, and whatever favours the first or the last place, cancels.

    >>> balanced_turns(3, 4, np.random.default_rng(1))
    [(0, 1, 2), (2, 1, 0), (2, 0, 1), (1, 0, 2)]
    """
    chosen: list[tuple[int, ...]] = []
    while len(chosen) < turns:
        order = tuple(int(arm) for arm in rng.permutation(arms))
        chosen += [order, order[::-1]]
    return chosen[:turns]
