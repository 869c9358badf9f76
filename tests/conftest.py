"""What all tests share. TensorFlow is told its threads before anything imports it: bits depend on their number."""

import contextlib
import gc
import os
import sys
from pathlib import Path

import hypothesis
import numpy.fft  # before pytester, which takes out what came with it: NumPy loads its parts once a process  # noqa: F401
import pytest
import vl_convert  # noqa: F401  # once per process: pytest runs in this one forget what they import

from harness.datasets import Dataset, load_dataset
from harness.training.devices import configure_process

configure_process("cpu", threads=1)

pytest_plugins = ["pytester"]

# What surrounds the tests is none of the commands that they run: not the width of a terminal, which readline writes
# into the environment, nor that a worker of pytest-xdist runs them, where pytest-benchmark would switch itself off.
for name in [name for name in os.environ if name in ("COLUMNS", "LINES") or name.startswith("PYTEST_XDIST_")]:
    del os.environ[name]

# A machine that is busy is slow, not wrong.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")


FILE = pytest.StashKey[Path]()


def pytest_collection_modifyitems(config, items):
    """In a worker of pytest-xdist put the files of slow tests first, so that none is left to one worker at the end."""
    if hasattr(config, "workerinput"):
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give a worker whole files, which share what is dear to make, in the order above."""
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False
    return LoadFileScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Collect the garbage of this test alone: each pytest within a test collects all, and TensorFlow is a lot.

    A file of tests finds no suite file of another in the process: pytest would refuse its own of the same name.
    """
    if item.config.stash.get(FILE, item.path) != item.path:
        forget()
    item.config.stash[FILE] = item.path
    gc.freeze()
    try:
        return (yield)
    finally:
        gc.collect()


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


def forget(project=None):
    """Take suite files out of this process, whosever they are, and all else that lies in a project."""
    found = []
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "harness":  # some of its own files are called so: a second copy has other classes
            continue
        with contextlib.suppress(Exception):  # some modules make their attributes when they are asked for
            places = [getattr(module, "__file__", None), *(getattr(module, "__path__", None) or [])]
            within = project is not None and any(str(place).startswith(str(project)) for place in places)
            found += [name] * (within or any(Path(str(place)).match("suite_*.py") for place in places))
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
