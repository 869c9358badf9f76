"""Step times: the shape of a measurement, and what is judged from readings of clocks, which stand here as values.

How well real clocks are read is measured in benchmarks/timing_calibration.py, on a quiet machine.
"""

import dataclasses
import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from harness import BASELINE, BUDGETS
from harness.models import build_model
from harness.results.step_times import StepTimes, merge_step_times, timing_key
from harness.timing.blocks import balanced_turns, block_cost, step_of
from harness.timing.flops import forward_flops
from harness.timing.rounds import another_round
from harness.timing.settings import TIMING, timing_settings
from harness.timing.timer import Timer, another_build
from harness.training.devices import find_device, training_environment

ENVIRONMENT = training_environment(find_device("cpu"), threads=1)
PICTURE = (32, 32, 3)
SMALL = BASELINE.replace(filters=(2, 4), dense=())
WIDE = BASELINE.replace(filters=(8, 16), dense=())
ARMS = ("baseline_ms", "control_ms", "variant_ms")
MILLISECONDS = st.floats(1e-3, 1e4)


@pytest.fixture(scope="module")
def measured(digits):
    timer = Timer(digits, ENVIRONMENT)
    return timer.time(SMALL, WIDE, BUDGETS["smoke"], key="a" * 64)


def blocks_of(times: StepTimes) -> list[list[int]]:
    return [[len(build) for build in getattr(times, arm)] for arm in ARMS]


def test_every_arm_has_as_many_blocks_in_as_many_builds(measured):
    settings = TIMING["smoke"]
    assert blocks_of(measured) == [[settings.blocks] * settings.builds] * 3
    assert all(value > 0 for arm in ARMS for build in getattr(measured, arm) for value in build)


def test_a_measurement_holds_the_variants_figures(measured):
    assert measured.variant == WIDE
    assert measured.flops == pytest.approx(forward_flops(build_model(WIDE), PICTURE))
    assert measured.steps_per_block >= 1
    assert measured.block_overhead_ms >= 0
    for name in ("predict_one_ms", "predict_batch_ms", "build_s", "first_step_s", "gemm_share"):
        assert 0 < getattr(measured, name) < math.inf, name


def test_without_time_a_measurement_still_has_two_builds_of_four_blocks(digits, monkeypatch):
    settings = dataclasses.replace(TIMING["smoke"], builds=3, blocks=6, limit_s=0.0)
    monkeypatch.setitem(TIMING, "smoke", settings)
    times = Timer(digits, ENVIRONMENT).time(SMALL, WIDE, BUDGETS["smoke"], key="b" * 64)
    assert blocks_of(times) == [[4, 4]] * 3


def test_a_gpu_gets_more_time_since_its_builds_compile_kernels():
    for budget, settings in TIMING.items():
        assert timing_settings(budget, "cpu") == settings
        assert timing_settings(budget, "gpu").limit_s > settings.limit_s


def test_a_slow_variant_gets_fewer_blocks_but_two_builds():
    def builds(each_s: float) -> int:
        return next(count for count in range(100) if not another_build([each_s] * count, limit_s=4.8))

    def rounds(round_s: float, limit_s: float = 4.8) -> int:
        return next(
            n for n in range(100) if not another_round(n, most=48, round_s=round_s, left_s=limit_s - n * round_s)
        )

    assert [builds(each_s) for each_s in (0.5, 1.0, 3.0, 500.0)] == [5, 2, 2, 2]
    assert [rounds(round_s) for round_s in (0.1, 0.5, 2.0, 500.0)] == [24, 9, 2, 2]
    # The first of a kind takes longer: the next is reckoned from the last.
    assert another_build([1.0, 0.4], limit_s=4.8)


@given(MILLISECONDS, MILLISECONDS, st.floats(0, 1), st.integers(1, 50))
def test_what_a_block_takes_beyond_its_steps_is_found_and_taken_off(overhead_ms, step_ms, disturbed, steps):
    """Blocks of any number of steps give the same time per step once the overhead is off."""
    overhead_ms = min(overhead_ms, step_ms)
    readings = [[overhead_ms + count * step_ms] * 5 for count in (1, 5)]
    for reading in readings:
        reading[:2] = [value * (1 + 100 * disturbed) for value in reading[:2]]
    cost = block_cost(*readings)
    assert cost.overhead_ms == pytest.approx(overhead_ms, rel=1e-6, abs=1e-9 * step_ms)
    assert cost.step_ms == pytest.approx(step_ms)
    block_ms = overhead_ms + steps * step_ms
    assert step_of(block_ms, steps=steps, overhead_ms=cost.overhead_ms) == pytest.approx(step_ms)


