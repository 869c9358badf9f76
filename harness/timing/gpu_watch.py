"""What slows a GPU while it is timed: heat, its power limit, other processes; read from NVML while blocks run."""

from __future__ import annotations

import importlib.util
import math
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from harness.training.gpus import gpus_of_process

# A reading takes some 0.1 ms of one core and none of the GPU.
_EVERY_S = 0.1
_MOST_READINGS = 9000  # a measurement that is never asked for its flags was given up
# Of the readings: single ones are clocks on their way up or down.
_SHARE = 0.05

# NVML's clock event reasons (nvml.h). Left out: idle, clocks set by the user, and what limits displays.
_IDLE = 0x1
_REASONS = {
    "its power limit": 0x4 | 0x80,  # of the software, and the board's power brake
    "heat": 0x20 | 0x40,  # of the software, and of the hardware
    "the hardware's protection (heat or power)": 0x8,
}


@dataclass(frozen=True)
class GpuReading:
    """One look at the GPU: SM clock in MHz, NVML's clock event reasons, and how many processes compute on it."""

    clock_mhz: int
    reasons: int
    processes: int


class GpuWatch:
    """Reads the GPU that this process uses until `flags()` is asked for."""

    def __init__(self) -> None:
        self._readings: list[GpuReading] = []
        self._fault = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def flags(self) -> tuple[str, ...]:
        """End and return one line for each thing that slowed the GPU."""
        self._ended.set()
        self._thread.join()
        return (self._fault,) if self._fault else judge_gpu(self._readings)

    def _watch(self) -> None:
        if importlib.util.find_spec("pynvml") is None:
            self._fault = "GPU clocks and processes not watched: nvidia-ml-py is not installed"
            return
        import pynvml

        try:
            pynvml.nvmlInit()
            handle = pynvml.nvmlDeviceGetHandleByUUID(gpus_of_process()[0].uuid)
            while len(self._readings) < _MOST_READINGS and not self._ended.wait(_EVERY_S):
                pids = {process.pid for process in pynvml.nvmlDeviceGetComputeRunningProcesses(handle)}
                self._readings.append(
                    GpuReading(
                        clock_mhz=pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM),
                        reasons=pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle),
                        processes=others(pids, os.getpid()),
                    )
                )
        except pynvml.NVMLError as error:
            self._fault = f"GPU clocks and processes not watched: {error}"


def others(pids: set[int], own: int) -> int:
    """Return how many processes but this one compute on the GPU.

    In a container NVML gives the host's numbers, or none at all: one of them is then this process.

    >>> others({70, 71}, 70), others({81234}, 7), others(set(), 7)
    (1, 0, 0)
    """
    return len(pids - {own}) if own in pids else max(0, len(pids) - 1)


def judge_gpu(readings: Sequence[GpuReading]) -> tuple[str, ...]:
    """Return one line for each thing that slowed a GPU; readings of an idle GPU say nothing of its clock."""
    flags = []
    most = max((reading.processes for reading in readings), default=0)
    if most:
        flags.append(f"{most} other processes compute on the GPU")
    busy = [reading for reading in readings if not reading.reasons & _IDLE]
    for what, bits in _REASONS.items():
        slowed = [reading.clock_mhz for reading in busy if reading.reasons & bits]
        if len(slowed) > _SHARE * len(busy):
            # Rounded up to quarters: rows that were slowed about as much then share one note.
            share = math.ceil(4 * len(slowed) / len(busy)) * 25
            flags.append(f"{what} slowed the GPU in up to {share} % of readings")
    return tuple(flags)
