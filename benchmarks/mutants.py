"""Mutation testing: change one operator, number, text or part of a module at a time, and see whether a test fails.

    python benchmarks/mutants.py harness/statistics/effect.py tests/statistics/test_two_way.py [MORE TESTS]

The module's doctests count among the tests. Each mutant is a fork of a process that has collected the tests, and runs
those that reach its lines, until the first failure: some tenths of a second. One outside of functions needs the module
anew, and so a fork of a process that has the libraries alone. Imports, annotations, decorators, docstrings and the
words of f-strings are left as they are. `--most 200` takes so many mutants, drawn evenly. `--anew` imports the module
anew for each: for functions that other modules call as they are imported.

A test that fails kills a mutant, and so do an error at collection and a process that ends by a signal, an exit code or
the limit of time. What survives is listed, and so is what is unclear, which counts as not killed: the process ended
as if all were well before the tests did, pytest itself failed, or it found no test.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import gc
import importlib
import os
import pickle
import random
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import hypothesis
import pytest
from mutations import Mutant, codes_within, mutants_of

LruCache = type(functools.lru_cache(len))
NOT_REACHED, ENDED, UNCLEAR = "(no test reaches it)", "ended with status", "(unclear:"


def forked(work: Callable[[], Any], limit_s: int = 0, *, quiet: bool = True) -> Any:
    """Return what a fork returns; where it did not get that far, a text: its status, or why that tells nothing."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        if limit_s:
            resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s))
            signal.alarm(5 * limit_s)
        if quiet:
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, 1)
            os.dup2(nothing, 2)
        with contextlib.suppress(OSError), os.fdopen(write, "wb") as pipe:
            try:
                content = pickle.dumps(work())
            except BaseException as error:
                traceback.print_exc()
                content = pickle.dumps(f"{UNCLEAR} {type(error).__name__} outside of the tests)")
            pipe.write(content)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        content = pipe.read()
    status = os.waitpid(child, 0)[1]
    if not content and not status:
        return f"{UNCLEAR} the process ended with status 0 before the tests did)"
    return pickle.loads(content) if content else f"{ENDED} {status}"


class Examples:
    """A plugin of pytest: hypothesis tries the same examples each time."""

    def pytest_configure(self) -> None:
        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        hypothesis.settings.register_profile("mutants", deadline=None, database=None, derandomize=True, phases=phases)
        hypothesis.settings.load_profile("mutants")