@given(MILLISECONDS, MILLISECONDS)
def test_an_overhead_is_neither_negative_nor_more_than_half_a_block(short_ms, long_ms):
    cost = block_cost([short_ms], [long_ms])
    assert 0 <= cost.overhead_ms <= short_ms / 2
    assert cost.overhead_ms + cost.step_ms == pytest.approx(short_ms)
    assert step_of(short_ms, steps=1, overhead_ms=long_ms) >= short_ms / 2


def test_a_measurement_survives_json(measured):
    assert StepTimes.from_json(measured.to_json()) == measured
    older = json.dumps(json.loads(measured.to_json()) | {"images_per_s": 4000.0})
    assert StepTimes.from_json(older) == measured


def test_measurements_of_several_processes_count_as_builds_of_one(measured):
    other = dataclasses.replace(
        measured,
        baseline_ms=((1.0, 2.0, 3.0, 4.0),),
        control_ms=((1.0, 2.0, 3.0, 4.0),),
        variant_ms=((2.0, 4.0, 6.0, 8.0),),
        build_s=measured.build_s + 1,
        flags=("disturbed",),
    )
    merged = merge_step_times([measured, other, other])
    assert merged.variant_ms == (*measured.variant_ms, (2.0, 4.0), (2.0, 4.0))
    assert merged.control_ms == (*measured.control_ms, (1.0, 2.0), (1.0, 2.0))
    assert (merged.key, merged.flops) == (measured.key, measured.flops)
    assert merged.build_s == measured.build_s + 1
    assert merged.flags == (*measured.flags, "disturbed")
    assert merge_step_times([measured]) == measured


def test_flops_of_the_baseline_are_twice_its_published_multiply_adds():
    # 4.19 million multiply-adds an image forward.
    assert forward_flops(build_model(BASELINE, seed=1), PICTURE) == pytest.approx(2 * 4.19e6, rel=0.02)


def test_flops_count_what_a_layer_hides_in_a_function_of_its_own():
    class Projected(keras.layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(shape=(shape[-1], 64))

        @tf.function
        def project(self, x):
            return keras.ops.matmul(x, self.kernel)

        def call(self, x):
            return self.project(x)

    model = keras.Sequential([keras.Input((100,)), Projected()])
    assert forward_flops(model, (100,)) == pytest.approx(2 * 100 * 64, rel=0.02)


class Written(keras.Model):
    """A model as a class, called on no symbolic input: it knows no shape of its own."""

    def __init__(self, *, alone=True):
        super().__init__()
        self.alone, self.flat, self.out = alone, keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")

    def call(self, x):
        if not self.alone and x.shape[0] == 1:
            raise ValueError("one image is too few")
        return self.out(self.flat(x))


def test_flops_of_a_model_that_is_a_class_are_counted_and_cost_no_step_time_where_they_cannot_be():
    model = Written()
    model(np.zeros((2, *PICTURE), np.float32))
    assert forward_flops(model, PICTURE) == pytest.approx(2 * 3072 * 10, rel=0.02)
    assert math.isnan(forward_flops(Written(alone=False), PICTURE))


def test_every_order_of_arms_is_followed_by_its_reverse_and_none_is_always_first():
    turns = balanced_turns(3, 80, np.random.default_rng(1))
    assert len(turns) == 80
    assert all(first == second[::-1] for first, second in zip(turns[::2], turns[1::2], strict=True))
    assert all(sorted(turn) == [0, 1, 2] for turn in turns)
    firsts = [turn[0] for turn in turns]
    assert all(firsts.count(arm) >= 15 for arm in range(3))
    assert len(set(turns)) == 6


def test_keys_tell_apart_pairs_amounts_and_machines():
    usual = {
        "sources": ("", ""),
        "fingerprint": "abc",
        "budget": BUDGETS["quick"],
        "environment": ENVIRONMENT,
        "machine": "here",
    }
    key = timing_key(BASELINE, WIDE, **usual)
    assert key == timing_key(BASELINE, WIDE, **usual | {"budget": BUDGETS["quick"].override(epochs=3)})
    others = [
        timing_key(WIDE, BASELINE, **usual),
        *(
            timing_key(BASELINE, WIDE, **usual | change)
            for change in ({"budget": BUDGETS["full"]}, {"machine": "there"}, {"fingerprint": "abd"})
        ),
    ]
    assert len({key, *others}) == 5
