"""What disturbed a measurement: foreign load, and a machine that has become slower."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass

import psutil

from harness.results.trials import DeviceKind
from harness.timing.gpu_watch import GpuWatch

# Of one core. A desktop's background is below it; a compiler or a second training far above.
_FOREIGN_CORES = 0.15
# Of all cores' time, taken by the hypervisor for other guests.
_STEAL_SHARE = 0.02
# The baseline does not change: slower than before by that much, and the machine is.
_SLOWER = 1.25


@dataclass(frozen=True)
class LoadReading:
    """Clocks at one instant, in seconds: the wall's, all cores' busy and stolen time, and this process's own."""

    wall_s: float
    busy_s: float
    steal_s: float
    own_s: float


class LoadWatch:
    """Start it before timing; `flags()` afterwards says in words what disturbed it."""

    def __init__(self, device: DeviceKind) -> None:
        self._gpu = GpuWatch() if device == "gpu" else None
        self._start = _read()

    def flags(self) -> tuple[str, ...]:
        """Return one line for each kind of foreign load, none on a quiet machine."""
        flags = foreign_load(self._start, _read(), cores=os.cpu_count() or 1)
        if self._gpu is not None:
            flags += self._gpu.flags()
        return tuple(flags)


def foreign_load(start: LoadReading, end: LoadReading, *, cores: int) -> list[str]:
    """Return in words what others computed on this machine between two readings; empty where it was quiet."""
    wall = max(end.wall_s - start.wall_s, 1e-9)
    foreign = (end.busy_s - start.busy_s - (end.own_s - start.own_s)) / wall
    steal = (end.steal_s - start.steal_s) / wall / cores
    flags = []
    # The kernel counts in ticks of 10 ms: short windows would flag rounding.
    if foreign > _FOREIGN_CORES + 0.04 / wall:
        flags.append(f"other processes used up to {_halves(foreign)} cores")
    if steal > _STEAL_SHARE + 0.02 / wall:
        flags.append(f"the hypervisor took up to {math.ceil(steal * 20) * 5} % of the cores' time (steal)")
    return flags


class BaselineSpeed:
    """The fastest typical step of a baseline so far, which tells where the machine has become slower.

    Ratios change then too, by up to a tenth (docs/statistics.md).

    >>> speed = BaselineSpeed(4.4)
    >>> speed.flags(4.3)
    ()
    >>> speed.flags(6.3)
    ("the baseline's steps took up to 1.5 times as long as when the machine was fastest",)
    """

    def __init__(self, step_ms: float) -> None:
        self._fastest_ms = step_ms

    def flags(self, step_ms: float) -> tuple[str, ...]:
        """Note a typical step; return a line where it is much slower than the fastest."""
        self._fastest_ms = min(self._fastest_ms, step_ms)
        if step_ms < _SLOWER * self._fastest_ms:
            return ()
        times = _halves(step_ms / self._fastest_ms)
        return (f"the baseline's steps took up to {times} times as long as when the machine was fastest",)


def _halves(value: float) -> str:
    """Round up to halves: rows that were disturbed about as much then share one note."""
    return f"{math.ceil(value * 2) / 2:g}"


def _read() -> LoadReading:
    machine = psutil.cpu_times()
    own = psutil.Process().cpu_times()
    idle = machine.idle + getattr(machine, "iowait", 0.0)
    steal = getattr(machine, "steal", 0.0)
    return LoadReading(
        wall_s=time.perf_counter(),
        # Guest time is part of user time on Linux; it must not count twice.
        busy_s=sum(machine) - idle - steal - getattr(machine, "guest", 0.0) - getattr(machine, "guest_nice", 0.0),
        steal_s=steal,
        # With the programs it ran: XLA has its kernels assembled by one.
        own_s=own.user + own.system + own.children_user + own.children_system,
    )
