"""What all tests share. TensorFlow is told its threads before anything imports it: bits depend on their number."""

import os
from pathlib import Path

import hypothesis
import pytest

from harness.datasets import Dataset, load_dataset
from harness.training.devices import configure_process

configure_process("cpu", threads=1)

pytest_plugins = ["pytester"]

# A machine that is busy is slow, not wrong.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load_dataset("digits")


@pytest.fixture(scope="session")
def cifar10() -> Dataset:
    folder = os.environ.get("CIFAR10_DIR", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("CIFAR10_DIR does not name a folder with CIFAR-10 as train/CLASS/ and test/CLASS/")
    return load_dataset(folder)
