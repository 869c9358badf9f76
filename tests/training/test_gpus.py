"""A CPU's number never stands under a GPU's name: seen on a machine without a GPU, where each of these must refuse."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import os
import re
import signal
from pathlib import Path

import pytest

from harness import BASELINE, BUDGETS, HarnessError, InputError, load_results
from harness.datasets import DatasetRef
from harness.models.builders import user_errors
from harness.results.opening import open_store
from harness.results.provenance import Gpu
from harness.results.step_times import RECIPE
from harness.results.trials import Trial
from harness.running.device_errors import spoils_gpu
from harness.running.keras_tuner_import import import_keras_tuner
from harness.running.timing_processes import TimingProcesses
from harness.running.worker import SPOILT_GPU
from harness.running.worker_pool import PoolExecutor, pool_size
from harness.running.worker_process import WorkerDied
from harness.timing.timer import Timer
from harness.training import gpus
from harness.training.devices import Device, configure_process, find_device, has_gpu_hardware, training_environment
from harness.training.gpus import ask_for_gpus, gpus_of_process, require_gpu, telling_lines
from harness.training.trial import Trainer
from harness.variants.sources import source_fingerprint

H100 = Gpu("NVIDIA H100 80GB HBM3", "GPU-1a2b3c4d-0000-0000-0000-000000000000", "9.0", "GPU-1a2b", tf32=True)
SECOND = dataclasses.replace(H100, uuid="GPU-5e6f7a8b-0000-0000-0000-000000000000", visible="GPU-5e6f")
T4 = dataclasses.replace(H100, name="Tesla T4", compute_capability="7.5", tf32=False)
ENVIRONMENT = training_environment(Device("gpu", (H100,)))
REFERENCE = Path(__file__).parents[2] / "results/reference/cifar10"
PATIENCE_S = 900  # a machine that is busy is slow, not wrong
no_gpu = pytest.mark.skipif(has_gpu_hardware(), reason="this machine has a GPU")


def trial_on(environment, digits) -> Trial:
    return Trial(BASELINE, "", digits.name, digits.fingerprint, 1, BUDGETS["smoke"], environment)


@no_gpu
def test_26_training_and_timing_refuse_where_the_backend_sees_no_gpu(digits):
    words = rf"TensorFlow sees none in this process \({re.escape(ask_for_gpus().reason)}; .*nothing was run on the CPU"
    with pytest.raises(HarnessError, match=words) as told:
        Trainer().run(trial_on(ENVIRONMENT, digits), digits)
    assert not spoils_gpu(told.value)  # it quotes CUDA's errors
    with pytest.raises(HarnessError, match="CUDA_VISIBLE_DEVICES is '-1'"):
        Timer(digits, ENVIRONMENT)
    require_gpu(training_environment(Device("cpu")))  # a CPU's process needs none


@no_gpu
def test_a_gpu_that_cannot_be_used_is_told_with_the_backends_reason():
    import tensorflow as tf

    answer = ask_for_gpus()
    assert answer.gpus == ()
    if not tf.sysconfig.get_build_info()["is_cuda_build"]:
        pytest.skip("this TensorFlow was built without CUDA, and says nothing of GPUs")
    assert telling_lines(answer.reason) == answer.reason != ""
    with contextlib.suppress(OSError):
        ctypes.CDLL("libcuda.so.1")
        pytest.skip("a driver's library is there, without a GPU: whatever it says is the reason")
    assert "libcuda.so.1" in answer.reason
    assert any(name.startswith("compute_") for name in answer.kernels_for)
    assert "cuDNN" in answer.built_with
    (warning,) = Device("cpu", answer=answer).warnings
    assert "this runs on the CPU" in warning
    assert find_device("cpu").warnings == ()


@no_gpu
def test_a_gpu_that_is_there_and_cannot_be_used_is_refused_where_it_is_asked_for(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"  # a driver's, of a card that the backend does not use
    program.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA H100 80GB HBM3'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    device = find_device("auto")
    assert device.kind == "cpu"
    assert device.warnings[0].startswith("a GPU is there, but TensorFlow does not use it (")
    why = re.escape(ask_for_gpus().reason)
    with pytest.raises(InputError, match=rf"^--device gpu: a GPU is there, but TensorFlow cannot use it \({why}\): "):
        find_device("gpu")


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ("raise SystemExit('CUDA driver version is insufficient')", "CUDA driver version is insufficient"),
        ("import os; os._exit(7)", "it ended with exit code 7"),
        ("import time; time.sleep(1e6)", "a first step on the GPU took longer than 0.2 s"),
    ],
)
def test_a_backend_that_dies_or_hangs_as_it_is_asked_for_gpus_has_none(tmp_path, monkeypatch, capsys, does, reason):
    (tmp_path / "keras.py").write_text(does)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    for name in ("_NOTICE_S", "_COMPILING_S") if "longer" in reason else ():
        monkeypatch.setattr(gpus, name, 0.2)
    answer = ask_for_gpus.__wrapped__()
    assert (answer.gpus, answer.reason) == ((), reason)
    assert ("is being compiled; once for a card" in capsys.readouterr().err) == ("longer" in reason)


class Driver:
    """As much of the CUDA driver's library as is called: two cards, or an error."""

    def __init__(self, error=0):
        self.error = error

    def cuInit(self, flags):
        return self.error

    def cuDeviceGetCount(self, count):
        count._obj.value = 2
        return 0

    def cuDeviceGet(self, device, ordinal):
        device._obj.value = ordinal

    def cuDeviceGetName(self, name, size, device):
        name.value = b"NVIDIA H100" if device.value == 0 else b"Tesla T4"

    def cuDeviceGetUuid_v2(self, identity, device):
        identity.raw = bytes([device.value] * 16)

    def cuDeviceGetAttribute(self, number, attribute, device):
        number._obj.value = {(75, 0): 9, (76, 0): 0, (75, 1): 7, (76, 1): 5}[attribute, device.value]


