"""docs/architecture.md is true: every path in it exists, every room stands in it, the walk has at most 15 stops.

And every test that SECURITY.md names is there, and the version is one.
"""

import ast
import re
from pathlib import Path

import harness
from harness.version import __version__

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
WALK = PAGE.partition("## From a suite to its table")[2].partition("\n## ")[0]


def test_every_path_of_the_table_exists():
    paths = re.findall(r"`(harness/[\w/]+(?:\.py)?)/?`", PAGE)
    assert len(paths) > 30
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_stop_of_the_walk_is_a_file_with_the_function_it_names():
    stops = re.findall(r"^\d+\. (.*)$", WALK, flags=re.M)
    assert 10 <= len(stops) <= 15
    for stop in stops:
        place = ""
        for path, function in re.findall(r"`([\w/]+\.py)`(?:, `\w+\.py`)*(?: `([\w.]+)`)?", stop.partition(":")[0]):
            place = path
            assert (ROOT / "harness" / path).is_file(), path
            if function:
                name = function.rpartition(".")[2]
                assert f"def {name}(" in (ROOT / "harness" / place).read_text(encoding="utf-8"), stop


def test_every_room_stands_on_the_page_and_in_the_import_contract():
    paths = [path for path in (ROOT / "harness").iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()]
    rooms = {path.name.removesuffix(".py") for path in paths} - {"__init__", "__main__"}
    contract = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("layers = [")[2].partition("]")[0]
    listed = {name.strip() for line in re.findall(r'"([^"]+)"', contract) for name in line.split(":")}
    assert rooms | {"__main__"} == listed
    small = {"errors", "files", "heavy", "machine", "margins", "noise", "version", "wording"}
    assert sorted(room for room in rooms - small if f"harness/{room}" not in PAGE) == []


def test_the_version_is_one():
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert __version__ == harness.__version__


def test_no_package_calls_a_function_as_one_of_its_modules():
    """Whichever is set last would win, and where threads import at once, that is left to chance."""
    for init in (ROOT / "harness").rglob("__init__.py"):
        modules = {path.stem for path in init.parent.iterdir()}
        package = ".".join(init.parent.relative_to(ROOT).parts)
        nodes = ast.walk(ast.parse(init.read_text(encoding="utf-8")))
        others = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module != package]
        assert {alias.asname or alias.name for node in others for alias in node.names} & modules == set(), init


def test_every_test_that_holds_a_threat_exists():
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    texts = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    names = re.findall(r"`(test_\w+)", page)
    assert len(names) > 15
    assert [name for name in names if f"def {name}" not in texts] == []
    files = re.findall(r"`([\w/]+\.py)`", page)
    assert [name for name in files if not (ROOT / "tests" / name).is_file()] == []
