"""The GPUs that a process has: asked of the Keras backend that will train, and of the CUDA driver that names them."""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import json
import os
import re
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.results.provenance import Gpu
from harness.results.trials import Environment

# Where a wheel holds no machine code for a card, its kernels are compiled at first use: half an hour has been seen.
_COMPILING_S = 3600.0
_NOTICE_S = 25.0
_PROGRAM = "from harness.training.gpus import print_answer; print_answer()"
_TELLING = re.compile(r"cuda|cudnn|gpu|dlopen|dynamic library", re.IGNORECASE)
_LOG_PREFIX = re.compile(r"^[IWEF]\d{4} .*?\] |^[\d-]+ [\d:.]+: [IWEF] \S+\] ")
BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
WITH_CUDA = {"tensorflow": '"cnn-harness[gpu]"', "jax": '"jax[cuda13]"', "torch": "torch"}
"""What pip installs for each backend on a GPU."""


@dataclass(frozen=True)
class Answer:
    """What a fresh process found.

    Attributes:
        gpus: Those it can train on; a step of a tiny network ran on the first one.
        kernels_for: Architectures that the backend's wheel holds machine code (sm_) or PTX (compute_) for; empty where
            it does not say.
        built_with: CUDA and cuDNN that the wheel was built with; empty where it does not say.
        reason: Why there are none, in the backend's own words, or that it gives no reason; empty where there are some.
    """

    gpus: tuple[Gpu, ...] = ()
    kernels_for: tuple[str, ...] = ()
    built_with: str = ""
    reason: str = ""


@functools.cache
def ask_for_gpus() -> Answer:
    """Ask a process of its own, once, which leaves this one small; it also compiles a new card's first kernels."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
    )
    try:
        output, errors = process.communicate(timeout=_NOTICE_S)
    except subprocess.TimeoutExpired:
        print("the GPU's first step is being compiled; once for a card, this can take minutes", file=sys.stderr)
        try:
            output, errors = process.communicate(timeout=_COMPILING_S)
        except subprocess.TimeoutExpired:
            return Answer(reason=f"a first step on the GPU took longer than {_COMPILING_S:g} s")
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    if process.returncode:
        return Answer(reason=(errors.strip().splitlines() or [f"it ended with exit code {process.returncode}"])[-1])
    content = json.loads(output.splitlines()[-1])
    gpus = tuple(Gpu(**gpu) for gpu in content["gpus"])
    reason = "" if gpus else telling_lines(errors) or "it gives no reason"
    return Answer(gpus, tuple(content["kernels_for"]), content["built_with"], reason)


def telling_lines(log: str) -> str:
    """Return what a backend's log says of GPUs, its last three lines of that kind without time and place.

    >>> telling_lines("I0000 00:00:17.7 9 dso_loader.cc:144] Could not load dynamic library 'libcudnn.so.9'\\nDone")
    "Could not load dynamic library 'libcudnn.so.9'"
    """
    # Indented lines are the source lines of tracebacks.
    telling = [line for line in log.splitlines() if _TELLING.search(line) and not line.startswith(" ")]
    lines = [_LOG_PREFIX.sub("", line).strip() for line in telling]
    return "; ".join(list(dict.fromkeys(lines))[-3:])


def print_answer() -> None:
    """Say in JSON what this process finds; the inside of `ask_for_gpus`."""
    from harness.training.devices import configure_process

    configure_process("gpu", threads=0)
    # It says why it sees no GPU on standard error alone: the name of a missing library at the second level.
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "0", "TF_CPP_VMODULE": "dso_loader=1"}
    import keras
    import numpy as np

    if gpus_of_process():
        layers = [keras.Input((8, 8, 3)), keras.layers.Conv2D(8, 3), keras.layers.Flatten(), keras.layers.Dense(2)]
        model = keras.Sequential(layers)
        model.compile(optimizer="adam", loss="mse")
        model.train_on_batch(np.zeros((4, 8, 8, 3), np.float32), np.zeros((4, 2), np.float32))
        gpus_of_process.cache_clear()  # the step has loaded cuDNN
    kernels_for, built_with = _build_of_tensorflow() if keras.backend.backend() == "tensorflow" else ([], "")
    gpus = [dataclasses.asdict(gpu) for gpu in gpus_of_process()]
    print(json.dumps({"gpus": gpus, "kernels_for": kernels_for, "built_with": built_with}))


def require_gpu(environment: Environment) -> None:
    """Refuse to train or to time in a process that has not the GPU its results would be recorded under.

    Raises:
        HarnessError: The backend of this process sees no GPU, or one that computes otherwise than `environment` says.
    """
    if environment.device == "cpu":
        return
    gpus = gpus_of_process()
    if not gpus:
        shown = os.environ.get("CUDA_VISIBLE_DEVICES")
        raise HarnessError(
            f"a GPU was to be used, but {BACKENDS.get(environment.backend, environment.backend)} sees none in this "
            f"process ({ask_for_gpus().reason}; CUDA_VISIBLE_DEVICES is "
            f"{'not set' if shown is None else repr(shown)}): nothing was run on the CPU instead"
        )
    wanted, found = dict(environment.versions), dict(gpus[0].arithmetic)
    if any(wanted.get(name) != value for name, value in found.items()):
        named = {name: wanted.get(name) for name in found}
        raise HarnessError(
            f"the GPU of this process has {found}, but its results would be recorded under {named}: "
            "set CUDA_VISIBLE_DEVICES and NVIDIA_TF32_OVERRIDE for the whole command, and change neither in code"
        )


@functools.cache
def gpus_of_process() -> tuple[Gpu, ...]:
    """Return the GPUs that the backend of this process has, which starts it."""
    import keras

    backend = keras.backend.backend()
    named = _driver_gpus()
    shown = os.environ.get("CUDA_VISIBLE_DEVICES") or "0"
    return tuple(
        Gpu(
            name=name,
            uuid=identity,
            compute_capability=capability,
            # One alone keeps the name it was given, which may be that of a part of a card (MIG).
            visible=shown if len(named) == 1 else identity,
            cuda=_cuda_version(),
            cudnn=_cudnn_version(),
            tf32=float(capability) >= 8 and _tf32_allowed(backend),
            xla=_takes_xla(backend),
        )
        for name, identity, capability in named[: _backend_count(backend)]
    )


def _takes_xla(backend: str) -> bool:
    """Whether Keras compiles with XLA what it can; with TensorFlow's determinism it compiles nothing so."""
    if backend != "tensorflow":
        return backend == "jax"
    from tensorflow.python.framework.config import is_op_determinism_enabled

    return not is_op_determinism_enabled()


