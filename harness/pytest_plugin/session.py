"""The hooks of a run with suites: they parse, call the harness and print. Registered where there is something to do."""

from __future__ import annotations

import sys
from collections.abc import Generator

import pytest

from harness.errors import HarnessError, InputError
from harness.files import ensure_home, unwritable
from harness.heavy import collect_again
from harness.machine import unfit
from harness.pytest_plugin.items import PROBLEMS, SEEN, SuiteItem
from harness.pytest_plugin.options import option, option_values
from harness.pytest_plugin.ours import argument_paths, note
from harness.pytest_plugin.state import RUN, Run
from harness.running.interrupts import interrupt_on_signals, no_more_threads
from harness.search import Search, check_searches
from harness.streams import open_closed_streams
from harness.suites import Suite, check_suites
from harness.wording import harmless

CallInfo = pytest.CallInfo[None]


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Check what must hold before collection."""
    config.stash[PROBLEMS], config.stash[SEEN] = [], []
    if not config.getoption("harness_benchmark"):
        return
    if trouble := unfit():
        raise pytest.UsageError(trouble)
    if not config.pluginmanager.hasplugin("benchmark"):
        raise pytest.UsageError(
            "--benchmark needs pytest-benchmark, which is missing or switched off (-p no:benchmark): "
            "install it with `pip install pytest-benchmark`"
        )
    if config.getoption("numprocesses", None) or config.getoption("dist", "no") != "no":
        raise pytest.UsageError(
            "--benchmark trains in workers of its own and times on a quiet machine: leave out xdist's -n, or add -n 0 "
            "(--workers N sets how many trials run at once)"
        )
    # Its own table is 190 columns wide and knows no baseline: ours stands in its place, unless one is asked for.
    if not (config.getoption("benchmark_compare", None) or config.getoption("benchmark_verbose", False)):
        config.option.benchmark_quiet = True
    open_closed_streams()
    ensure_home()
    interrupt_on_signals()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse wrong suites, and leave out the slow ones that nobody named."""
    found = [item for item in items if isinstance(item, SuiteItem)]
    problems = config.stash[PROBLEMS]
    with_slow = False
    try:
        with_slow = bool(found) and option(config, "slow")
        check_suites([one for one in config.stash[SEEN] if isinstance(one, Suite)])
        check_searches([one for one in config.stash[SEEN] if isinstance(one, Search)])
    except InputError as error:
        problems.append(str(error))
    if problems:
        raise pytest.UsageError("\n".join(problems))
    if with_slow:
        return
    named = argument_paths(config)
    slow = [item for item in found if item.declared.slow and item.path.resolve() not in named]
    if slow:
        config.hook.pytest_deselected(items=slow)
        left_out = set(slow)
        items[:] = [item for item in items if item not in left_out]
        if not items:
            note(config, "slow suites alone: add --slow, or name their file")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Take back the mark by which pytest-benchmark's --benchmark-only skips what has not asked for its fixture yet."""
    if isinstance(item, SuiteItem) and item.config.getoption("harness_benchmark"):
        marks = item.own_markers
        marks[:] = [mark for mark in marks if "(--benchmark-only active)" not in str(mark.kwargs.get("reason"))]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Plan the job: everything that can be refused is refused here, before any training."""
    config = session.config
    found = [item for item in session.items if isinstance(item, SuiteItem)]
    if any(config.getoption(name, False) for name in ("collectonly", "setuponly", "setupplan")):
        return
    if not found:
        _require_suites(session)
        return
    if session.testsfailed and not config.getoption("continue_on_collection_errors"):
        return
    try:
        from harness.training.devices import keras_backend

        option_values(config)
        keras_backend()
        if config.getoption("harness_benchmark"):
            from harness.pytest_plugin.run import prepare_run

            chosen = [(item.declared, item.variant) for item in found if isinstance(item.declared, Suite)]
            prepare_run(config, chosen, [item.declared for item in found if isinstance(item.declared, Search)])
    except InputError as error:
        raise pytest.UsageError(harmless(str(error))) from None


def _require_suites(session: pytest.Session) -> None:
    """Refuse `--benchmark`, where a command line itself has it, for tests alone: nothing would be trained nor gated."""
    config = session.config
    if session.items and not config.stash[SEEN] and "--benchmark" in config.invocation_params.args:
        raise pytest.UsageError(
            f"--benchmark: no suite among what was collected ({', '.join(config.args)}): name the suites, as in "
            "`pytest suites --benchmark`, or leave --benchmark out"
        )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Train, time and write the tables before the first item, which then tells of its row.

    (Step times must not be measured beside a training, and a row is judged by what its whole suite took.)
    """
    run = _run(session.config)
    if run is not None:
        from harness.pytest_plugin.run import time_all, train_all

        try:
            train_all(run, session.config)
            if run.completed:
                time_all(run, session.config)
        except InputError as error:
            raise pytest.UsageError(harmless(str(error))) from None
        except HarnessError as error:
            pytest.exit(harmless(str(error)), returncode=1)
        _finish(run, interrupted=not run.completed)
        if not all(isinstance(item, SuiteItem) for item in session.items):
            collect_again()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: CallInfo
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give an item the time that its variant took, and its row's figures, which `--junit-xml` writes."""
    run = _run(item.config)
    if run is None or not isinstance(item, SuiteItem) or call.when != "call":
        return (yield)
    from harness.pytest_plugin.measure import figures_of, pairs_of

    item.user_properties += figures_of(run, item.declared, item.variant)
    report = yield
    report.duration += sum(run.spent_s(pair) for pair in pairs_of(run, item.declared, item.variant))
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the tables after Ctrl-C too, and fail the run where a gate is met that no item came to tell of."""
    run = _run(session.config)
    if run is None or run.store is None:
        return
    _finish(run, interrupted=exitstatus == pytest.ExitCode.INTERRUPTED or not run.completed)
    if run.exit_code:
        session.exitstatus = run.exit_code
        return
    if run.failed and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _finish(run: Run, *, interrupted: bool) -> None:
    from harness.pytest_plugin.run import finish_run

    try:
        finish_run(run, partial="the run was interrupted or stopped early" if interrupted else "")
    except HarnessError as error:
        run.unwritten, run.exit_code = str(error), error.exit_code
    except OSError as error:
        place = error.filename or run.job.settings.results
        run.unwritten = str(unwritable(place, error, elsewhere="make it writable, or give --results another folder"))
        run.exit_code = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config) -> None:
    """Print a table per suite of this run, and where the files are."""
    if exitstatus == pytest.ExitCode.INTERRUPTED and (told := no_more_threads()):
        terminalreporter.write_line(f"error: {told}")
    run = _run(config)
    if run is None or run.store is None:
        return
    from harness.pytest_plugin.summary import summary_lines
    from harness.tables import Screen, screen_of

    # pytest knows its terminal, and has taken standard output away meanwhile.
    wide = config.get_terminal_writer().fullwidth if terminalreporter.isatty else screen_of(sys.stdout).width
    terminalreporter.section("comparison with the baseline")
    for line in summary_lines(run, Screen(wide), interrupted=exitstatus == pytest.ExitCode.INTERRUPTED):
        terminalreporter.write_line(harmless(line))


def _run(config: pytest.Config) -> Run | None:
    return config.stash.get(RUN, None)
