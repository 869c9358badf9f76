"""The device that trains: found without starting the backend here, used by telling the backend before it starts."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.errors import InputError, nearest
from harness.files import expanded
from harness.results.provenance import Gpu, subprocess_output
from harness.results.trials import DeviceKind, Environment
from harness.results.variables import bit_changing
from harness.training.generated_files import remove_at_exit
from harness.training.gpus import BACKENDS, WITH_CUDA, Answer, ask_for_gpus

DeviceChoice = Literal["auto", "cpu", "gpu"]

TRAINING_THREADS = 1
_ASK_TIMEOUT_S = 60


@dataclass(frozen=True)
class Device:
    """What a sweep trains on.

    Attributes:
        kind: cpu or gpu.
        gpus: All of the first one's name: others would give other results and times. Empty on a CPU.
        driver: Version of their driver, empty where unknown.
        answer: What the backend was asked for GPUs and said; None where it was not asked.
    """

    kind: DeviceKind
    gpus: tuple[Gpu, ...] = ()
    driver: str = ""
    answer: Answer | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know who left the choice to the harness."""
        if self.kind == "gpu" or self.answer is None:
            return ()
        return (f"a GPU is there, but {backend_name()} does not use it ({self.answer.reason}): this runs on the CPU",)


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
    answer = ask_for_gpus()
    if answer.gpus:
        alike = tuple(gpu for gpu in answer.gpus if gpu.name == answer.gpus[0].name)
        return Device("gpu", alike, _driver_version(), answer)
    if choice == "gpu":
        raise InputError(
            f"--device gpu: a GPU is there, but {backend_name()} cannot use it ({answer.reason}): "
            f"install its CUDA libraries with `pip install {WITH_CUDA[keras_backend()]}`, see docs/gpu.md, or use "
            "--device cpu"
        )
    return Device("cpu", answer=answer)


def training_environment(device: Device, *, threads: int = TRAINING_THREADS) -> Environment:
    """Return the part of a trial's key that this machine decides, without importing a backend."""
    backend = keras_backend()
    versions = [(name, importlib.metadata.version(name)) for name in ("keras", "numpy", backend)]
    if device.gpus:
        versions += device.gpus[0].arithmetic
        if backend == "tensorflow" and device.gpus[0].xla:  # JAX always uses it
            versions.append(("XLA", "on"))
    versions += bit_changing()
    return Environment(device.kind, backend, threads if device.kind == "cpu" else 0, tuple(sorted(versions)))


def keras_backend() -> str:
    """Return the Keras backend that the environment chooses: KERAS_BACKEND, else TensorFlow.

    Keras's own configuration file is not asked: it would make results depend on a file outside the project.

    Raises:
        InputError: It is unknown, cannot train, or is not installed.
    """
    backend = os.environ.setdefault("KERAS_BACKEND", "") or "tensorflow"
    os.environ["KERAS_BACKEND"] = backend
    if backend not in BACKENDS:
        raise InputError(f'KERAS_BACKEND is "{backend}": use {", ".join(BACKENDS)}{nearest(backend, BACKENDS)}')
    if importlib.util.find_spec(backend) is None:
        raise InputError(
            f'KERAS_BACKEND is "{backend}", which is not installed: install it with `pip install {backend}`, or unset '
            "the variable to train with TensorFlow"
        )
    _check_keras_file()
    return backend


def _check_keras_file() -> None:
    """Refuse a keras.json that Keras does not start with; what else it says is overridden (`harness.models.state`)."""
    path = expanded(os.environ.get("KERAS_HOME") or "~/.keras") / "keras.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # Keras passes over it too
        return
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no JSON object, and Keras does not start with it: mend or remove it")
    allowed = {"floatx": ("float16", "float32", "float64"), "image_data_format": ("channels_last", "channels_first")}
    wrong = {name: content[name] for name, words in allowed.items() if content.get(name, words[0]) not in words}
    if not isinstance(content.get("epsilon", 0.0), float):
        wrong["epsilon"] = content["epsilon"]
    for name, value in wrong.items():
        words = ", ".join(allowed.get(name, ("a number with a point, as 1e-07",)))
        raise InputError(f'{path}: "{name}" is {value!r}, and Keras does not start with it; allowed: {words}')


def configure_process(kind: DeviceKind, *, threads: int, visible: str = "") -> None:
    """Prepare this process before its backend is imported.

    Args:
        kind: What it trains on.
        threads: Intra-op threads; 0 for all cores.
        visible: The one GPU that it sees (`Gpu.visible`); empty for those that it sees anyhow.
    """
    keras_backend()
    remove_at_exit()
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # retracing and deprecations are ours to know of
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX would take three quarters of the memory
    os.environ["JAX_ENABLE_X64"] = "0"
    if kind == "cpu":
        os.environ |= {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
        # One operation at a time, on as many threads as it may use. Several at once take no less time here, and who
        # gets which core is left to chance: step times then vary 1.7 times as much (docs/statistics.md).
        os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    else:
        os.environ.setdefault("JAX_PLATFORMS", "cuda,cpu")  # named ones raise where they cannot start
        if visible:
            os.environ["CUDA_VISIBLE_DEVICES"] = visible
    if threads:
        os.environ["OMP_NUM_THREADS"] = str(threads)
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)


@contextlib.contextmanager
def without_gpu() -> Iterator[None]:
    """Let this process import its backend without a GPU, for good, and processes that it starts later have theirs."""
    hidden = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
    kept = {name: os.environ.get(name) for name in hidden}
    os.environ |= hidden
    try:
        yield
        if keras_backend() == "tensorflow":
            import tensorflow as tf

            with contextlib.suppress(RuntimeError):  # it has begun to compute already, with the devices it has
                tf.config.set_visible_devices([], "GPU")
    finally:
        for name, value in kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


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


def backend_name() -> str:
    """Return the Keras backend as people write it."""
    return BACKENDS.get(keras_backend(), keras_backend())


def _driver_version() -> str:
    query = ("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
    return subprocess_output(*query, timeout_s=_ASK_TIMEOUT_S).partition("\n")[0]
