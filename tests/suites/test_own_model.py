"""A model of one's own goes where the tutorial's network goes: the README's small residual network."""

from pathlib import Path

import pytest

from harness import Variant, build_model, compare, load_results
from harness.cli import run
from harness.suite_files import load_suites

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch):
    monkeypatch.chdir(EXAMPLES.parent)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(EXAMPLES.parent)
        sweep = ["sweep", "examples", "--budget", "smoke", "--time", "--workers", "1"]
        assert run([*sweep, "--results", str(folder)]) == 0
    return folder


def test_its_options_change_the_network():
    def params(**options: int) -> int:
        return build_model(Variant(model="examples.small_resnet:build", options=options), seed=1).count_params()

    assert params(blocks=2, width=8) > params(blocks=1, width=8)
    # Kernels of 3x3 grow with the square of the width.
    assert 3.5 < params(blocks=1, width=16) / params(blocks=1, width=8) < 4.5


def test_it_fits_the_commands_that_only_look(capsys):
    assert run(["list", "examples"]) == 0
    assert "model:examples.small_resnet:build+options.blocks:1+options.width:8  <- baseline" in capsys.readouterr().out
    assert run(["plan", "examples", "--budget", "smoke"]) == 0
    assert "4 trials to train" in capsys.readouterr().out


@pytest.mark.slow
def test_it_is_trained_timed_and_tabulated_like_any_other(results, capsys):
    found = load_results(results)
    (suite,) = load_suites([EXAMPLES])
    assert {record.status for record in found.records.values()} == {"ok"}
    assert {record.trial.variant for record in found.records.values()} == set(suite.members)
    assert all(record.trial.source for record in found.records.values())
    assert {times.variant for times in found.step_times.values()} == set(suite.members)
    assert compare(found).step_time_ratio.notna().all()
    assert run(["tables", "--results", str(results)]) == 0
    assert "\nwidth:16 " in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["explore", "results"],
        ["compare", "--variants", *(variant.name for variant in load_suites([EXAMPLES])[0].members[:2])],
        ["export", "--format", "json"],
    ],
)
def test_every_command_reads_its_results(results, arguments, tmp_path):
    output = ["--output", str(tmp_path / "out")] if arguments[0] != "compare" else []
    assert run([*arguments, "--results", str(results), *output]) == 0
