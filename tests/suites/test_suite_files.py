"""A suite file loads under `harness` as it does under pytest: the same modules, the same suites, the same refusals."""

import re

import pytest

from harness.cli import run as harness
from harness.suite_files import load_suites

DECLARE = "from harness import BASELINE, Suite\n"
ONE = f"{DECLARE}SUITE = Suite('{{0}}', [BASELINE.replace(l2=0.1)])\n"
LOADS = {
    "a dataclass with postponed annotations": {
        "suites/suite_a.py": "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "from harness import BASELINE, Suite\n@dataclass\nclass Arch:\n    l2: float = 0.1\n"
        "SUITE = Suite('a', [BASELINE.replace(l2=Arch().l2)])\n",
    },
    "a relative import in a package": {
        "suites/__init__.py": "",
        "suites/shared.py": "L2 = 0.1\n",
        "suites/suite_a.py": f"from .shared import L2\n{DECLARE}SUITE = Suite('a', [BASELINE.replace(l2=L2)])\n",
    },
    "a list of suites": {
        "suites/suite_a.py": f"{DECLARE}SUITES = [Suite(name, [BASELINE.replace(l2=0.1)]) for name in 'ab']\n",
    },
    "suites in a dict of tuples, and one of them by itself": {
        "suites/suite_a.py": f"{DECLARE}SUITES = {{'x': (Suite('a', [BASELINE.replace(l2=0.1)]),)}}\n"
        "FIRST = SUITES['x'][0]\n",
    },
    "one suite imported by another file": {
        "suites/suite_a.py": ONE.format("a"),
        "suites/suite_b.py": "from suite_a import SUITE\n" + ONE.format("b").replace("SUITE =", "OTHER ="),
    },
    "the same file imported under two names": {
        "conftest.py": "",
        "suites/suite_a.py": ONE.format("a"),
        "suites/suite_b.py": "from suites.suite_a import SUITE\n",
    },
    "a src layout through pythonpath": {
        "pytest.ini": "[pytest]\npythonpath = src\n",
        "src/mine/values.py": "L2 = 0.1\n",
        "suites/suite_a.py": f"from mine.values import L2\n{DECLARE}SUITE = Suite('a', [BASELINE.replace(l2=L2)])\n",
    },
    "a conftest that makes the root importable": {
        "conftest.py": "",
        "values.py": "L2 = 0.1\n",
        "suites/suite_a.py": f"from values import L2\n{DECLARE}SUITE = Suite('a', [BASELINE.replace(l2=L2)])\n",
    },
    "two files of one name through importlib": {
        "pyproject.toml": '[tool.pytest.ini_options]\naddopts = ["--import-mode", "importlib"]\n',
        "suites/x/suite_a.py": ONE.format("a"),
        "suites/y/suite_a.py": ONE.format("b"),
    },
    "a module skipped on purpose": {
        "suites/suite_a.py": ONE.format("a"),
        "suites/suite_b.py": "import pytest\npytest.importorskip('no_such_module_at_all')\n",
    },
}
REFUSED = {
    "an error": ("\n\nx = 1 / 0\n", "3: ZeroDivisionError: division by zero"),
    "a syntax error": ("import os\nx = = 1\n", "2: SyntaxError: "),
    "a missing module": ("import os\nimport no_such_module_at_all\n", "2: ModuleNotFoundError: "),
    "sys.exit": ("import sys\n\nsys.exit(0)\n", "3: SystemExit: 0"),
    "argparse": (
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--width', required=True)\np.parse_args()\n",
        "4: SystemExit: 2",
    ),
    "a BaseException": ("class Stop(BaseException): pass\nraise Stop('here')\n", "2: Stop: here"),
}


@pytest.fixture(autouse=True)
def _in_a_project(project):
    pass


def write(project, files):
    for name, text in files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)


