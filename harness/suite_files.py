"""Suite files: found and imported by pytest itself, so that `harness` loads what pytest loads, by the same rules."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import pytest

from harness.errors import InputError, NothingSelectedError
from harness.options import FILE_PATTERN
from harness.suites import Declaration, Suite, check_suites, is_suite_file
from harness.variants.process_state import note_declaration
from harness.variants.user_code import contained

_IMPORT_MODE = re.compile(r"^[^#\n]*--import-mode[\s\"'=,]+(\w+)", re.MULTILINE)

# Our own code among them: no fault of a user's file lies there.
_LIBRARIES = (sysconfig.get_path("stdlib"), Path(__file__).parent)

Kind = TypeVar("Kind", bound=Declaration)


@dataclass(frozen=True, eq=False)
class SuiteSource:
    """A suite file that was imported.

    Attributes:
        path: The file.
        module: What it declares is found in it by `declared_in`.
        named: Whether a person named the file itself, not a folder above it.
    """

    path: Path
    module: ModuleType
    named: bool


class SuiteModule(pytest.Module):
    """A suite file as pytest collects it; items are made of what it declares, not of its functions."""

    def load(self) -> ModuleType:
        """Import the file; what would end the whole process, as `sys.exit` or `os._exit`, is an error of this file.

        The project's root is searched too, after everything else: it is where `model=` modules lie.
        """
        root = str(self.config.rootpath)
        if root not in sys.path:
            sys.path.append(root)
        restore = note_declaration()
        try:
            with contained(forks=True):
                module: ModuleType = self.obj
        except (Exception, KeyboardInterrupt, pytest.skip.Exception, pytest.exit.Exception):
            raise
        except BaseException as error:
            raise self.CollectError(f"{describe_failure(error, self.path)}: at import") from error
        finally:
            restore()
        return module


@contextlib.contextmanager
def conftest_contained() -> Iterator[None]:
    """Refuse what ends the process in conftest files, with its line.

    Raises:
        pytest.UsageError: `sys.exit`, `os._exit` or alike was called.
    """
    try:
        with contained(forks=True, threads=True):
            yield
    except SystemExit as error:
        raise pytest.UsageError(_ends_it(error)) from None


def declared_in(module: ModuleType, kind: type[Kind]) -> list[Kind]:
    """Return what a module declares at its top level, by itself or in a list, tuple, set or dict; equal ones once."""
    found: list[Kind] = []

    def look(value: object, depth: int) -> None:
        if isinstance(value, kind):
            if value not in found:
                found.append(value)
        elif isinstance(value, list | tuple | set | frozenset | dict) and depth < 4:
            for one in list(value.values() if isinstance(value, dict) else value):
                look(one, depth + 1)

    for name, value in list(vars(module).items()):
        if not name.startswith("__"):
            look(value, 0)
    file = os.path.relpath(str(module.__file__))
    return [one.found_in(file) for one in found] if is_suite_file(file) else found


def load_suites(
    paths: Sequence[Path], *, slow: bool = False, note: Callable[[str], object] = lambda text: None
) -> list[Suite]:
    """Return the suites of suite files, checked.

    Slow suites are left out unless `slow` is set or their file is named itself. `note` is told what else a person
    should know of the files.

    Raises:
        NothingSelectedError: There are only slow suites, or only searches.
        InputError: A file cannot be loaded, none declares anything, or a suite is refused.
    """
    return suites_of(load_suite_files(paths), slow=slow, note=note)


def suites_of(
    sources: Sequence[SuiteSource], *, slow: bool = False, note: Callable[[str], object] = lambda text: None
) -> list[Suite]:
    """Return the suites of loaded files (see `load_suites`); one that several files hold counts once."""
    suites: list[Suite] = []
    left_out: list[str] = []
    empty = [source.path for source in sources if not declared_in(source.module, Declaration)]
    for source in sources:
        for suite in declared_in(source.module, Suite):
            if suite in suites:
                continue
            if slow or source.named or not suite.slow:
                suites.append(suite)
            else:
                left_out.append(suite.name)
    if len(empty) == len(sources):
        raise InputError("\n".join(map(says_nothing, empty)))
    for path in empty:
        note(says_nothing(path))
    if left_out and not suites:
        raise NothingSelectedError(f"slow suites alone ({', '.join(left_out)}): add --slow, or name their file")
    if not suites:
        raise NothingSelectedError("searches alone, and no Suite(...): `harness search` runs them")
    check_suites(suites)
    return suites


def says_nothing(path: Path) -> str:
    """Return what is said of a suite file in which nothing is declared."""
    return f"{_shown(path)} declares no Suite and no Search at its top level (a list, tuple or dict of them will do)"


def load_suite_files(paths: Sequence[Path]) -> list[SuiteSource]:
    """Return the suite files that paths name, imported: a file itself, a folder's `suite_*.py` at any depth.

    Rootdir, conftest files, `pythonpath`, import mode, packages and what to ignore are pytest's; its `addopts` are not
    asked, since they are about running tests.

    Raises:
        InputError: A path or every suite file is missing, or a file cannot be imported (names its line).
    """
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} does not exist: name a suite file, or a folder with {FILE_PATTERN} files")
    collector = _Collector()
    _forget_suite_files()
    # Assertions stay as they are: to rewrite them pytest warns, or fails, since the harness is imported already.
    options = ["-o", "addopts=", "-o", f"python_files={FILE_PATTERN}", "-p", "no:harness", "--assert=plain"]
    printed = _Printed()
    quiet = contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed)
    with _no_added_options() as added, quiet[0], quiet[1], contained(forks=True, threads=True):  # conftest files
        collector.added = added
        try:
            code = pytest.main(["--collect-only", "--capture=no", *options, *map(str, paths)], [collector])
        except SystemExit as error:
            raise InputError(_ends_it(error)) from None
        except Exception as error:  # what a conftest's hooks raise, and warnings that the project makes errors
            raise InputError(f"pytest cannot collect: {describe_failure(error, Path('conftest.py'))}") from error
    if collector.path:
        sys.path[:] = collector.path
    if collector.interrupted:
        raise KeyboardInterrupt
    if collector.failures or code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise InputError("\n".join(collector.failures) or f"pytest cannot collect:\n{printed.getvalue().strip()}")
    if not collector.modules:
        raise InputError(f"no {FILE_PATTERN} in {', '.join(map(str, paths))}: add one, or name another folder")
    named = {path.resolve() for path in paths}
    return [SuiteSource(path, module, path.resolve() in named) for path, module in collector.modules.items()]


def describe_failure(error: BaseException, file: Path) -> str:
    """Return "FILE:LINE: what was raised", the line being the file's own, or else the last one outside of libraries.

    Without a line a file of which the name alone is known is left out: it need not be there.
    """
    if isinstance(error, pytest.Collector.CollectError) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, SyntaxError) and error.filename == str(file):
        line = error.lineno or 0
    else:
        frames = [(Path(one.filename), one.lineno or 0) for one in traceback.extract_tb(error.__traceback__)]
        own = [(path, line) for path, line in frames if path == file or path.name == file.name == "conftest.py"]
        others = [(path, line) for path, line in frames if path.is_file() and not _is_library(path)]
        # Without a line of its own it is the fault of what was imported for it, as its package.
        file, line = (own or others[-1:] or [(file, 0)])[-1]
    place = f"{_shown(file)}:{line}: " if line or file.is_absolute() else ""
    if isinstance(error, InputError):
        return f"{place}{error}"
    return f"{place}{type(error).__name__}: {error}".removesuffix(": ")


def _is_library(path: Path) -> bool:
    return "site-packages" in path.parts or any(path.is_relative_to(place) for place in _LIBRARIES)


def _shown(file: Path) -> Path:
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


class _Printed(io.StringIO):
    """Takes what files print as they are imported, though one closes its standard output."""

    def close(self) -> None:
        """Stay open."""


@dataclass
class _Collector:
    """The plugin that makes pytest import suite files, and remembers them."""

    added: str = ""
    modules: dict[Path, ModuleType] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    interrupted: bool = False

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Tell a person's Ctrl-C from pytest's own way to stop after errors."""
        self.interrupted = excinfo.type is KeyboardInterrupt

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """Take what a conftest's hook raised, instead of a traceback through pytest."""
        self.failures.append(describe_failure(excinfo.value, Path("conftest.py")))
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self, early_config: pytest.Config, args: list[str]) -> None:
        """Take the import mode from the options that are otherwise not asked."""
        ini = early_config.inipath
        text = (ini.read_text(encoding="utf-8", errors="replace") if ini else "") + f"\n{self.added}"
        if modes := _IMPORT_MODE.findall(text):
            args.append(f"--import-mode={modes[-1]}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> pytest.Module:
        """Collect a file as a suite file."""
        node: _LoadedModule = _LoadedModule.from_parent(parent, path=module_path)
        node.collector = self
        return node


class _LoadedModule(SuiteModule):
    collector: _Collector

    def collect(self) -> Iterator[pytest.Item]:
        with contextlib.suppress(pytest.skip.Exception):
            try:
                self.collector.modules[self.path] = self.load()
            except Exception as error:
                self.collector.failures.append(describe_failure(error, self.path))
        self.collector.path = list(sys.path)  # before pytest takes `pythonpath` off it
        return iter(())


def _forget_suite_files() -> None:
    """Let suite files be imported anew, whoever imported them: files of one name may be others."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__dict__", {}).get("__file__")
        if isinstance(file, str) and Path(file).match(FILE_PATTERN):
            del sys.modules[name]


def _ends_it(error: SystemExit) -> str:
    return f"{describe_failure(error, Path('conftest.py'))}: a conftest file or a plugin of pytest ends the process"


@contextlib.contextmanager
def _no_added_options() -> Iterator[str]:
    importlib.invalidate_caches()
    added = os.environ.pop("PYTEST_ADDOPTS", None)
    try:
        yield added or ""
    finally:
        if added is not None:
            os.environ["PYTEST_ADDOPTS"] = added
