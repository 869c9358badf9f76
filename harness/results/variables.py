"""Variables of the environment that change what is computed, or how fast, and that this program does not set itself."""

from __future__ import annotations

import os
import re

_BITS = re.compile(r"(TF|XLA|JAX|ONEDNN|DNNL|CUBLAS|CUDNN|KERAS|TORCH|PYTORCH)_\w+|NVIDIA_TF32_OVERRIDE|MKL_CBWR")
_SPEED = re.compile(r"(OMP|KMP|MKL|GOMP|MALLOC|CUDA)_\w+|LD_PRELOAD")
# Set by `configure_process` or by importing TensorFlow, recorded elsewhere, or without any effect on numbers.
_KNOWN = re.compile(
    r"TF_CPP_\w+|TF_FORCE_GPU_ALLOW_GROWTH|TF_NUM_INT(RA|ER)OP_THREADS|XLA_PYTHON_CLIENT_\w+|JAX_(ENABLE_X64|PLATFORMS)|"
    r"JAX_COMPILATION_CACHE_DIR|KERAS_(BACKEND|HOME)|OMP_NUM_THREADS|KMP_DUPLICATE_LIB_OK|KMP_INIT_AT_FORK|"
    r"CUDA_(VISIBLE_DEVICES|HOME|PATH|ROOT|VERSION|CACHE_PATH)|"
    # Terraform's, which has the prefix too.
    r"TF_(CLI_\w+|VAR_\w+|LOG\w*|DATA_DIR|WORKSPACE|INPUT|IN_AUTOMATION|PLUGIN_CACHE_DIR|IGNORE)"
)


def bit_changing() -> tuple[tuple[str, str], ...]:
    """Return name and value of those that change what is computed, sorted: part of a trial's key."""
    return _matching(_BITS)


def telling() -> tuple[tuple[str, str], ...]:
    """Return those, and the ones that change speed alone: part of a run's provenance."""
    return tuple(sorted({*_matching(_BITS), *_matching(_SPEED)}))


def _matching(names: re.Pattern[str]) -> tuple[tuple[str, str], ...]:
    found = sorted(os.environ.items())
    return tuple((name, value) for name, value in found if names.fullmatch(name) and not _KNOWN.fullmatch(name))
