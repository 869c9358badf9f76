"""What cannot be written is told in one line; what is not there is made; what need not be kept fails nothing."""

import keras
import pytest
from made_results import BASELINE, Made, make_results

from harness import BUDGETS
from harness.cli import run
from harness.results.opening import open_store
from harness.results.trials import Environment, Trial
from harness.training.checkpoints import Checkpoints, TrialState
from harness.training.pretraining import check_pretraining
from harness.variants import Variant


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
