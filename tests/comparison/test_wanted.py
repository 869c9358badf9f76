"""Of several conditions a command shows those that were asked for, and smoke only where that is all there is."""

from dataclasses import dataclass, replace

import pytest
from made_results import BASELINE, DROPOUT, Made, make_results

from harness import BUDGETS, InputError, load_results
from harness.cli import run
from harness.comparison import group_records
from harness.comparison.wanted import Wanted
from harness.pictures.of_variant import find_group
from harness.results.conditions import Conditions
from harness.results.trials import Environment

QUICK, SMOKE, LONG = BUDGETS["quick"], BUDGETS["smoke"], BUDGETS["quick"].override(epochs=9)
CPU = Environment("cpu", "tensorflow", 1, ())


@dataclass(frozen=True)
class Held:
    conditions: Conditions
    suite: str = "a"


def held(budget, *, dataset="digits", backend="tensorflow", device="cpu", suite="a"):
    return Held(Conditions(dataset, dataset, budget, replace(CPU, backend=backend, device=device)), suite)


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        (Wanted(), [1, 2, 3, 4, 5, 6]),
        (Wanted(budget="smoke"), [0, 4, 5]),
        (Wanted(budget="quick"), [1, 3, 6]),
        (Wanted(budget="quick+epochs:9"), [2]),
        (Wanted(backend="jax"), [4]),
        (Wanted(device="gpu"), [6]),
        (Wanted(dataset="mine", budget="quick"), [3]),
    ],
)
def test_what_is_wanted_is_chosen_and_smoke_is_left_out_where_there_is_more(wanted, places):
    all_of_them = [
        held(SMOKE),
        held(QUICK),
        held(LONG),
        held(QUICK, dataset="data/mine"),
        held(SMOKE, backend="jax"),
        held(SMOKE, suite="b"),
        held(QUICK, device="gpu"),
    ]
    chosen, note = wanted.choose(all_of_them, lambda one: one.suite)
    assert chosen == [all_of_them[place] for place in places]
    assert bool(note) == (wanted == Wanted())


def test_a_preset_names_what_was_made_of_it_where_it_has_none_of_its_own():
    assert Wanted(budget="quick").choose([held(LONG), held(SMOKE)])[0] == [held(LONG)]


def test_a_dataset_is_named_whole_or_as_its_folder_is_called_where_none_is_called_so_whole():
    both = [held(QUICK, dataset="mine"), held(QUICK, dataset="data/mine"), held(QUICK, dataset="faces")]
    assert Wanted(dataset="data/mine").choose(both)[0] == both[1:2]
    assert Wanted(dataset="mine").choose(both)[0] == both[:1]
    assert Wanted(dataset="mine").choose(both[1:])[0] == both[1:2]
    with pytest.raises(InputError, match=r'--device is "cpu", of which there are no results: use none$'):
        Wanted(device="cpu").choose([])


def test_unknown_conditions_are_refused_with_what_there_is():
    with pytest.raises(InputError, match=r'--budget is "quik".*use smoke, quick; did you mean "quick"'):
        Wanted(budget="quik").choose([held(SMOKE), held(QUICK)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Results of a quick and a smoke budget; a smoke trial is the newest."""
    folder = tmp_path_factory.mktemp("results")
    make_results(folder, Made(seeds=(1,), budget=SMOKE))
    make_results(folder, Made())
    return make_results(folder, Made(seeds=(2,), budget=SMOKE, started_at="2026-02-02T03:04:05+00:00"))


def test_every_command_that_reads_takes_the_choice_and_says_what_it_leaves_out(folder, tmp_path, capsys):
    place = ["--results", str(folder)]
    commands = {
        "tables": ["tables", *place, "--format", "csv"],
        "export": ["export", *place, "--format", "csv", "--output", "-"],
        "compare": ["compare", str(folder), str(folder), "--format", "csv"],
        "variants": ["compare", *place, "--variants", BASELINE.name, DROPOUT.name, "--format", "csv"],
    }
    for name, command in commands.items():
        assert run(command) == 0, name
        said = capsys.readouterr()
        assert "quick" in said.out, name
        assert "smoke" not in said.out, name
        assert said.err == "note: smoke results are left out, since there are others: --budget smoke shows them\n"
        assert run([*command, "--budget", "smoke"]) == 0, name
        said = capsys.readouterr()
        assert "smoke" in said.out, name
        assert "quick" not in said.out, name
        assert said.err == "", name
    assert run(["report", *place, "--output", str(tmp_path), "--budget", "smoke"]) == 0
    page = (tmp_path / "report/index.html").read_text()
    assert "smoke" in page
    assert "quick" not in page
    assert any((tmp_path / "charts").iterdir())
    assert not (folder / "report").exists()


def test_what_a_smoke_budget_gave_never_comes_first(folder):
    assert [group.conditions.budget.name for group in group_records(load_results(folder))] == ["quick", "smoke"]


def test_pictures_are_of_what_was_trained_last_or_chosen(folder):
    results = load_results(folder)
    assert find_group(results, None, Wanted(budget="smoke")).conditions.budget.name == "smoke"
    assert find_group(results, None).conditions.budget.name == "quick"
    assert find_group(results, None, Wanted(budget="quick")).conditions.budget.name == "quick"
