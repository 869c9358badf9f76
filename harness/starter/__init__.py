"""What `harness init` writes into a project: a first suite, `[tool.harness]`, a CI workflow; examples by name."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InputError, nearest
from harness.files import replace_text
from harness.options import FILE_PATTERN

_HERE = Path(__file__).parent
_MODEL = 'model="examples.'


@dataclass(frozen=True)
class StarterFile:
    """A file that a project is to have.

    Attributes:
        path: Relative to the project.
        text: Its whole text; None where what is there already stays as it is.
        note: What a person is told of it.
    """

    path: Path
    text: str | None
    note: str


def starter_files(project: Path, example: str | None = None) -> list[StarterFile]:
    """Return what a project gets, nothing written yet: what is there already stays, but for a table that is added.

    Raises:
        InputError: The example is unknown, or the project's pyproject.toml cannot be read.
    """
    if example is not None:
        return [_new(project, path, text) for path, text in _example(example)]
    return [
        _new(project, Path("suites/suite_first.py"), _text("suite_first.py.txt")),
        _settings(project),
        _new(project, Path(".github/workflows/benchmark.yml"), _text("benchmark.yml")),
    ]


def write_starter(project: Path, files: list[StarterFile]) -> None:
    """Write the files that have a text; each is whole or not there."""
    for file in files:
        if file.text is not None:
            path = project / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_text(path, file.text)


def example_names() -> list[str]:
    """Return the names of the examples: suites of own models first, then the suites of this project."""
    files = [*sorted(_shipped("examples").glob(FILE_PATTERN)), *sorted(_shipped("suites").glob(FILE_PATTERN))]
    return [file.stem.removeprefix("suite_") for file in files]


def _example(name: str) -> Iterator[tuple[Path, str]]:
    for folder in ("examples", "suites"):
        suite = _shipped(folder) / f"suite_{name}.py"
        if suite.is_file():
            text = suite.read_text(encoding="utf-8")
            yield Path("suites") / suite.name, text
            # The module that its model= names comes along, under the same name.
            for part in text.split(_MODEL)[1:]:
                module = part.partition(":")[0]
                yield Path("examples") / f"{module}.py", (suite.parent / f"{module}.py").read_text(encoding="utf-8")
            return
    names = example_names()
    raise InputError(f'example "{name}" is unknown: use {", ".join(names)}{nearest(name, names)}')


def _settings(project: Path) -> StarterFile:
    path = Path("pyproject.toml")
    if not (project / path).exists():
        return StarterFile(path, _text(path.name), "with [tool.harness]")
    before = (project / path).read_text(encoding="utf-8", errors="replace")
    try:
        held = tomllib.loads(before)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{project / path} cannot be read: {error}: mend it first; nothing was written") from None
    if "harness" in held.get("tool", {}):
        return StarterFile(path, None, "has [tool.harness] already")
    return StarterFile(path, f"{before.rstrip()}\n\n{_text(path.name)}".lstrip(), "[tool.harness] added at its end")


def _new(project: Path, path: Path, text: str) -> StarterFile:
    there = (project / path).exists()
    return StarterFile(path, None if there else text, "is there already" if there else "")


def _text(name: str) -> str:
    # The suite's text is no module here, or pytest would collect it wherever this package is named.
    return (_HERE / "files" / name).read_text(encoding="utf-8")


def _shipped(folder: str) -> Path:
    """Return a folder of examples: beside this file in an installed package, at the root of a clone."""
    installed = _HERE / folder
    return installed if installed.is_dir() else _HERE.parents[1] / folder
