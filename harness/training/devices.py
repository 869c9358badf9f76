"""The device that trains: found without starting TensorFlow, used by telling TensorFlow before it starts."""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.errors import InputError
from harness.results.provenance import subprocess_output
from harness.results.trials import DeviceKind, Environment

DeviceChoice = Literal["auto", "cpu", "gpu"]

TRAINING_THREADS = 1
_ASK_TIMEOUT_S = 60
_BACKEND_PACKAGES = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}
_ASK_TENSORFLOW = (
    "import tensorflow as tf\n"
    "for gpu in tf.config.list_physical_devices('GPU'):\n"
    "    print(tf.config.experimental.get_device_details(gpu).get('device_name', gpu.name))"
)


@dataclass(frozen=True)
class Device:
    """What a sweep trains on.

    Attributes:
        kind: cpu or gpu.
        accelerators: Names of the GPUs seen; empty on a CPU.
        driver: Version of their driver, empty where unknown.
    """

    kind: DeviceKind
    accelerators: tuple[str, ...] = ()
    driver: str = ""


def find_device(choice: DeviceChoice) -> Device:
    """Return the device that a choice means on this machine; never falls back from a GPU silently.

    Raises:
        InputError: A GPU is asked for and none can be used; says what was looked for.
    """
    if choice == "cpu":
        return Device("cpu")
    if not has_gpu_hardware():
        if choice == "gpu":
            raise InputError(
                "--device gpu: no GPU was found (looked for /dev/nvidia*, /dev/dxg and `nvidia-smi -L`): "
                "use --device cpu, or install the driver and check that `nvidia-smi` lists the GPU"
            )
        return Device("cpu")
    names = _usable_gpus()
    if names:
        return Device("gpu", names, _driver_version())
    if choice == "gpu":
        raise InputError(
            "--device gpu: a GPU is there, but TensorFlow sees none "
            "(tf.config.list_physical_devices('GPU') is empty): "
            'install its CUDA libraries with `pip install "cnn-harness[gpu]"`, or use --device cpu'
        )
    return Device("cpu")


def training_environment(device: Device, *, threads: int = TRAINING_THREADS) -> Environment:
    """Return the part of a trial's key that this machine decides, without importing a backend."""
    backend = keras_backend()
    packages = ["keras", "numpy", _BACKEND_PACKAGES.get(backend, backend)]
    versions = tuple((name, importlib.metadata.version(name)) for name in sorted(packages))
    return Environment(device.kind, backend, threads if device.kind == "cpu" else 0, versions)


def keras_backend() -> str:
    """Return the Keras backend that the environment chooses: KERAS_BACKEND, else TensorFlow.

    Keras's own configuration file is not asked: it would make results depend on a file outside the project.
    """
    return os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def configure_process(kind: DeviceKind, *, threads: int) -> None:
    """Prepare this process before TensorFlow is imported: its device, threads (0: all cores) and silence."""
    keras_backend()
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # retracing and deprecations are ours to know of
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    if kind == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        # One operation at a time, on as many threads as it may use. Several at once take no less time here, and who
        # gets which core is left to chance: step times then vary 1.7 times as much (docs/statistics.md).
        os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    if threads:
        os.environ["OMP_NUM_THREADS"] = str(threads)
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Send what TensorFlow greets with on standard error, past its own log level, nowhere while it is imported."""
    saved = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def has_gpu_hardware() -> bool:
    """Whether this machine has a GPU, whatever TensorFlow makes of it."""
    if any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists():
        return True
    return bool(subprocess_output("nvidia-smi", "-L", timeout_s=_ASK_TIMEOUT_S))


def _usable_gpus() -> tuple[str, ...]:
    # In a process of its own: importing TensorFlow here would cost this one 600 MiB and its start.
    return tuple(subprocess_output(sys.executable, "-c", _ASK_TENSORFLOW, timeout_s=_ASK_TIMEOUT_S).splitlines())


def _driver_version() -> str:
    query = ("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
    return subprocess_output(*query, timeout_s=_ASK_TIMEOUT_S).partition("\n")[0]
