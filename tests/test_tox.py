"""tox hands on what the harness takes from the environment."""

import configparser
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from harness.results.variables import telling

ROOT = Path(__file__).parents[1]
OTHERS = ("HARNESS_CACHE", "KERAS_BACKEND", "CUDA_VISIBLE_DEVICES", "XDG_CACHE_HOME", "LD_LIBRARY_PATH")
COUNTED = [
    f"{prefix}_ANYTHING"
    for prefix in ("TF", "XLA", "JAX", "ONEDNN", "DNNL", "CUBLAS", "CUDNN", "KERAS", "TORCH", "PYTORCH")
] + ["NVIDIA_TF32_OVERRIDE", "MKL_CBWR", "OMP_SCHEDULE", "KMP_AFFINITY", "GOMP_SPINCOUNT", "MALLOC_X", "LD_PRELOAD"]


@pytest.mark.parametrize("name", COUNTED)
def test_tox_hands_on_what_changes_bits_or_speed(name, monkeypatch):
    monkeypatch.setenv(name, "")

    assert name in dict(telling())
    assert _is_passed(name)


@pytest.mark.parametrize("name", [*OTHERS, "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"])
def test_tox_hands_on_where_things_lie_and_who_asks(name):
    assert _is_passed(name)


def _is_passed(name: str) -> bool:
    config = configparser.ConfigParser()
    config.read(ROOT / "tox.ini")
    return any(fnmatchcase(name, pattern) for pattern in config["testenv:gpu"]["pass_env"].split())
