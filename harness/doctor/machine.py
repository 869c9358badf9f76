"""The machine: cores, what else runs on it, memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import psutil

from harness.doctor.check import Check
from harness.machine import usable_cores

# A pool's worker needs about 0.8 GiB; under one worker's need nothing runs.
MEMORY_FOR_ONE_MIB = 900
MEMORY_FOR_TWO_MIB = 1800
_STEAL_PERCENT = 2.0
_FOREIGN_CORES = 0.3
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
_CGROUP = Path("/sys/fs/cgroup")
_GOVERNORS = Path("/sys/devices/system/cpu")


def check_cores(environ: Mapping[str, str] | None = None, cgroup: Path = _CGROUP) -> Check:
    """Check that the cores this process may use are really its own, and that no variable limits threads."""
    environ = os.environ if environ is None else environ
    usable, there = usable_cores(), os.cpu_count() or 1
    found = f"{usable} of {there} cores usable"
    quota = cgroup_cores(cgroup)
    if quota is not None and quota < usable:
        return Check(
            "cores",
            "warning",
            f"{found}, but the container may use only {quota:g} cores' time: step times will jump",
            f"give the container {usable} cores, or pin it to {max(1, int(quota))} (docker --cpuset-cpus, taskset)",
        )
    limits = [f"{name}={environ[name]}" for name in _THREAD_VARIABLES if environ.get(name)]
    if limits:
        return Check("cores", "warning", f"{found}; {', '.join(limits)} limits threads", f"unset {' '.join(limits)}")
    return Check("cores", "ok", found)


def cgroup_cores(cgroup: Path = _CGROUP) -> float | None:
    """Return how many cores' time the control group may use; None where it is not limited (version 2 and 1)."""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (cgroup / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    return None if quota in ("max", "-1") else int(quota) / int(period)


def check_load(seconds: float = 0.5) -> Check:
    """Watch for other processes and for time that the hypervisor takes, for that long."""
    times = psutil.cpu_times_percent(interval=seconds)
    return judge_load(
        steal_percent=getattr(times, "steal", 0.0),
        busy_cores=(100 - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "steal", 0.0))
        / 100
        * (os.cpu_count() or 1),
    )


def judge_load(*, steal_percent: float, busy_cores: float) -> Check:
    """Judge what was taken of the machine while this program slept."""
    found = f"steal {steal_percent:.1f} %, other processes use {busy_cores:.1f} cores"
    if steal_percent > _STEAL_PERCENT:
        return Check("steal and load", "warning", found, "time on a machine whose cores are not shared; train anywhere")
    if busy_cores > _FOREIGN_CORES:
        return Check(
            "steal and load", "warning", found, "stop other programs before timing; step times will be flagged"
        )
    return Check("steal and load", "ok", found)


def check_governor(folder: Path = _GOVERNORS) -> Check:
    """Check that the clock does not wait for load before it rises."""
    files = sorted(folder.glob("cpu[0-9]*/cpufreq/scaling_governor"))
    governors = sorted({file.read_text().strip() for file in files})
    if not governors:
        return Check("governor", "ok", "not shown by this machine (virtual machines hide it)")
    if governors == ["performance"]:
        return Check("governor", "ok", "performance")
    return Check(
        "governor",
        "warning",
        f"{', '.join(governors)}: the clock changes with the load, which widens step times",
        "sudo cpupower frequency-set -g performance",
    )


def check_memory(cgroup: Path = _CGROUP) -> Check:
    """Check that there is memory for workers, within the control group's limit."""
    free = psutil.virtual_memory().available / 2**20
    left = _cgroup_memory_mib(cgroup)
    return judge_memory(min(free, left) if left is not None else free)


def judge_memory(free_mib: float) -> Check:
    """Judge how many workers the free memory holds."""
    found = f"{free_mib:,.0f} MiB free"
    if free_mib < MEMORY_FOR_ONE_MIB:
        return Check("memory", "failed", found, f"close programs: one worker needs about {MEMORY_FOR_ONE_MIB} MiB")
    if free_mib < MEMORY_FOR_TWO_MIB:
        return Check("memory", "warning", f"{found}: room for one worker", "close programs to train two trials at once")
    return Check("memory", "ok", found)


def _cgroup_memory_mib(cgroup: Path) -> float | None:
    try:
        limit = (cgroup / "memory.max").read_text().strip()
        used = int((cgroup / "memory.current").read_text())
    except (OSError, ValueError):
        return None
    return None if limit == "max" else (int(limit) - used) / 2**20
