"""`harness init`: what a project gets, and that it is kept, whole and runs."""

import tomllib

import pytest

from harness.cli import run
from harness.project import load_project
from harness.starter import example_names, starter_files
from harness.suite_files import load_suite_files, load_suites


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def texts(folder):
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_an_empty_folder_gets_a_suite_the_table_and_a_workflow(folder, capsys):
    assert run(["init"]) == 0
    assert set(texts(folder)) == {"suites/suite_first.py", "pyproject.toml", ".github/workflows/benchmark.yml"}
    (suite,) = load_suites([folder / "suites"])
    assert suite.names == ("baseline", "filters:16-32", "dropout:0.4", "augmentation:flip")
    assert load_project(folder).values["budget"] == "quick"
    out = capsys.readouterr().out
    assert "next: pytest suites/suite_first.py --benchmark --budget smoke" in out
    assert run(["list"]) == 0


def test_it_goes_to_another_folder_too(folder, capsys):
    assert run(["init", "deep/new"]) == 0
    assert (folder / "deep" / "new" / "suites" / "suite_first.py").is_file()
    assert "next: cd deep/new && pytest suites/suite_first.py" in capsys.readouterr().out


def test_what_is_there_is_kept_and_the_table_is_added_to_the_users_own(folder, capsys):
    own = '[project]\nname = "mine"  # a comment\nversion = "1"\n'
    (folder / "pyproject.toml").write_text(own)
    (folder / "suites").mkdir()
    (folder / "suites" / "suite_first.py").write_text("# mine\n")
    assert run(["init"]) == 0
    after = texts(folder)
    assert after["suites/suite_first.py"] == "# mine\n"
    assert after["pyproject.toml"].startswith(own)
    assert tomllib.loads(after["pyproject.toml"])["tool"]["harness"]["dataset"] == "digits"
    assert run(["init"]) == 0
    assert texts(folder) == after
    assert "kept  pyproject.toml: has [tool.harness] already" in capsys.readouterr().out


def test_a_broken_pyproject_is_refused_and_nothing_written(folder, capsys):
    (folder / "pyproject.toml").write_text("[broken\n")
    assert run(["init"]) == 4
    assert "mend it first; nothing was written" in capsys.readouterr().err
    assert set(texts(folder)) == {"pyproject.toml"}


def test_a_file_is_no_folder(folder, capsys):
    (folder / "taken").write_text("")
    assert run(["init", "taken"]) == 4
    assert "taken is a file" in capsys.readouterr().err


@pytest.mark.parametrize("name", example_names())
def test_each_example_is_a_suite_that_loads_where_it_was_written(folder, name):
    assert run(["init", "--example", name]) == 0
    (source,) = load_suite_files([folder / "suites" / f"suite_{name}.py"])
    assert source.path.is_file()


def test_an_example_brings_the_module_of_its_model(folder):
    assert [str(file.path) for file in starter_files(folder, "small_resnet")] == [
        "suites/suite_small_resnet.py",
        "examples/small_resnet.py",
    ]


def test_an_unknown_example_is_refused_with_the_nearest(folder, capsys):
    assert run(["init", "--example", "dropuot"]) == 4
    assert 'example "dropuot" is unknown' in (err := capsys.readouterr().err)
    assert 'did you mean "dropout"?' in err
    assert texts(folder) == {}