@pytest.mark.parametrize("case", LOADS)
def test_both_load_the_same(project, collect, capsys, case):
    write(project, LOADS[case])
    code, output = collect("--co", "-q", "suites")
    assert code == 0
    nodes = [line for line in output.splitlines() if "::" in line]
    assert harness(["list", "suites"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert "l2:0.1" in "".join(listed)
    assert sum(line.startswith("  ") for line in listed) == len(nodes) == len(set(nodes))
    assert {line for line in listed if not line.startswith(" ")} == {node.split("::")[-2] for node in nodes}


@pytest.mark.parametrize("folder", ["suites", "absolute"])
@pytest.mark.parametrize("case", REFUSED)
def test_what_fails_at_import_is_named_with_its_line(project, collect, capsys, case, folder):
    text, message = REFUSED[case]
    write(project, {"suites/suite_bad.py": text, "suites/suite_good.py": ONE.format("good")})
    path = "suites" if folder == "suites" else str(project / "suites")
    assert harness(["plan", path]) == 4
    assert f"error: suites/suite_bad.py:{message}" in capsys.readouterr().err
    if folder == "suites":
        code, output = collect("--co", "suites")
        assert code == pytest.ExitCode.INTERRUPTED
        assert "INTERNALERROR" not in output
        assert re.search(rf"suite_bad.py(:|\", line ){message.partition(':')[0]}", output)


def test_the_root_of_the_project_holds_its_models_wherever_one_stands(project, capsys, monkeypatch):
    write(
        project,
        {
            "pytest.ini": "[pytest]\n",
            "my_models/__init__.py": "",
            "my_models/net.py": "def build(variant, shape, classes): ...\n",
            "suites/suite_own.py": "from harness import Suite, Variant\n"
            "SUITE = Suite('own', [Variant(model='my_models.net:build', options={'width': 8})])\n",
        },
    )
    monkeypatch.chdir(project / "suites")
    assert harness(["plan", "."]) == 0
    assert "2 variants" in capsys.readouterr().out


def test_what_fails_beside_a_suite_file_is_named_with_its_own_line(project, capsys):
    write(project, {"suites/__init__.py": "\n\n1 / 0\n", "suites/suite_a.py": ONE.format("a")})
    assert harness(["plan", "suites"]) == 4
    assert "error: suites/__init__.py:3: ZeroDivisionError: division by zero" in capsys.readouterr().err


def test_a_project_that_makes_warnings_errors_is_loaded(project, capsys):
    write(project, {"pytest.ini": "[pytest]\nfilterwarnings = error\n", "suites/suite_a.py": ONE.format("a")})
    assert harness(["list", "suites"]) == 0
    assert "l2:0.1" in capsys.readouterr().out


def test_a_hook_of_a_conftest_that_fails_is_named(project, capsys):
    hook = "def pytest_configure(config):\n    raise KeyError('mine')\n"
    write(project, {"conftest.py": hook, "suites/suite_a.py": ONE.format("a")})
    assert harness(["list", "suites"]) == 4
    assert "conftest.py:2: KeyError: 'mine'" in capsys.readouterr().err


def test_a_conftest_that_ends_the_process_is_named(project, capsys):
    write(project, {"conftest.py": "import sys\nsys.exit(0)\n", "suites/suite_a.py": ONE.format("a")})
    assert harness(["plan", "suites"]) == 4
    assert "conftest.py:2: SystemExit: 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("WIDTHS = [8, 16]\n", 4, "suite_x.py declares no Suite and no Search at its top level"),
        (ONE.format("x").replace("])", "], slow=True)"), 5, "slow suites alone"),
    ],
)
def test_a_file_that_gives_nothing_to_run_is_said(project, collect, capsys, text, code, message):
    write(project, {"suites/suite_x.py": text})
    assert harness(["sweep", "suites", "--results", "r"]) == code
    assert message in capsys.readouterr().err
    assert not (project / "r").exists()
    code, output = collect("suites")
    assert code == pytest.ExitCode.NO_TESTS_COLLECTED
    assert message in output


def test_a_file_without_a_suite_is_a_warning_beside_others(project, capsys):
    write(project, {"suites/suite_x.py": "X = 1\n", "suites/suite_a.py": ONE.format("a")})
    assert harness(["plan", "suites"]) == 0
    assert "warning: suites/suite_x.py declares no Suite" in capsys.readouterr().err


def test_a_suite_knows_its_file_as_seen_from_where_the_command_runs(tmp_path, monkeypatch):
    path = tmp_path / "nets" / "suite_a.py"
    path.parent.mkdir()
    path.write_text(ONE.format("a"))
    (tmp_path / "suites").mkdir()
    for place, seen in ((tmp_path, "nets/suite_a.py"), (tmp_path / "suites", "../nets/suite_a.py")):
        monkeypatch.chdir(place)
        for named in (path, path.parent):
            (suite,) = load_suites([named])
            assert suite.file == suite.only(suite.variants).file == seen
    assert suite == suite.found_in("elsewhere/suite_a.py")
