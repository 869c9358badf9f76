"""A suite: variants that are compared with one baseline. A user's file declares it, nothing more."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from harness.errors import InputError
from harness.variants import BASELINE, Variant

FILE_PATTERN = "suite_*.py"


@dataclass(frozen=True)
class Suite:
    """Variants and the baseline they are compared with; it only holds them, `check_suites` judges.

    Attributes:
        name: How tables call it.
        variants: What is compared, without the baseline.
        baseline: What with.
        slow: Runs only when its file is named or with `--slow`.

    >>> Suite("dropout", [BASELINE.replace(dropout=0.5)]).names
    ('baseline', 'dropout:0.5')
    """

    name: str
    variants: Sequence[Variant]
    baseline: Variant = BASELINE
    slow: bool = False

    @property
    def members(self) -> tuple[Variant, ...]:
        """The baseline, then the variants."""
        return (self.baseline, *self.variants)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the members."""
        return tuple(variant.name for variant in self.members)


def suites_in(module: ModuleType) -> list[Suite]:
    """Return the suites that a module declares at its top level, in the order of its lines."""
    return [value for value in vars(module).values() if isinstance(value, Suite)]


def check_suites(suites: Iterable[Suite]) -> None:
    """Refuse what cannot be compared.

    Raises:
        InputError: Two suites of one name; a suite without variants, with something else than variants, or with one
            variant twice (the baseline counts).
    """
    seen: set[str] = set()
    for suite in suites:
        if not isinstance(suite.name, str) or not suite.name.strip():
            raise InputError(f"a suite is named {suite.name!r}: give it a text that is not empty")
        if suite.name in seen:
            raise InputError(f'two suites are named "{suite.name}": give each a name of its own')
        seen.add(suite.name)
        _check_members(suite)


def find_suite_files(paths: Sequence[Path]) -> list[Path]:
    """Return the suite files that paths name: a file itself, a folder's `suite_*.py` at any depth, sorted."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(path.rglob(FILE_PATTERN))
        elif path.is_file():
            files.append(path)
        else:
            raise InputError(f"{path} does not exist: name a suite file, or a folder with {FILE_PATTERN} files")
    if not files:
        raise InputError(f"no {FILE_PATTERN} in {', '.join(map(str, paths))}: add one, or name another folder")
    return list(dict.fromkeys(files))


def load_suites(paths: Sequence[Path], *, slow: bool = False) -> list[Suite]:
    """Import suite files without pytest and return their suites, checked.

    Slow suites are left out unless `slow` is set or their file is named itself.

    Raises:
        InputError: A path is missing, a file cannot be imported (names its line), or a suite is refused.
    """
    suites: list[Suite] = []
    for file in find_suite_files(paths):
        named = slow or file in paths
        suites += [suite for suite in suites_in(import_suite_file(file)) if named or not suite.slow]
    check_suites(suites)
    return suites


def import_suite_file(file: Path) -> ModuleType:
    """Import a suite file without pytest.

    Raises:
        InputError: It cannot be imported; names its line.
    """
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise InputError(f"{file} is not a Python file: name a suite file")
    module = importlib.util.module_from_spec(spec)
    folder = str(file.parent.resolve())
    if folder not in sys.path:  # so that a suite file can import its neighbours, as under pytest
        sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    except Exception as error:
        trace = error.__traceback__
        line = 0
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == str(file):
                line = trace.tb_lineno
            trace = trace.tb_next
        raise InputError(f"{file}:{line}: {type(error).__name__}: {error}") from error
    return module


def _check_members(suite: Suite) -> None:
    if isinstance(suite.variants, Variant) or not isinstance(suite.variants, Sequence):
        raise InputError(f'suite "{suite.name}": variants is {suite.variants!r}: give a list of variants')
    if not suite.variants:
        raise InputError(f'suite "{suite.name}" has no variants: give it at least one, such as BASELINE.replace(...)')
    for member in suite.members:
        if not isinstance(member, Variant):
            raise InputError(f'suite "{suite.name}" holds {member!r}: every member must be a Variant')
    names = suite.names
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise InputError(
            f'suite "{suite.name}" holds "{twice[0]}" {names.count(twice[0])} times (the baseline counts): '
            "keep one of them"
        )
