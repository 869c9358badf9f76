"""What a search may declare, and how it refuses the rest before any work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import BASELINE, InputError
from harness.cli import run
from harness.search import Boolean, Choice, Float, Int, Search, check_searches, load_searches

SPACE = {"filters": [(16, 32), (32, 64)], "dropout": Float(0, 0.6, step=0.1)}
GOOD = Search("width", SPACE)


def refused(**changes: Any) -> str:
    with pytest.raises(InputError) as caught:
        check_searches([GOOD.replace(**changes)])
    return str(caught.value)


def test_good_searches_pass() -> None:
    check_searches(
        [
            GOOD,
            Search("all kinds", {"batch_norm": Boolean(), "kernel_size": Int(1, 5, step=2), "l2": [0, 0.001]}),
            Search("bands", SPACE, "hyperband", epochs=9),
            Search("function", lambda hp: {"dropout": hp.Float("d", 0, 0.5)}),
        ]
    )


@pytest.mark.parametrize(
    ("space", "told"),
    [
        ({}, "space is empty"),
        ({"dropout": []}, "dropout: Choice has no values"),
        ({"dropout": [0.2]}, "single variant"),
        ({"dropout": [0.2], "l2": Int(0, 0)}, "single variant"),
        ({"filters": [(16, 32), [16, 32]]}, "2 times"),
        ({"dropout": [0, 0.0]}, "2 times"),
        ({"dropout": Float(0, 1)}, "dropout: 1.0 is not allowed; allowed: a number from 0 to below 1"),
        ({"learning_rate": Float(0, 0.1)}, "learning_rate: 0.0 is not allowed"),
        ({"kernel_size": Float(3, 5)}, "kernel_size: 3.2 is not allowed; allowed: a whole number"),
        ({"kernel_size": Int(3, 16)}, "kernel_size: 16 is not allowed"),
        ({"filters": [(16,), (0,)]}, "filters: (0,) is not allowed"),
        ({"pooling": ["max", "mean"]}, "allowed: max, average, sum, none"),
        ({"dropuot": [0.1, 0.2]}, 'did you mean "dropout"?'),
        ({"dropout": 0.5}, "Choice takes a list of values, got 0.5"),
        ({"pooling": "max"}, "Choice takes a list of values, got 'max'"),
        ({"dropout": Float(0.5, 0.1)}, "min_value 0.5 is above its max_value 0.1"),
        ({"dropout": Float(0.1, 0.5, step=0)}, "step is 0"),
        ({"l2": Float(0, 0.1, sampling="log")}, "must be above 0"),
        ({"l2": Float(0.001, 0.1, step=1, sampling="log")}, "step is 1"),
        ({"l2": Float(0, 0.1, sampling="cubic")}, "use linear, log, reverse_log"),  # type: ignore[arg-type]
        ({"l2": Float(0, float("inf"))}, "use a finite number"),
        ({"batch_size": Int(16, 64.5)}, "use a whole number"),  # type: ignore[arg-type]
        ({"batch_size": Int(16, 64, step=True)}, "use a whole number"),
        (7, "give a mapping of fields to values, or a function"),
    ],
)
def test_space_that_is_empty_or_out_of_range_is_refused(space: Any, told: str) -> None:
    message = refused(space=space)
    assert message.startswith('search "width": ')
    assert told in message


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"oracle": "bayesain"}, 'did you mean "bayesian"?'),
        ({"objective": "accuracy"}, "use val_accuracy, val_loss"),
        ({"tries": 0}, "tries is 0: use a whole number from 1"),
        ({"tries": True}, "tries is True"),
        ({"oracle": "hyperband", "tries": 9}, "hyperband's schedule decides"),
        ({"epochs": 0}, "epochs is 0"),
        ({"seeds": 101}, "seeds is 101"),
        ({"seed": 0}, "seed is 0: use a whole number from 1"),
        ({"factor": 1}, "factor is 1: use a whole number from 2"),
        ({"parallel": 0}, "parallel is 0"),
        ({"baseline": "baseline"}, "must be a Variant"),
    ],
)
def test_setting_out_of_range_is_refused(changes: dict[str, Any], told: str) -> None:
    assert told in refused(**changes)


@pytest.mark.parametrize("name", ["", "  ", 3])
def test_name_must_be_a_text(name: Any) -> None:
    with pytest.raises(InputError, match="give it a text"):
        check_searches([Search(name, SPACE)])


def test_two_searches_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match='two searches are named "width"'):
        check_searches([GOOD, GOOD.replace(oracle="bayesian")])


def test_search_seeds_are_none_of_a_comparison() -> None:
    from harness.budgets import MAX_SEEDS

    assert min(GOOD.replace(seeds=3).search_seeds) == MAX_SEEDS + 1


@given(st.integers(-50, 50), st.integers(0, 60), st.integers(1, 9))
def test_whole_numbers_of_a_range_are_its_steps(low: int, width: int, step: int) -> None:
    dimension = Int(low, low + width, step=step)
    inside = [value for value in range(low - 2, low + width + 3) if dimension.contains(value)]
    assert inside == list(range(low, low + width + 1, step))
    assert {low, low + width} <= set(dimension.probes())


@given(st.integers(0, 6))
def test_powers_are_on_the_steps_of_a_logarithmic_range(power: int) -> None:
    dimension = Float(0.00025, 0.016, step=2, sampling="log")
    assert dimension.contains(0.00025 * 2**power)
    assert not dimension.contains(0.00025 * 2**power * 1.1)


def test_choice_holds_what_keras_tuner_cannot() -> None:
    assert Choice([None, "ResNet50"]).contains(None)
    assert Choice([(16, 32), (64,)]).contains([64])
    assert not Choice([True, False]).contains("true")


def write(folder: Path, text: str) -> Path:
    file = folder / "suite_mine.py"
    file.write_text("from harness import BASELINE\nfrom harness.search import Float, Search\n" + text)
    return file


def test_searches_of_a_file_come_in_the_order_of_its_lines(tmp_path: Path) -> None:
    file = write(tmp_path, 'B = Search("b", {"dropout": [0, 0.5]})\nA = Search("a", {"l2": Float(0, 0.1)})\n')
    assert [search.name for search in load_searches([file])] == ["b", "a"]


def command(folder: Path, *arguments: str) -> int:
    return run(["search", str(folder / "suite_mine.py"), "--results", str(folder / "results"), *arguments])


def test_command_refuses_a_bad_space_with_exit_4_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, 'SEARCH = Search("wide", {"dropout": Float(0, 1.5)})\n')
    assert command(tmp_path) == 4
    assert 'search "wide": dropout: 1' in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


def test_command_refuses_the_tutorials_protocol_since_its_validation_is_the_test_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, 'SEARCH = Search("wide", {"dropout": Float(0, 0.5)})\n')
    assert command(tmp_path, "--protocol", "tutorial") == 4
    assert "would choose by the test images" in capsys.readouterr().err


def test_command_refuses_hyperband_with_fewer_epochs_than_its_factor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, 'SEARCH = Search("wide", {"dropout": Float(0, 0.5)})\n')
    assert command(tmp_path, "--oracle", "hyperband", "--epochs", "2") == 4
    assert "needs at least as many epochs, got 2" in capsys.readouterr().err


def test_command_refuses_tries_for_hyperband(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, 'SEARCH = Search("wide", {"dropout": Float(0, 0.5)})\n')
    assert command(tmp_path, "--oracle", "hyperband", "--tries", "5") == 4
    assert "hyperband's schedule decides" in capsys.readouterr().err


def test_command_refuses_an_unknown_search_with_the_nearest_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, 'SEARCH = Search("wide", {"dropout": Float(0, 0.5)})\n')
    assert command(tmp_path, "--search", "wied") == 4
    assert 'did you mean "wide"?' in capsys.readouterr().err


def test_key_of_a_search_holds_what_decides_its_points_and_not_how_many() -> None:
    from harness import BUDGETS
    from harness.running.job_settings import JobSettings
    from harness.search.job import prepare_searches

    def key(search: Search, epochs: int = 1) -> str:
        settings = JobSettings("digits", BUDGETS["smoke"].override(epochs=epochs), device="cpu")
        return prepare_searches([search], settings)[0].key

    bayesian = GOOD.replace(oracle="bayesian")
    assert key(bayesian) == key(bayesian.replace(tries=40)) == key(bayesian.replace(name="other"))
    changes: list[dict[str, Any]] = [{"seed": 2}, {"seeds": 2}, {"parallel": 3}, {"objective": "val_loss"}]
    changes += [{"space": {**SPACE, "dropout": Float(0, 0.5)}}, {"baseline": BASELINE.replace(l2=0.001)}]
    keys = {key(bayesian), key(bayesian, epochs=2), *(key(bayesian.replace(**change)) for change in changes)}
    assert len(keys) == 2 + len(changes)
    assert key(GOOD) == key(GOOD.replace(parallel=3))  # what a random oracle chooses depends on no figure


def test_command_without_any_search_exits_5(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "")
    assert command(tmp_path) == 5


def test_declaring_a_search_imports_no_keras() -> None:
    code = (
        "import sys, harness.search as s; from harness import BASELINE;"
        "s.check_searches([s.Search('a', {'dropout': s.Float(0, .5)}), s.Search('b', lambda hp: {})]);"
        "import harness.cli.search; assert not {'keras', 'tensorflow', 'keras_tuner'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