@pytest.mark.parametrize(("shown", "count"), [(2, 2), (1, 1), (0, 0)])
def test_gpus_are_named_by_the_driver_as_many_as_the_backend_has(monkeypatch, shown, count):
    import tensorflow as tf

    monkeypatch.setattr("ctypes.CDLL", lambda name: Driver())
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: ["GPU"] * shown)
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    found = gpus_of_process.__wrapped__()
    cards = [("NVIDIA H100", "GPU-" + "-".join("0" * n for n in (8, 4, 4, 4, 12)), "9.0", True)]
    cards += [("Tesla T4", "GPU-01010101-0101-0101-0101-010101010101", "7.5", False)]
    assert [(one.name, one.uuid, one.compute_capability, one.tf32) for one in found] == cards[:count]
    assert all(one.visible == one.uuid for one in found)
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    assert not any(one.tf32 for one in gpus_of_process.__wrapped__())
    monkeypatch.setattr("ctypes.CDLL", lambda name: Driver(error=100))  # CUDA_ERROR_NO_DEVICE
    assert gpus_of_process.__wrapped__() == ()


def seen() -> str:
    return os.environ.get("CUDA_VISIBLE_DEVICES", "not set")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_every_worker_and_its_replacement_and_the_timing_process_see_their_own_gpu(digits, tmp_path):
    pool = PoolExecutor(
        DatasetRef.of(digits), ENVIRONMENT, workers=3, timeout_s=PATIENCE_S, log=tmp_path / "log", gpus=(H100, SECOND)
    )
    timing = TimingProcesses(
        DatasetRef.of(digits), ENVIRONMENT, BUDGETS["smoke"], log=tmp_path / "log", visible=H100.visible
    )
    try:
        first, second, third = pool._places
        assert pool._fill(third).run(seen, limit_s=PATIENCE_S) == H100.visible  # shared
        assert pool._fill(first).run(seen, limit_s=PATIENCE_S) == H100.visible
        with pytest.raises(WorkerDied):
            pool._fill(second).run(die, limit_s=PATIENCE_S)
        assert pool._fill(second).run(seen, limit_s=PATIENCE_S) == SECOND.visible
        assert timing._fresh().run(seen, limit_s=PATIENCE_S) == H100.visible
    finally:
        pool.close()
        timing.close()


