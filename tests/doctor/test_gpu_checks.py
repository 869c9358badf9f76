from __future__ import annotations

import dataclasses

from harness.doctor.gpu import check_gpu
from harness.results.provenance import Gpu
from harness.training.devices import Device
from harness.training.gpus import Answer

BUILT = ("sm_60", "sm_70", "sm_80", "sm_89", "compute_90")
A100 = Gpu("NVIDIA A100-SXM4-40GB", "GPU-1", "8.0", cuda="12.5", cudnn="9.3.0", tf32=True)


def checks(gpu: Gpu | None, *, built_with: str = "CUDA 12.5.1, cuDNN 9", driver: str = "570.1", reason: str = ""):
    gpus = (gpu,) if gpu else ()
    device = Device("gpu" if gpu else "cpu", gpus, driver, Answer(gpus, BUILT, built_with, reason))
    return {check.name: check for check in check_gpu(device, hardware=True)}


def test_a_gpu_that_is_not_used_fails_with_the_backends_own_reason():
    found = checks(None, reason="Could not load dynamic library 'libcudnn.so.9'")
    assert found["device"].status == "failed"
    assert "libcudnn.so.9" in found["device"].found
    assert check_gpu(Device("cpu"), hardware=False)[0].status == "ok"


def test_a_gpu_that_is_used_is_named_with_what_drives_it():
    found = checks(A100)
    assert {check.status for check in found.values()} == {"ok"}
    for fact in ("A100", "GPU-1", "compute capability 8.0", "CUDA 12.5", "cuDNN 9.3.0", "TF32 on", "XLA off"):
        assert fact in found["device"].found
    assert checks(A100, driver="")["driver"].status == "warning"


def test_a_card_newer_than_the_wheel_is_told_that_kernels_will_be_compiled(monkeypatch):
    monkeypatch.setenv("CUDA_CACHE_PATH", "/kept/kernels")
    assert checks(dataclasses.replace(A100, compute_capability="9.0"))["GPU kernels"].status == "ok"  # H100
    check = checks(dataclasses.replace(A100, compute_capability="12.0"))["GPU kernels"]  # a Blackwell card
    assert check.status == "warning"
    assert "12.0" in check.found
    assert "/kept/kernels" in check.found


def test_an_older_cudnn_than_the_one_built_with_fails():
    check = checks(dataclasses.replace(A100, cudnn="8.9.7"))["GPU libraries"]
    assert check.status == "failed"
    assert "LD_LIBRARY_PATH" in check.remedy
    assert checks(A100, built_with="")["GPU libraries"].status == "ok"
