"""`[tool.harness]`: what a project says once, pytest and `harness` both take."""

import sys
from pathlib import Path

import numpy as np
import pytest
from drawn_images import draw_folder

from harness.cli import run
from harness.errors import InputError
from harness.options import PYTEST
from harness.project import Project, load_project
from harness.pytest_plugin.options import option_values, project_line

SUITE = """
from harness import BASELINE, Suite
SUITE = Suite("small", [BASELINE.replace(filters=(4, 8))])
"""


@pytest.fixture
def project(project, tmp_path):
    """Write `[tool.harness]` in the current folder."""
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "suite_small.py").write_text(SUITE)

    def write(*lines):
        (tmp_path / "pyproject.toml").write_text("\n".join(["[tool.harness]", *lines]))
        return tmp_path

    return write


def test_a_project_without_the_table_has_the_defaults(tmp_path):
    assert load_project(tmp_path) == Project()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n[broken')
    assert load_project(tmp_path) == Project()


def test_values_are_typed_and_folders_lie_where_the_file_does(project, monkeypatch):
    root = project(
        'dataset = "pictures"', "seeds = 3", "alpha = 0.1", 'results = "out"', "slow = true", 'suites = "suites"'
    )
    (root / "pictures").mkdir()
    (root / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(root / "deep" / "er")
    found = load_project(Path.cwd())
    assert found.values == {
        "dataset": "../../pictures",
        "seeds": 3,
        "alpha": 0.1,
        "results": Path("../../out"),
        "slow": True,
    }
    assert found.suites == (Path("../../suites"),)
    assert found.told(["seeds", "slow"]) == "from ../../pyproject.toml: seeds 3, slow true"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("sedes = 3", 'sedes is unknown.*did you mean "seeds"'),
        ("seeds = -1", "seeds is -1: use a whole number from 1"),
        ('budget = "quik"', 'budget is "quik".*did you mean "quick"'),
        ("seeds = true", "seeds is True: use N"),
        ('slow = "yes"', "slow is 'yes': use true or false"),
        ("retrain = true", "about one run: give --retrain"),
        ("suites = []", "use a text, or a list"),
        ("seeds = ", "pyproject.toml cannot be read"),
        ("results = 5", "results is 5: use a text, DIR"),
        ('results = ""', "results is '': use a text, DIR"),
        ("dataset = 7.5", "dataset is 7.5: use a text"),
    ],
)
def test_what_is_wrong_is_named_with_the_file(project, line, says):
    root = project(line)
    with pytest.raises(InputError, match=says):
        load_project(root)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('[tool]\nharness = { budget = "smoke" }\n', {"budget": "smoke"}),
        ("[tool.'harness']\nbudget = 'smoke'\n", {"budget": "smoke"}),
        ('tool = "harness"\n', {}),
        ("harness = [\n", {}),  # somebody else's, and broken
    ],
)
def test_the_table_is_found_however_toml_writes_it(tmp_path, text, values):
    (tmp_path / "pyproject.toml").write_text(text)
    assert load_project(tmp_path).values == values


def test_the_command_line_takes_it_says_so_and_is_stronger(project, capsys):
    project("seeds = 3", 'budget = "smoke"', "workers = 1")
    assert run(["plan", "--workers", "2"]) == 0
    out, err = capsys.readouterr()
    assert "note: from pyproject.toml: seeds 3, budget smoke\n" in err
    assert "seeds 1-3" in out
    assert run(["plan", "--seeds", "2"]) == 0
    assert "seeds 1-2" in capsys.readouterr().out
    assert run(["plan", "--help"]) == 0
    assert "[from pyproject.toml: seeds 3]" in " ".join(capsys.readouterr().out.split())


def test_a_filter_of_the_same_name_is_left_alone(project, capsys):
    project('budget = "full"')
    assert run(["tables"]) == 4
    assert "--budget" not in capsys.readouterr().err


def test_a_command_refuses_a_wrong_table_and_still_helps(project, capsys):
    project("seeds = -1")
    assert run(["plan"]) == 4
    assert "pyproject.toml: [tool.harness] seeds is -1" in capsys.readouterr().err
    assert run(["plan", "--help"]) == 0


def test_pytest_takes_the_same(project, pytester, monkeypatch):
    root = project("seeds = -1")
    monkeypatch.chdir(root)
    monkeypatch.delitem(sys.modules, "suite_small", raising=False)
    arguments = ("-p", "no:cacheprovider", "--rootdir", str(root))
    refused = pytester.runpytest_inprocess("suites", "--benchmark", *arguments)
    assert refused.ret == 4
    refused.stderr.fnmatch_lines(["*pyproject.toml: ?tool.harness? seeds is -1*"])
    stranger = root / "test_other.py"
    stranger.write_text("def test_other(): pass")
    assert pytester.runpytest_inprocess(str(stranger), *arguments).ret == 0
    project("seeds = 3")
    helped = pytester.runpytest_inprocess("--help", *arguments)
    assert "[from pyproject.toml: seeds 3]" in " ".join(helped.stdout.str().split())