class Tests(Examples):
    """The tests, collected once, then run on one mutant after the other."""

    def __init__(self, path: Path, mutants: dict[int, Mutant]) -> None:
        self.path, self.mutants = str(path.resolve()), mutants
        self.outcomes: dict[int, str] = {}
        self.seconds, self.failed = 0.0, ""
        self.reached: dict[object, set[int]] = {}
        self.traced = False

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run all tests on the code as it is, to see which lines they reach, then on each mutant those of its lines."""
        known = gc.get_objects()
        functions = [one for one in known if isinstance(one, FunctionType) and one.__code__.co_filename == self.path]
        caches = [one for one in known if isinstance(one, LruCache) and one.__wrapped__ in functions]

        def first_failure(items: list[pytest.Item], code: CodeType | None = None) -> str:
            codes = {(one.co_qualname, one.co_firstlineno): one for one in codes_within(code)} if code else {}
            for function in functions:
                was = function.__code__
                function.__code__ = codes.get((was.co_qualname, was.co_firstlineno), was)
            for place, item in enumerate(items):
                for cache in caches:
                    cache.cache_clear()
                item.ihook.pytest_runtest_protocol(item=item, nextitem=(*items, None)[place + 1])
                if self.failed:
                    break
            return self.failed

        def all_reached() -> tuple[str, dict[object, set[int]]]:
            self.traced = True
            return first_failure(session.items), self.reached

        began = time.perf_counter()
        found = forked(all_reached)
        self.seconds = time.perf_counter() - began
        failed, reached = (found, {}) if isinstance(found, str) else found
        if failed:
            raise pytest.UsageError(f"the code as it is: {failed} {'fails' * (found is not failed)}")
        for number, mutant in self.mutants.items():
            if mutant.in_function:
                lines = set(mutant.lines)
                # What the first test of a file sets up may serve the others.
                items = [
                    one
                    for one in session.items
                    if lines & (reached.get(one.nodeid, set()) | reached.get(one.path, set()))  # none: it is skipped
                ]
                outcome = forked(lambda: first_failure(items, mutant.code), 3 + int(2 * self.seconds))  # noqa: B023
                self.outcomes[number] = told(number, mutant, outcome if items else NOT_REACHED)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        return (yield from self._noting(item.path))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        return (yield from self._noting(item.nodeid))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = self.failed or report.nodeid * report.failed

    def _noting(self, place: object) -> Any:
        lines = self.reached.setdefault(place, set())

        def trace(frame: FrameType, event: str, argument: object) -> Any:
            if frame.f_code.co_filename != self.path:
                return None
            lines.add(frame.f_lineno)
            return trace

        before = sys.gettrace()
        sys.settrace(trace if self.traced else before)
        try:
            return (yield)
        finally:
            sys.settrace(before)


def told(number: int, mutant: Mutant, outcome: str) -> str:
    """Print a mutant that no test kills; return the outcome."""
    if not kills(outcome):
        print(f"{number:5} {mutant.told} {outcome}", flush=True)
    return outcome


def kills(outcome: str) -> bool:
    return outcome not in ("", NOT_REACHED) and not outcome.startswith(UNCLEAR)


def anew(path: Path, code: CodeType, arguments: list[str]) -> str:
    """Run the tests on a module that is imported as this code."""
    get_code = SourceFileLoader.get_code
    mine = str(path.resolve())
    SourceFileLoader.get_code = lambda self, name: code if self.path == mine else get_code(self, name)  # type: ignore
    code = pytest.main(["-x", *arguments], plugins=[Examples()])
    if code in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
        return f"{UNCLEAR} pytest ended with {int(code)})"
    # The others are what a test, a test file's import and a conftest's import end in: the code as it is gave 0.
    return "fails" if code else ""


def outcomes_of(path: Path, mutants: dict[int, Mutant], tests: list[str]) -> dict[int, str]:
    """Return which test failed on each mutant, or how it ended; empty for none."""
    options = "-qq --capture=no --no-summary --assert=plain -p no:cacheprovider --doctest-modules"
    arguments = [*options.split(), str(path), *tests]

    def collected() -> tuple[int, dict[int, str], float, list[str]]:
        plugin = Tests(path, mutants)
        code = pytest.main(arguments, plugins=[plugin])
        libraries = [name for name, one in sys.modules.items() if "site-packages" in str(getattr(one, "__file__", ""))]
        return code, plugin.outcomes, plugin.seconds, libraries

    outcome = forked(collected, quiet=False)
    if isinstance(outcome, str):
        sys.exit(f"nothing was tried: {outcome}")
    code, found, seconds, libraries = outcome
    if code:
        sys.exit(code)
    for name in libraries:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    outside = {number: mutant for number, mutant in mutants.items() if not mutant.in_function}
    if outside:
        as_it_is = compile(path.read_text(), str(path.resolve()), "exec")
        if outcome := forked(lambda: anew(path, as_it_is, arguments)):
            sys.exit(f"the code as it is, imported anew: {outcome}")
    for number, mutant in outside.items():
        outcome = forked(lambda: anew(path, mutant.code, arguments), 6 + int(2 * seconds))  # noqa: B023
        found[number] = told(number, mutant, outcome)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("module", type=Path)
    parser.add_argument("tests", nargs="*")
    parser.add_argument("--most", type=int, default=10**9, help="so many mutants, drawn evenly; at least 1")
    parser.add_argument("--anew", action="store_true", help="import the module anew for each mutant")
    options = parser.parse_args()
    if not options.module.is_file():
        parser.error(f"{options.module}: no such file")
    if options.most < 1:
        parser.error(f"--most {options.most}: at least 1")
    mutants = dict(enumerate(mutants_of(options.module)))
    if options.anew:
        mutants = {number: mutant._replace(in_function=False) for number, mutant in mutants.items()}
    if not mutants:
        parser.error(f"{options.module}: nothing in it can be changed")
    drawn = sorted(random.Random(0).sample(list(mutants), min(options.most, len(mutants))))
    began = time.perf_counter()
    outcomes = outcomes_of(options.module, {number: mutants[number] for number in drawn}, options.tests)
    killed = sum(map(kills, outcomes.values()))
    unclear = sum(outcome.startswith(UNCLEAR) for outcome in outcomes.values())
    ended = sum(outcome.startswith(ENDED) for outcome in outcomes.values())
    print(
        f"{options.module}: {len(drawn)} of {len(mutants)} mutants, {killed} killed ({killed / len(drawn):.1%}), "
        f"{ended} of them by ending the process or at the limit of time; {unclear} unclear; "
        f"{time.perf_counter() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
