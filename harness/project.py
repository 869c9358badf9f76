"""`[tool.harness]` in pyproject.toml: a project's own defaults of the options, the same for pytest and `harness`."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.errors import InputError, nearest
from harness.option_kinds import Folder
from harness.options import DATASET, PYTEST, Option, defaults_beside

FILE = "pyproject.toml"
TABLE = "[tool.harness]"

SUITES = "suites"
"""The key that is no option: where suite files lie, for commands of `harness` that are given no path."""

_KEYS = {one.name: one for one in PYTEST if not one.of_one_run}
_OF_ONE_RUN = {one.name for one in PYTEST if one.of_one_run}


@dataclass(frozen=True)
class Project:
    """What a project says of its runs.

    Attributes:
        file: The pyproject.toml that holds `[tool.harness]`, as seen from the current folder; None without one.
        values: Values of options by their Python names.
        suites: Where its suite files lie.
    """

    file: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    suites: tuple[Path, ...] = (Path("suites"),)

    def beside(self, given: Mapping[str, Any]) -> Project:
        """Return what of it counts beside what a command line gives; see `defaults_beside`."""
        return replace(self, values=defaults_beside(self.values, given))

    def told(self, variables: Iterable[str]) -> str:
        """Return one line that names the options whose values come from here; empty where there are none."""
        asked = set(variables)
        names = [name for name in self.values if name in asked]
        shown = ", ".join(f"{name.replace('_', '-')} {_shown(self.values[name])}" for name in names)
        return f"from {self.file}: {shown}" if shown else ""


def load_project(folder: Path) -> Project:
    """Return what the nearest pyproject.toml with a `[tool.harness]` says, in this folder or one above it.

    Folders in it are meant from where the file lies.

    Raises:
        InputError: A key is unknown, a value is of the wrong type or not allowed; or the file cannot be read as TOML.
    """
    for place in (folder, *folder.parents):
        file = place / FILE
        if _is_there(file):
            table = _table(file)
            if table is not None:
                return _project(file, table)
    return Project()


def _is_there(file: Path) -> bool:
    try:
        return file.is_file()
    except PermissionError:  # a folder above that one may not enter holds nothing for one
        return False


def _table(file: Path) -> Mapping[str, Any] | None:
    try:
        text = file.read_bytes()
    except OSError as error:
        raise InputError(f"{_relative(file)} cannot be read: {error.strerror}") from None
    if b"harness" not in text:
        return None
    try:
        tool = tomllib.loads(text.decode()).get("tool")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        if b"tool.harness" not in text.replace(b" ", b"").replace(b'"', b""):
            return None  # somebody else's file: what is wrong in it is not for us to say
        raise InputError(f"{_relative(file)} cannot be read: {error}") from None
    table = tool.get("harness") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise InputError(f"{_relative(file)}: {TABLE} is {table!r}: make it a table")
    return table


def _project(file: Path, table: Mapping[str, Any]) -> Project:
    values: dict[str, Any] = {}
    suites = Project.suites
    for key, value in table.items():
        place = f"{_relative(file)}: {TABLE} {key}"
        name = key.replace("_", "-")
        if name == SUITES:
            suites = tuple(_relative(file.parent / one) for one in _texts(place, value))
        elif name in _OF_ONE_RUN:
            raise InputError(f"{place} is about one run: give --{name} on the command line")
        elif name not in _KEYS:
            allowed = [SUITES, *_KEYS]
            raise InputError(f"{place} is unknown: use {', '.join(allowed)}{nearest(name, allowed)}")
        elif (found := _value(_KEYS[name], place, value, file.parent)) not in (None, ()):
            values[_KEYS[name].variable] = found
    return Project(_relative(file), values, suites)


def _value(option: Option, place: str, value: Any, folder: Path) -> Any:
    if option.kind is None:
        if isinstance(value, bool):
            return value
        raise InputError(f"{place} is {value!r}: use true or false")
    if option.repeatable:
        return option.parse_all(place, _texts(place, value))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(f"{place} is {value!r}: use {option.kind.metavar}")
    text = str(value)
    if (isinstance(option.kind, Folder) or option is DATASET) and (not isinstance(value, str) or not value):
        raise InputError(f"{place} is {value!r}: use a text, {option.kind.metavar}")
    if isinstance(option.kind, Folder) or (option is DATASET and (folder / text).exists()):
        text = str(_relative(folder / text))
    return option.kind.parse(place, text)


def _texts(place: str, value: Any) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(one, str) for one in texts):
        raise InputError(f"{place} is {value!r}: use a text, or a list of texts")
    return texts


def _relative(path: Path) -> Path:
    """Return a path as a person in the current folder would write it."""
    return Path(os.path.relpath(path))


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return "; ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