def _backend_count(backend: str) -> int:
    if backend == "tensorflow":
        import tensorflow as tf

        return len(tf.config.get_visible_devices("GPU"))
    if backend == "jax":
        import jax

        try:
            return len(jax.devices("gpu"))
        except RuntimeError as error:
            print(error, file=sys.stderr)  # it says nothing else of why
            return 0
    import torch

    return int(torch.cuda.device_count())


def _tf32_allowed(backend: str) -> bool:
    if os.environ.get("NVIDIA_TF32_OVERRIDE") == "0":
        return False
    if backend == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.experimental.tensor_float_32_execution_enabled())
    if backend == "jax":
        import jax

        return jax.config.jax_default_matmul_precision in (None, "default", "fastest", "tensorfloat32")
    import torch

    return bool(torch.backends.cudnn.allow_tf32 or torch.backends.cuda.matmul.allow_tf32)


def _build_of_tensorflow() -> tuple[list[str], str]:
    import tensorflow as tf

    build = tf.sysconfig.get_build_info()
    with_what = f"CUDA {build.get('cuda_version')}, cuDNN {build.get('cudnn_version')}"
    return list(build.get("cuda_compute_capabilities", ())), with_what if build.get("is_cuda_build") else ""


def _driver_gpus() -> list[tuple[str, str, str]]:
    """Return name, UUID and compute capability of each GPU that the CUDA driver shows this process, in its order."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return []
    count, number, device = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    if cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)):
        return []
    found = []
    for ordinal in range(count.value):
        cuda.cuDeviceGet(ctypes.byref(device), ordinal)
        name, identity = ctypes.create_string_buffer(100), ctypes.create_string_buffer(16)
        cuda.cuDeviceGetName(name, len(name), device)
        cuda.cuDeviceGetUuid_v2(identity, device)
        numbers = []
        for attribute in (75, 76):  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
            cuda.cuDeviceGetAttribute(ctypes.byref(number), attribute, device)
            numbers.append(str(number.value))
        found.append((name.value.decode(), f"GPU-{uuid.UUID(bytes=identity.raw)}", ".".join(numbers)))
    return found


def _cuda_version() -> str:
    number = ctypes.c_int()
    library = _loaded("libcudart")
    if library is None or library.cudaRuntimeGetVersion(ctypes.byref(number)):
        return ""
    return f"{number.value // 1000}.{number.value % 1000 // 10}"


def _cudnn_version() -> str:
    library = _loaded("libcudnn")
    if library is None:
        return ""
    library.cudnnGetVersion.restype = ctypes.c_size_t
    number = int(library.cudnnGetVersion())
    major = 10_000 if number >= 90_000 else 1000
    return f"{number // major}.{number % major // 100}.{number % 100}"


def _loaded(library: str) -> ctypes.CDLL | None:
    """Return a library that this process has loaded: the file itself, whichever of several installed ones it is."""
    try:
        paths = [line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines()]
    except OSError:
        return None
    path = next((path for path in paths if Path(path).name.startswith(f"{library}.so")), None)
    return ctypes.CDLL(path) if path else None
