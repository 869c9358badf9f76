"""What all tests share. TensorFlow is told its threads before anything imports it: bits depend on their number."""

import contextlib
import sys

import hypothesis
import numpy.fft  # before pytester, which takes out what came with it: NumPy loads its parts once a process  # noqa: F401
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


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project; what a suite file leaves in this process goes with it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    forget(tmp_path)


def forget(project):
    found = []
    for name, module in list(sys.modules.items()):
        with contextlib.suppress(Exception):  # some modules make their attributes when they are asked for
            places = [getattr(module, "__file__", None), *(getattr(module, "__path__", None) or [])]
            found += [name] * any(str(place).startswith(str(project)) for place in places)
    for name in found:
        del sys.modules[name]


@pytest.fixture
def collect(project, capsys):
    """Runs pytest here on the project; returns its exit code and output."""

    def run(*arguments):
        capsys.readouterr()
        code = pytest.main(["--capture=no", *arguments])
        forget(project)
        said = capsys.readouterr()
        return code, said.out + said.err

    return run
