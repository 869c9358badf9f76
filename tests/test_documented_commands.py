"""Every command that README and docs name is one that the programs know, with the options and values that it has."""

import contextlib
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

import harness.pytest_plugin.session
import harness.training.check  # noqa: F401  # before pytester, which takes out what came with it
from harness.cli import harness as program_of_ours
from harness.cli import run
from harness.cli.examples import EXAMPLES
from harness.options import PYTEST

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")])
OPTIONS = {f"--{one.name}": one for one in PYTEST}
# pytest's own, and pytest-benchmark's and -xdist's, that the pages speak of.
OTHERS = {"--benchmark", "--benchmark-json", "--benchmark-save", "--benchmark-compare", "--co", "--lf", "--junit-xml"}
OTHERS |= {"--doctest-modules", "--dist", "--benchmark-only", "--benchmark-skip"}

_BLOCK = re.compile(r"^```(?:sh|console)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:harness|pytest) [^`\n]+)`")


def commands(page):
    """Return the commands of `harness` and pytest on a page, and whether it is whole: one within a text may not be."""
    text = page.read_text(encoding="utf-8")
    lines = [(line, False) for line in _INLINE.findall(text)]
    lines += [(line, True) for block in _BLOCK.findall(text) for line in block.splitlines()]
    found = {}
    for line, whole in lines:
        if any(sign in line for sign in "|…") or "..." in line:
            continue  # shows a choice, not a command
        for part in re.split(r"&&|;", line.strip("()\\| ")):
            try:
                words = shlex.split(part.strip("() "), comments=True)
            except ValueError:
                continue  # a line of something else
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            if words and Path(words[0]).name in ("harness", "pytest") and words[1:]:
                found[tuple(words)] = whole
    return found


NAMED = [
    pytest.param(words, whole, id=f"{page.name}: {' '.join(words)}"[:90])
    for page in PAGES
    for words, whole in commands(page).items()
]
NAMED += [pytest.param(shlex.split(line), True, id=f"--help: {line}") for lines in EXAMPLES.values() for line in lines]


def test_every_dependency_has_its_line_in_readmes_table():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)}
    names = {re.match(r"[\w-]+", one).group() for one in needed} - {project["name"]}
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Requirements")[2]
    assert names - set(re.findall(r"[\w-]+", table)) == set()


def test_the_pages_name_many_commands():
    assert len(NAMED) > 60


@pytest.mark.parametrize(("words", "whole"), NAMED)
def test_it_is_known_with_its_options_and_values(words, whole, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program, *arguments = words
    if Path(program).name == "harness":
        if arguments[0].startswith("-"):
            return
        context = click.Context(program_of_ours)
        name, command, rest = program_of_ours.resolve_command(context, arguments)
        while isinstance(command, click.Group) and rest:
            name, command, rest = command.resolve_command(context, rest)
        values = [one for one in rest if one not in ("help", "--help", "-h")]
        if values == rest:
            with contextlib.suppress(*(() if whole else (click.MissingParameter,))):
                command.make_context(name, values, parent=context)
        return
    waiting = None
    for word in arguments:
        if waiting is not None:
            if word.isupper() and len(word) > 1:
                pass  # stands for a value
            else:
                waiting.kind.parse(f"--{waiting.name}", word)
            waiting = None
        elif word.startswith("--"):
            name, _, value = word.partition("=")
            option = OPTIONS.get(name.replace("--harness-", "--"))
            assert option or name in OTHERS, f"{name} is no option"
            if option and option.kind is not None:
                waiting = None if value else option
    assert waiting is None, f"--{waiting.name} has no value"


def test_the_help_of_a_command_ends_with_examples_of_it(capsys):
    for name, lines in EXAMPLES.items():
        assert run([name, "--help"]) == 0
        shown = capsys.readouterr().out
        assert all(f"  {line}\n" in shown for line in lines)
        assert all(line.startswith(f"harness {name}") for line in lines)


def test_the_page_on_own_models_gives_a_suite_that_passes_its_check(pytester):
    blocks = re.findall(
        r"^```python\n# (\S+?)[,\n](.*?)^```", (ROOT / "docs" / "own-model.md").read_text(), re.M | re.S
    )
    assert [name for name, _ in blocks[:2]] == ["nets.py", "suites/suite_nets.py"]
    for name, text in blocks[:2]:
        file = pytester.path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"# {text}" if text.startswith(" ") else text)
    result = pytester.runpytest_inprocess("suites/suite_nets.py", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=3)