def test_no_process_inherits_a_hidden_gpu_from_the_import_of_keras_tuner(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    import_keras_tuner()
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    assert os.environ["JAX_PLATFORMS"] == "cuda"


def test_a_gpu_gets_one_worker_unless_more_are_asked_for():
    assert pool_size(1, Device("gpu", (H100, SECOND))) == 2
    assert pool_size(1, Device("gpu", (H100, SECOND)), 1) == 1
    assert pool_size(1, Device("gpu", (H100, SECOND)), 3) == 3


def test_a_gpu_process_leaves_jax_its_memory_and_32_bits(monkeypatch):
    for name in ("XLA_PYTHON_CLIENT_PREALLOCATE", "JAX_PLATFORMS", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JAX_ENABLE_X64", "1")
    configure_process("gpu", threads=0, visible="GPU-1a2b")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-1a2b"
    assert os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert os.environ["JAX_ENABLE_X64"] == "0"
    assert os.environ["JAX_PLATFORMS"] == "cuda,cpu"


def test_capability_and_tf32_are_keyed_on_a_gpu_and_keys_of_a_cpu_stay_what_they_are(digits):
    without = dataclasses.replace(H100, tf32=False)
    environments = [training_environment(Device("gpu", (gpu,))) for gpu in (H100, T4, without)]
    assert len({trial_on(environment, digits).key for environment in environments}) == 3
    stored = load_results(REFERENCE)
    assert stored.records
    assert all(record.trial.key == key for key, record in stored.records.items())


def test_the_machine_of_a_gpu_is_the_card_in_whatever_container(tmp_path):
    provenance = load_results(REFERENCE).provenances.popitem()[1]
    one, other = (dataclasses.replace(provenance, host=host, gpus=(H100,)) for host in ("a1f0", "b2e9"))
    assert one.machine == other.machine
    assert one.machine != dataclasses.replace(one, gpus=(SECOND,)).machine
    with open_store(tmp_path) as store:
        store.begin_run(one)
        times = next(iter(load_results(REFERENCE).step_times.values()))
        store.add_step_times(times)
    assert load_results(tmp_path).provenances[times.key] == one


def test_step_times_of_a_gpu_that_no_process_asked_for_are_never_shown():
    asked = next(times for times in load_results(REFERENCE).step_times.values())
    current = dataclasses.replace(asked, recipe=RECIPE[asked.budget.name])
    older = dataclasses.replace(current, environment=dataclasses.replace(asked.environment, device="gpu"))
    newer = dataclasses.replace(current, environment=ENVIRONMENT)
    assert [times.is_current for times in (current, older, newer)] == [True, False, True]


def test_a_cuda_error_in_a_users_model_spoils_the_gpu_and_a_lack_of_memory_does_not():
    def told(text: str) -> HarnessError:
        with pytest.raises(HarnessError) as told, user_errors("examples.small_resnet:build"):
            raise RuntimeError(text)
        return told.value

    assert spoils_gpu(told("CUDA_ERROR_LAUNCH_FAILED: unspecified launch failure"))
    assert not spoils_gpu(told("RESOURCE_EXHAUSTED: CUDA_ERROR_OUT_OF_MEMORY"))


def test_a_worker_whose_gpu_is_spoilt_says_so_and_is_replaced(digits, tmp_path, monkeypatch):
    (tmp_path / "spoiling.py").write_text(
        f"import posix\n\ndef build(variant, input_shape, classes):\n    posix._exit({SPOILT_GPU})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    environment = training_environment(Device("cpu"))
    pool = PoolExecutor(DatasetRef.of(digits), environment, workers=1, timeout_s=PATIENCE_S, log=tmp_path / "log")
    try:
        variant = BASELINE.replace(model="spoiling:build")
        source = source_fingerprint(variant) or ""
        trial = dataclasses.replace(trial_on(environment, digits), variant=variant, source=source)
        record = pool.run(trial)
        assert record.status == "failed"
        assert "CUDA error" in record.message
        assert pool._fill(*pool._places).run(seen, limit_s=PATIENCE_S) == "-1"
    finally:
        pool.close()
