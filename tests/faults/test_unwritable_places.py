"""What cannot be written is told in one line; what is not there is made; what need not be kept fails nothing."""

import errno
import fcntl
import os
import pwd
import tempfile
from pathlib import Path

import filelock
import keras
import pytest
from made_results import BASELINE, Made, make_results

from harness import BUDGETS
from harness.cli import run
from harness.datasets.cache import cache_root, entry_path, locked, temporary_directory
from harness.datasets.cifar10 import archive_path
from harness.doctor.folders import write_fault
from harness.errors import InputError
from harness.models.backbones import imagenet_path
from harness.results.opening import open_store
from harness.results.trials import Environment, Trial
from harness.training.checkpoints import Checkpoints, TrialState
from harness.training.devices import keras_backend
from harness.training.pretraining import check_pretraining
from harness.variants import Variant
from harness.variants.sources import weights_path


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A results folder where files stand in the place of the folders to write."""
    folder = make_results(tmp_path_factory.mktemp("results"), Made(seeds=(1,), step_ms={}))
    for name in ("report", "charts", "explore"):
        (folder / name).write_text("mine")
    return folder


@pytest.mark.parametrize(
    ("command", "place"),
    [
        (["report"], "report"),
        (["report", "--output", "{results}/report"], "report"),
        (["explore", "results", "--variant", "baseline"], "explore"),
        (["export", "--format", "csv", "--output", "{results}/report/x.csv"], "report"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_in_one_line(results, capsys, command, place):
    command = [word.format(results=results) for word in command]
    assert run([*command, "--results", str(results)]) == 4
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert str(results / place) in line
    assert "cannot be written (" in line
    assert (results / place).read_text() == "mine"


def test_git_ignores_a_results_folder_that_was_made_and_no_other(tmp_path):
    for name, there in (("new", False), ("old", True)):
        folder = tmp_path / name
        if there:
            folder.mkdir()
        open_store(folder).close()
        assert (folder / ".gitignore").exists() != there
    assert "\n*\n" in (tmp_path / "new/.gitignore").read_text()


def test_a_state_that_cannot_be_kept_fails_no_trial(tmp_path):
    (tmp_path / "taken").write_text("")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    trial = Trial(BASELINE, "", "d", "f", 1, BUDGETS["quick"], Environment("cpu", "tensorflow", 1, ()))
    kept = Checkpoints(tmp_path / "taken/folder")
    kept.save(trial, model, TrialState())
    assert kept.load(trial, model).history == []


def test_pretraining_makes_the_folder_of_its_weights(tmp_path, digits):
    output = tmp_path / "weights/new/x.weights.h5"
    check_pretraining(Variant(backbone="MobileNetV2", fine_tune=True), digits, output)
    assert output.parent.is_dir()
    assert list(output.parent.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS])
def test_a_file_system_without_locks_is_refused_for_results_and_no_lock_left_behind_is_waited_for(
    tmp_path, monkeypatch, number
):
    def refuse(descriptor, operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    (tmp_path / "results").mkdir()
    (tmp_path / "results/harness.lock").touch()  # as every run leaves it
    with pytest.raises(InputError, match=r"keeps no locks, .*: give --results a folder on another file system"):
        open_store(tmp_path / "results")
    lock = entry_path(tmp_path / "cache", "digits", "x").parent.with_suffix(".lock")
    lock.parent.mkdir(parents=True)
    lock.touch()
    with pytest.raises(OSError, match=os.strerror(number)), locked(lock):
        pass


def test_a_lock_with_a_time_is_let_go_with_its_block_and_temporary_folders_of_the_dead_go(tmp_path, monkeypatch):
    path = tmp_path / "new/a.lock"
    with locked(path), pytest.raises(filelock.Timeout), locked(path, timeout_s=0):
        pass
    with locked(path, timeout_s=0):
        pass
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, kept = tmp_path / "cnn-harness-left", tmp_path / "cnn-harness-kept"
    for folder in (left, kept):
        folder.mkdir()
        (folder / "owner").touch()
    with locked(kept / "owner"):
        mine = temporary_directory()
        assert (left.exists(), kept.exists(), mine.parent) == (False, True, tmp_path)
        with pytest.raises(filelock.Timeout), locked(mine / "owner", timeout_s=0):
            pass


def test_a_process_without_a_home_is_told_where_to_keep_its_cache_and_goes_on(results, tmp_path, monkeypatch):
    def unknown(number):
        raise KeyError(number)

    for name in ("HOME", "HARNESS_CACHE", "XDG_CACHE_HOME", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert write_fault(cache_root())
    assert run(["report", "--results", str(results), "--output", str(tmp_path / "page")]) == 0
    assert "<svg" in (tmp_path / "page/report/index.html").read_text(encoding="utf-8")
    assert Path.home() == Path(os.devnull)  # for libraries, and what this process starts
    monkeypatch.delenv("HOME")
    assert not archive_path().exists()
    assert not imagenet_path(Variant(backbone="VGG16", weights="imagenet"), (32, 32)).exists()
    assert keras_backend() == keras.backend.backend()
    with pytest.raises(InputError, match="is not a file"):
        weights_path("~nobody-is-called-so/x.weights.h5")
