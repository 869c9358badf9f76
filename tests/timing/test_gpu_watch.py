"""Judging readings of GPUs; the cases are cards that people have shown in public."""

from __future__ import annotations

from harness.timing.gpu_watch import GpuReading, judge_gpu


def readings(reasons: int, *, clock_mhz: int, count: int = 40, processes: int = 0) -> list[GpuReading]:
    return [GpuReading(clock_mhz, reasons, processes)] * count


IDLE = readings(0x1, clock_mhz=300)  # choderalab/perses#613: P8, "Idle: Active"


def test_a_clock_far_below_the_maximum_without_a_reason_is_no_fault():
    # JuliaGPU/CUDA.jl#2194: locked clocks, SM 915 MHz, every reason false.
    assert judge_gpu(readings(0, clock_mhz=915)) == ()
    # NVIDIA/nvbench#207: an RTX 4090 at 2655 MHz, above its default of 2520.
    assert judge_gpu(readings(0, clock_mhz=2655)) == ()


def test_an_idle_gpu_between_blocks_says_nothing():
    assert judge_gpu(IDLE) == ()
    assert judge_gpu([]) == ()


def test_a_power_limit_is_flagged_with_its_share_of_the_busy_readings():
    # mlfoundations/open_clip#703: "SW Power Cap: Active" while training, nothing else.
    assert judge_gpu(IDLE + readings(0x4, clock_mhz=1200)) == (
        "its power limit slowed the GPU in up to 100 % of readings",
    )
    some = readings(0x4, clock_mhz=1200, count=4) + readings(0, clock_mhz=1410, count=36)
    assert judge_gpu(some) == ("its power limit slowed the GPU in up to 25 % of readings",)


def test_one_reading_on_the_way_up_is_no_flag():
    assert judge_gpu(readings(0x4, clock_mhz=1200, count=1) + readings(0, clock_mhz=1410)) == ()


def test_heat_and_the_hardwares_protection_are_told_apart():
    assert judge_gpu(readings(0x20 | 0x40, clock_mhz=600)) == ("heat slowed the GPU in up to 100 % of readings",)
    (flag,) = judge_gpu(readings(0x8, clock_mhz=420))
    assert flag.startswith("the hardware's protection")


def test_other_processes_are_counted_even_while_it_idles():
    assert judge_gpu(readings(0x1, clock_mhz=300, processes=2)) == ("2 other processes compute on the GPU",)
