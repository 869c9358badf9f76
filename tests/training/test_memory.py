"""The highest memory of a trial, and its threads, as each backend tells of them: over a fake of their own calls."""

import math
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from harness.training.memory import PeakMemory
from harness.training.threads import threads_in_use


def test_the_peak_of_a_cpu_is_that_of_the_work_and_not_of_what_came_before():
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError as error:
        pytest.skip(f"this system forgets no peak: {error}")
    large = np.ones(2**25)  # 256 MiB
    before = PeakMemory("cpu").mib()
    del large
    memory = PeakMemory("cpu")
    after = memory.mib()
    assert 0 < after < before - 128
    large = np.ones(2**25)
    assert memory.mib() > after + 128
    del large
    assert memory.mib() > after + 128


def test_the_peak_of_a_gpu_is_what_tensorflow_counts_from_the_start_on(monkeypatch):
    import tensorflow as tf

    forgotten = []
    monkeypatch.setattr(tf.config.experimental, "reset_memory_stats", forgotten.append)
    monkeypatch.setattr(tf.config.experimental, "get_memory_info", lambda device: {"current": 1, "peak": 3 * 2**20})
    memory = PeakMemory("gpu")
    assert forgotten == ["GPU:0"]
    assert memory.mib() == 3.0


def test_a_peak_that_jax_has_from_an_earlier_trial_is_not_told_as_this_ones(monkeypatch):
    peaks = {"peak_bytes_in_use": 5 * 2**20}
    device = SimpleNamespace(memory_stats=lambda: peaks)
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(devices=lambda: [device]))
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    memory = PeakMemory("gpu")
    assert math.isnan(memory.mib())
    peaks["peak_bytes_in_use"] = 7 * 2**20
    assert memory.mib() == 7.0
    peaks.clear()
    assert math.isnan(memory.mib())


def test_a_backend_that_does_not_tell_of_its_gpu_gives_no_peak(monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "torch")
    assert math.isnan(PeakMemory("gpu").mib())


def test_threads_are_those_of_the_backend_and_none_on_a_gpu(monkeypatch):
    assert threads_in_use("gpu") == 0
    monkeypatch.setattr("keras.backend.backend", lambda: "torch")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads_in_use("cpu") == 3
