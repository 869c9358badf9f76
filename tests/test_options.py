"""Options are declared once: pytest and `harness` take, refuse and explain the same."""

import re

import pytest
from drawn_images import draw

from harness.cli import run as harness
from harness.options import JOB, PYTEST
from harness.pytest_plugin.options import option_values

SUITE = "from harness import BASELINE, Suite\nSUITE = Suite('a', [BASELINE.replace(l2=0.1)])\n"
REFUSED = {
    "budget": ("quik", 'use smoke, quick or full; did you mean "quick"?'),
    "protocol": ("tutoral", 'use validation or tutorial; did you mean "tutorial"?'),
    "weights": ("mean", "use best, last or averaged"),
    "device": ("tpu", 'use auto, cpu or gpu; did you mean "gpu"?'),
    "seeds": ("0", "use a whole number from 1 to 1,000, or auto"),
    "max-seeds": ("4", "use a whole number from 5 to 1,000"),
    "epochs": ("1.5", "use a whole number from 1 to 10,000"),
    "workers": ("-1", "use a whole number from 1, or auto"),
    "trial-timeout": ("inf", "use a number from 1"),
    "image-size": ("32", "digits has a size of its own; it is for a folder of images"),
    "alpha": ("1", "use a number between 0 and 1"),
    "margin-accuracy": ("nan", "use a number from 0 to 0.99"),
    "margin-time": ("2", "use a number from 0 to 0.99"),
    "results": ("suite_a.py", "name a folder, this is a file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_both_refuse_with_the_same_words(project, collect, capsys, name):
    (project / "suite_a.py").write_text(SUITE)
    value, allowed = REFUSED[name]
    assert harness(["plan", "suite_a.py", f"--{name}", value]) == 4
    message = capsys.readouterr().err.strip().removeprefix("error: ")
    assert message.startswith(f"--{name} is ")
    assert message.endswith(allowed)
    code, output = collect("suite_a.py", f"--{name}", value)
    assert code == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {message}\n" in output


@pytest.mark.parametrize(
    ("given", "fixed"),
    [
        (("--max-seeds", "9"), 5),
        (("--max-seeds", "9", "--seeds", "7"), 7),
        (("--max-seeds", "9", "--budget", "smoke"), 1),
    ],
)
def test_a_most_of_seeds_beside_a_fixed_number_is_refused_by_both(project, collect, capsys, given, fixed):
    (project / "suite_a.py").write_text(SUITE)
    said = f"--max-seeds is 9: it is where --seeds auto ends, and the number of seeds is fixed here ({fixed}): "
    assert harness(["plan", "suite_a.py", *given]) == 4
    assert said in capsys.readouterr().err
    code, output = collect("suite_a.py", *given)
    assert code == pytest.ExitCode.USAGE_ERROR
    assert said in output


@pytest.mark.parametrize(("given", "most"), [((), 20), (("--seeds", "auto"), 20), (("--seeds", "3"), None)])
def test_a_projects_most_of_seeds_is_for_auto_alone(project, pytester, capsys, monkeypatch, given, most):
    monkeypatch.chdir(project)
    (project / "suite_a.py").write_text(SUITE)
    (project / "pyproject.toml").write_text('[tool.harness]\nseeds = "auto"\nmax-seeds = 20\n')
    assert harness(["plan", "suite_a.py", *given]) == 0
    assert ("10 to 40 trials" if most else ", 6 trials") in capsys.readouterr().out
    assert option_values(pytester.parseconfig(*given))["max_seeds"] == most


def test_a_margin_of_0_is_allowed_in_both(project, pytester, capsys, monkeypatch):
    monkeypatch.chdir(project)
    (project / "suite_a.py").write_text(SUITE)
    assert harness(["plan", "suite_a.py", "--margin-accuracy", "0"]) == 0
    values = option_values(pytester.parseconfig("--margin-accuracy", "0"))
    assert values["margin_accuracy"] == 0


def test_both_explain_each_option_in_the_same_words_and_the_long_names_in_one_line(project, collect, capsys):
    def words(text):
        return re.sub(r"[\s│]+", " ", text)

    _, of_pytest = collect("--help")
    assert harness(["sweep", "--help"]) == 0
    of_harness = words(capsys.readouterr().out)
    for option in PYTEST:
        assert option.explained in words(of_pytest), option.name
        assert option.explained in of_harness or option not in JOB
    assert len(re.findall(r"--harness-", of_pytest)) == 1


def test_the_check_of_a_suite_reads_images_as_the_sweep_does(project, collect):
    (project / "suite_a.py").write_text(SUITE)
    for place, seed in (("train/cat", 1), ("train/dog", 2), ("test/cat", 3), ("test/dog", 4)):
        for number in range(10):
            draw(project / "photos" / place / f"{number}.png", 10 * seed + number, size=(300, 200))
    refused, output = collect("suite_a.py", "--dataset", "photos")
    assert refused == pytest.ExitCode.TESTS_FAILED
    assert "--image-size" in output
    code, output = collect("suite_a.py", "--dataset", "photos", "--image-size", "16")
    assert code == 0, output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["tables", "--budgt", "quick"], ("error: no such option", "--budget", "`harness tables --help`")),
        (["export"], ("error: missing option", "--format", "`harness export --help`")),
        (["trend"], ("error: a trend over 0 folders: name two or more",)),
    ],
)
def test_what_click_refuses_is_told_as_everything_else(arguments, told, capsys):
    assert harness(arguments) == 4
    said = capsys.readouterr().err
    assert said.startswith(told[0])
    assert all(part in said for part in told)
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("group", [[], ["store"]])
def test_a_group_without_a_command_prints_its_help_as_it_is(capsys, group):
    assert harness([*group, "--help"]) == 0
    helped = capsys.readouterr().out
    harness(group)
    out, err = capsys.readouterr()
    assert (out or err) == helped
