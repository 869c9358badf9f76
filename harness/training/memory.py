"""The highest memory a trial needed: of the device where there is one, else of the process."""

from __future__ import annotations

import contextlib
from pathlib import Path

import keras

from harness.results.records import NAN
from harness.results.trials import DeviceKind


class PeakMemory:
    """Start it before the work, read `mib()` after; nan where the system does not tell."""

    def __init__(self, kind: DeviceKind) -> None:
        self._backend = keras.backend.backend() if kind == "gpu" else ""
        self._before = 0.0
        if self._backend == "tensorflow":
            import tensorflow as tf

            tf.config.experimental.reset_memory_stats("GPU:0")
        elif self._backend == "jax":
            self._before = _peak_of_jax()
        elif not self._backend:
            _forget_peak()

    def mib(self) -> float:
        """Return the peak since the start, in MiB."""
        if self._backend == "tensorflow":
            import tensorflow as tf

            return float(tf.config.experimental.get_memory_info("GPU:0")["peak"]) / 2**20
        if self._backend == "jax":
            peak = _peak_of_jax()
            return peak if peak > self._before else NAN  # JAX never forgets a peak: this one is an earlier trial's
        return NAN if self._backend else _peak_resident_mib()


def _peak_of_jax() -> float:
    import jax

    return float((jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", NAN)) / 2**20


def _forget_peak() -> None:
    # Where it cannot be reset, the peak is that of the whole process: an upper bound.
    with contextlib.suppress(OSError):
        # 5 resets VmHWM to the memory now resident (Linux, proc(5)).
        Path("/proc/self/clear_refs").write_text("5")


def _peak_resident_mib() -> float:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return NAN
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: nan")
    return float(line.split()[1]) / 1024