@pytest.mark.parametrize(
    ("lines", "arguments", "told"),
    [
        (['ray-address = "head:6379"', "ray-cpus = 2"], [], ""),
        (['ray-address = "head:6379"', 'executor = "ray"'], ["--executor", "local"], ""),
        (["seeds = 3", "max-seeds = 12"], [], "seeds 3"),
        (["max-seeds = 12"], ["--seeds", "3"], ""),
        (["max-seeds = 12"], ["--seeds", "auto"], "max-seeds 12"),
        (["max-seeds = 12"], [], ""),
        (["image-size = 32", "skip-unreadable = true"], ["--dataset", "digits"], ""),
        (["image-size = 32"], ["--dataset", "drawn.npz"], ""),
        (["image-size = 32"], ["--dataset", "photos"], "image-size 32"),
        (["image-size = 32", "skip-unreadable = true"], [], ""),
        (['weights = "averaged"'], ["--protocol", "tutorial"], ""),
        (["image-size = 32"], ["--dataset", "photos", "--image-size", "own"], ""),
        (["slow = true", "save-models = true"], ["--no-slow", "--no-save-models"], ""),
        (
            ["live = 5", "workers = 1", "trial-memory = 600"],
            ["--live", "end", "--workers", "auto", "--trial-memory", "any"],
            "",
        ),
        (['image-size = "own"', 'fail-if = "none"'], ["--dataset", "photos"], ""),
    ],
)
def test_what_means_nothing_beside_other_options_is_left_out_by_both_front_ends(
    project, capsys, pytester, monkeypatch, lines, arguments, told
):
    root = project(*lines, 'budget = "smoke"')
    monkeypatch.chdir(root)
    if "photos" in arguments:
        draw_folder(root / "photos", size=(16, 16))
    images, labels = np.random.default_rng(1).integers(256, size=(20, 32, 32, 3), dtype=np.uint8), np.arange(20) % 2
    np.savez(root / "drawn.npz", x_train=images[:12], y_train=labels[:12], x_test=images[12:], y_test=labels[12:])
    monkeypatch.delitem(sys.modules, "suite_small", raising=False)
    expected = f"from pyproject.toml: {told}{', ' if told else ''}budget smoke"
    assert run(["plan", *arguments]) == 0
    assert f"note: {expected}\n" in capsys.readouterr().err

    class Values:
        """What pytest, with these arguments, takes; nothing is trained, for nothing is run."""

        def pytest_collection_finish(self, session):
            self.line, self.values = project_line(session.config), option_values(session.config)

    plugin = Values()
    result = pytester.runpytest_inprocess(
        "suites", *arguments, "-k", "nothing", "-p", "no:cacheprovider", "--rootdir", str(root), plugins=[plugin]
    )
    assert result.ret == 5, "nothing was selected"
    assert plugin.line == expected
    assert [plugin.values[name] for name in ("ray_address", "live", "workers", "trial_memory")] == [None] * 4
    assert not any(plugin.values[name] for name in ("slow", "save_models", "fail_if"))
    assert plugin.values["image_size"] == (32 if "image-size 32" in told else None)
    assert plugin.values["max_seeds"] == (12 if arguments == ["--seeds", "auto"] else None)


def test_a_plan_and_a_list_fit_a_narrow_terminal_and_are_whole_in_a_pipe(project, capsys, monkeypatch):
    project("workers = 1")
    monkeypatch.delenv("COLUMNS", raising=False)
    assert run(["plan"]) == 0
    whole = capsys.readouterr().out
    assert whole.startswith("1 suite (small), 2 variants, 10 trials\n")
    monkeypatch.setenv("COLUMNS", "20")
    for command in ("plan", "list"):
        assert run([command]) == 0
        out, err = capsys.readouterr()
        assert max(map(len, (out + err).splitlines())) <= 20
        assert command == "list" or out.split()[:12] == whole.split()[:12]


BY_VALUE = {  # whose default is a value that one can give, though another option says which
    "budget": "quick", "seeds": "auto", "max-seeds": "30", "epochs": "30", "weights": "best", "ray-gpus": "1",
    "ray-address": "head:1",  # needed wherever it means anything
}  # fmt: skip


@pytest.mark.parametrize("option", [one for one in PYTEST if not one.of_one_run], ids=lambda one: one.name)
def test_whatever_a_project_says_a_command_line_can_say_the_default(option):
    project = {option.variable: "the project's"}
    if option.kind is None:
        assert option.flags == (option.name, f"no-{option.name}")
        assert option.value(False, project) is False
    elif option.name in BY_VALUE or option.default is not None:
        assert option.value(BY_VALUE.get(option.name, str(option.default)), project) not in (None, "the project's")
    else:
        word = option.default_text.partition(":")[0]
        assert option.kind.metavar.endswith(f"|{word}")
        assert not option.value([word] if option.repeatable else word, project)


@pytest.mark.parametrize(("images", "told"), [(1, "1 test image: one is 100 points"), (9, "11.1 points"), (10, "")])
def test_a_plan_warns_of_test_images_that_are_too_few_for_any_verdict(project, capsys, monkeypatch, images, told):
    monkeypatch.chdir(project())
    pictures, labels = np.random.default_rng(1).integers(256, size=(30, 32, 32, 3), dtype=np.uint8), np.arange(30) % 2
    train, test = slice(20), slice(20, 20 + images)
    np.savez("drawn.npz", x_train=pictures[train], y_train=labels[train], x_test=pictures[test], y_test=labels[test])
    assert run(["plan", "--dataset", "drawn.npz"]) == 0
    err = capsys.readouterr().err
    assert told in err
    assert ("points of accuracy" in err) == bool(told)
