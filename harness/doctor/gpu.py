"""The GPU: whether it is used, its driver and libraries, and whether its kernels must be compiled first."""

from __future__ import annotations

import os

from packaging.version import InvalidVersion, Version

from harness.doctor.check import Check
from harness.files import expanded
from harness.training.devices import Device, backend_name, keras_backend
from harness.training.gpus import WITH_CUDA


def check_gpu(device: Device, *, hardware: bool) -> list[Check]:
    """Check that a GPU that is there is used, and that it can be used well.

    Args:
        device: What a sweep with `--device auto` would train on.
        hardware: Whether the machine has a GPU.
    """
    if device.kind == "gpu":
        used = Check("device", "ok", f"GPU, seen and used: {'; '.join(map(str, device.gpus))}")
        return [used, check_driver(device), check_libraries(device), check_kernels(device)]
    if hardware:
        reason = f" ({device.answer.reason})" if device.answer and device.answer.reason else ""
        return [
            Check(
                "device",
                "failed",
                f"a GPU is there, but {backend_name()} does not see it: sweeps would run on the CPU{reason}",
                f"pip install {WITH_CUDA[keras_backend()]} and see docs/gpu.md, or say --device cpu to mean it",
            )
        ]
    return [Check("device", "ok", "CPU; no GPU is there")]


def check_driver(device: Device) -> Check:
    """Check that a GPU's driver answers."""
    if device.driver:
        return Check("driver", "ok", f"version {device.driver}")
    return Check("driver", "warning", "nvidia-smi does not answer", "reinstall the driver, so that records can name it")


def check_libraries(device: Device) -> Check:
    """Check that the cuDNN that is loaded is no older than the one the backend was built with."""
    gpu, built_with = device.gpus[0], device.answer.built_with if device.answer else ""
    found = f"CUDA {gpu.cuda or 'of unknown version'} and cuDNN {gpu.cudnn or 'of unknown version'} are loaded"
    found += f"; {backend_name()} was built with {built_with}" if built_with else ""
    try:
        older = Version(gpu.cudnn) < Version(built_with.rpartition("cuDNN ")[2])
    except InvalidVersion:
        older = False
    if older:
        remedy = "unset LD_LIBRARY_PATH, which finds another cuDNN before the one that pip installed, or upgrade that"
        return Check("GPU libraries", "failed", found, remedy)
    return Check("GPU libraries", "ok", found)


def check_kernels(device: Device) -> Check:
    """Check that the backend holds machine code for the card: what it lacks is compiled at first use."""
    capability, there = device.gpus[0].compute_capability, device.answer.kernels_for if device.answer else ()
    found = f"compute capability {capability}"
    found += f"; {backend_name()} holds {', '.join(there)}" if there else ""
    if not there or runs_natively(capability, there):
        return Check("GPU kernels", "ok", found)
    cache = os.environ.get("CUDA_CACHE_PATH") or expanded("~/.nv/ComputeCache")
    return Check(
        "GPU kernels",
        "warning",
        f"{found}, no machine code for it: kernels are compiled at first use, for minutes, and kept in {cache}",
        "run `pytest suites --benchmark --budget smoke` once before a sweep; keep that folder (in a container as a "
        "volume, elsewhere with CUDA_CACHE_PATH) and let it grow with CUDA_CACHE_MAXSIZE=4294967296",
    )


def runs_natively(capability: str, architectures: tuple[str, ...]) -> bool:
    """Whether machine code for one of these architectures runs on a card: same major version, no higher minor one.

    What TensorFlow calls compute_90 is machine code for 9.0, and besides a text that later cards compile.

    >>> runs_natively("8.6", ("sm_60", "sm_80", "compute_90")), runs_natively("9.0", ("sm_89", "compute_90"))
    (True, True)
    >>> runs_natively("12.0", ("sm_89", "compute_90"))
    False
    """
    major, minor = map(int, capability.split("."))
    numbers = [int(name.rpartition("_")[2].rstrip("af")) for name in architectures]
    return any(number // 10 == major and number % 10 <= minor for number in numbers)
