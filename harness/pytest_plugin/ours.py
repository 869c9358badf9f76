"""Which files pytest should take as suite files: those somebody means, and no stranger's `suite_*.py`."""

from __future__ import annotations

import ast
import enum
from functools import lru_cache
from pathlib import Path

import pytest

from harness.options import FILE_PATTERN

INI = "harness_suites"
INI_HELP = (
    "Suite files, or folders of them, that every run of pytest collects (a line each); without it they are collected "
    "where they are named, or with --benchmark."
)
MARK = "cnn_harness"
FOLDER = "suites"
"""What a folder of suite files is called, unless one says otherwise."""

# What a person should know of suite files, told when collection has ended.
NOTES = pytest.StashKey[list[str]]()


def note(config: pytest.Config, text: str) -> None:
    """Keep what a person should know of suite files, for the end of collection."""
    config.stash.setdefault(NOTES, []).append(text)


class Meaning(enum.Enum):
    """What a file is to us: a suite file; none of our business; or named, though neither it nor its folder is ours."""

    OURS = enum.auto()
    NOT_OURS = enum.auto()
    DOUBTFUL = enum.auto()


def meaning_of(file: Path, config: pytest.Config) -> Meaning:
    """Return whether pytest should collect this file as a suite file.

    Always where it is named itself. Where a folder leads to it, its own folder must be called `suites`, or hold a
    suite file that imports the harness; and it must be named (not just the project's root), stand in the ini option
    `harness_suites`, or `--benchmark` be given.
    """
    if not file.match(FILE_PATTERN):
        return Meaning.NOT_OURS
    arguments = argument_paths(config)
    if file.resolve() in arguments:
        return Meaning.OURS
    named = _is_below(file, _ini_paths(config)) or _is_named(file, arguments, config)
    if not (named or config.getoption("harness_benchmark")):
        return Meaning.NOT_OURS
    if holds_suites(file.parent):
        return Meaning.OURS
    return Meaning.DOUBTFUL if named else Meaning.NOT_OURS


def argument_paths(config: pytest.Config) -> list[Path]:
    """Return the files and folders that a command line names, without what stands after `::`."""
    return [(config.invocation_params.dir / argument.partition("::")[0]).resolve() for argument in config.args]


@lru_cache(maxsize=64)
def holds_suites(folder: Path) -> bool:
    """Return whether a folder is one of suites: by its name, or since a suite file in it imports the harness."""
    return folder.name == FOLDER or any(map(imports_harness, folder.glob(FILE_PATTERN)))


def imports_harness(file: Path) -> bool:
    """Return whether a file imports the harness anywhere; a file that cannot be parsed does where its text says so."""
    text = file.read_text(encoding="utf-8", errors="replace")
    if "harness" not in text:
        return False
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError):
        return "import harness" in text or "from harness" in text
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    return any(name.partition(".")[0] == "harness" for name in names)


def _is_named(file: Path, arguments: list[Path], config: pytest.Config) -> bool:
    root = config.rootpath.resolve()
    folders = [folder for folder in arguments if not root.is_relative_to(folder)]
    direct = config.args_source is config.ArgsSource.ARGS and file.resolve().parent in arguments
    return _is_below(file, folders) or direct


def _is_below(file: Path, places: list[Path]) -> bool:
    return any(file.resolve().is_relative_to(place) for place in places)


def _ini_paths(config: pytest.Config) -> list[Path]:
    return [path.resolve() for path in config.getini(INI)]
