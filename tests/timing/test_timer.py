"""Step times: the shape of a measurement, what it says of known models, and foreign load."""

import dataclasses
import json
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness import BASELINE, BUDGETS
from harness.models import build_model
from harness.results.step_times import StepTimes, merge_step_times, timing_key
from harness.timing.blocks import Blocks, balanced_turns
from harness.timing.build import build_arm
from harness.timing.disturbances import LoadWatch
from harness.timing.flops import forward_flops, gemm_peak_flops_per_s
from harness.timing.settings import TIMING
from harness.timing.timer import Timer
from harness.training.devices import find_device, training_environment

ENVIRONMENT = training_environment(find_device("cpu"), threads=1)
WIDE = BASELINE.replace(filters=(96, 192))


@pytest.fixture(scope="module")
def measured(digits):
    timer = Timer(digits, ENVIRONMENT)
    return timer.time(BASELINE, WIDE, BUDGETS["smoke"], key="a" * 64)


def test_every_arm_has_as_many_blocks_in_as_many_builds(measured):
    settings = TIMING["smoke"]
    for arm in (measured.baseline_ms, measured.control_ms, measured.variant_ms):
        assert len(arm) == settings.builds
        assert all(len(build) == settings.blocks for build in arm)
        assert all(value > 0 for build in arm for value in build)


def test_a_model_of_eight_times_the_work_takes_much_longer(measured):
    assert np.median(measured.variant_ms) > 2 * np.median(measured.baseline_ms)
    assert measured.predict_one_ms < measured.predict_batch_ms
    assert 0 < measured.gemm_share < 1


def test_what_a_block_takes_beyond_its_steps_is_found_and_taken_off(digits):
    """Blocks of one step and of eight give the same time a step once the overhead is off; not before."""
    arm = build_arm(BASELINE, digits, settle_s=TIMING["quick"].settle_s)
    blocks = Blocks(len(digits.train_labels), np.random.default_rng(1))
    overhead_ms = blocks.cost(arm).overhead_ms
    assert 0 < overhead_ms < 10

    def excess(taken_off_ms):
        turns = {steps: blocks.run((arm,), steps=steps, turns=60, overhead_ms=taken_off_ms) for steps in (1, 8)}
        return np.median(turns[1]) / np.median(turns[8]) - 1

    assert excess(0.0) > 0.05
    assert abs(excess(overhead_ms)) < excess(0.0)


def test_a_slow_variant_gets_fewer_blocks_but_its_builds(digits):
    timer = Timer(digits, ENVIRONMENT)
    timer.prepare(BASELINE, BUDGETS["quick"])
    started = time.perf_counter()
    slow = timer.time(BASELINE, WIDE.replace(batch_size=64), BUDGETS["quick"], key="b" * 64)
    seconds = time.perf_counter() - started
    assert len(slow.variant_ms) >= 2
    assert len(slow.variant_ms[0]) < TIMING["quick"].blocks
    assert seconds < 12  # 5 s on a quiet machine


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
    assert forward_flops(build_model(BASELINE, seed=1)) == pytest.approx(2 * 4.19e6, rel=0.02)


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
    assert forward_flops(model) == pytest.approx(2 * 100 * 64, rel=0.02)


def test_the_matrix_product_reaches_a_plausible_rate():
    assert 1e9 < gemm_peak_flops_per_s() < 1e14


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


def test_fault_27_foreign_load_is_flagged():
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        watch = LoadWatch("cpu")
        time.sleep(1.0)
        assert any("other processes used" in flag for flag in watch.flags())
    finally:
        busy.kill()
        busy.wait()
