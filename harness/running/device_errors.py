"""Which errors say that a GPU's context is lost, and which that memory did not suffice."""

from __future__ import annotations

import re

from harness.errors import HarnessError


def spoils_gpu(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, leaves this process's CUDA context unusable for every later trial.

    >>> spoils_gpu(RuntimeError("CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered"))
    True
    >>> spoils_gpu(MemoryError("CUDA_ERROR_OUT_OF_MEMORY: out of memory")), spoils_gpu(ValueError("shapes differ"))
    (False, False)

    XLA's compiler is not the GPU: where it lacks a part of CUDA, the message says so.

    >>> spoils_gpu(type("InternalError", (Exception,), {})("libdevice not found at ./libdevice.10.bc"))
    False
    """
    if error is None or isinstance(error, HarnessError):  # ours may quote CUDA on why there is no GPU
        return error is not None and spoils_gpu(error.__cause__ or error.__context__)
    if is_out_of_memory(error):
        return False
    text = f"{type(error).__name__}: {error}"
    if re.search(r"libdevice|ptxas", text):
        return False
    kinds = r"CUDA_ERROR_|CUDA error|CUDNN_STATUS_|^(InternalError|UnknownError|AcceleratorError)\b"
    return bool(re.search(kinds, text)) or spoils_gpu(error.__cause__ or error.__context__)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error tells that memory, the GPU's or the machine's, did not suffice.

    >>> is_out_of_memory(MemoryError()), is_out_of_memory(HarnessError("ResourceExhausted: OOM"))
    (True, True)
    """
    words = r"MemoryError|out.of.memory|RESOURCE_EXHAUSTED|ResourceExhausted"
    return error is not None and bool(re.search(words, f"{type(error).__name__}: {error}", re.IGNORECASE))
