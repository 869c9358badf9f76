"""Pipes where files should be, streams that are closed, a folder that is gone: told in one line, and nothing waits."""

import contextlib
import dataclasses
import datetime
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from made_results import BASELINE, DROPOUT, Made, make_results

from harness import load_results
from harness.cli import run
from harness.errors import HarnessError, InputError
from harness.files import replace_text, write_asked
from harness.results.opening import open_store
from harness.results.provenance import collect_provenance
from harness.running.worker_process import prepare_log
from harness.suites import Suite, check_suites


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return make_results(tmp_path_factory.mktemp("results"), Made({BASELINE: 0.5}, step_ms={}, seeds=(1,)))


@contextlib.contextmanager
def pipe_at(path):
    """Put a pipe there that is held open, so that even what would wait for its other end comes back."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    held = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        yield
    finally:
        os.close(held)
        path.unlink()


def test_a_pipe_in_the_place_of_a_file_is_replaced_unless_a_person_named_it(results, tmp_path):
    for place, write in (
        (results / "harness.lock.owner", lambda path: open_store(path.parent).close()),
        (tmp_path / "workers.log", prepare_log),
        (tmp_path / "index.html", lambda path: replace_text(path, "page")),
    ):
        with pipe_at(place):
            write(place)
            assert place.is_file(), place
    with pipe_at(tmp_path / "asked"):
        write_asked(tmp_path / "asked", "page")
        assert (tmp_path / "asked").is_fifo()


@pytest.mark.parametrize("ending", ["-journal", "-wal", "-shm"])
def test_a_store_beside_which_a_pipe_lies_is_refused_and_not_waited_for(results, ending):
    beside = results / f"harness.sqlite{ending}"
    with pipe_at(beside), pytest.raises(InputError, match=rf"{ending} is no file, and so not of this program: move it"):
        load_results(results)


TELLING_SUITE = """
import os, pathlib, subprocess, sys
from harness import BASELINE, Suite
below = "import os, sys; sys.exit(os.open(os.devnull, os.O_RDONLY))"
numbers = os.open(os.devnull, os.O_RDONLY), subprocess.run([sys.executable, "-S", "-c", below]).returncode
pathlib.Path(__file__).with_name("lent").write_text(str([number for number in numbers if number < 3]))
SUITE = Suite("telling", [BASELINE.replace(dropout=0.5)])
"""


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_fail_nothing_and_lend_their_number_to_no_file(tmp_path, closed):
    (tmp_path / "suite_telling.py").write_text(TELLING_SUITE)
    command = [sys.executable, "-m", "harness", "list", tmp_path]
    ended = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", *command], check=False)
    assert ended.returncode == 0
    assert (tmp_path / "lent").read_text() == "[]"


STREAMS_SUITE = """
import os
from harness import BASELINE, Suite
SUITE = Suite(f"the next file is {os.open(os.devnull, os.O_RDONLY) > 2}", [BASELINE.replace(dropout=0.5)])
"""


def test_pytests_own_closed_streams_lend_their_number_to_no_file_either(tmp_path):
    (tmp_path / "suite_streams.py").write_text(STREAMS_SUITE)
    command = [sys.executable, "-m", "pytest", "-s", "--benchmark", "--collect-only", "-q", tmp_path]
    shell = ["sh", "-c", 'exec "$@" <&- 2>&-', "sh", *command]
    ended = subprocess.run(shell, stdout=subprocess.PIPE, text=True, check=False)
    assert "the next file is True" in ended.stdout


@pytest.mark.parametrize(("command", "code"), [(["harness", "list"], 4), (["pytest", "--noconftest"], 2)])
def test_a_suite_file_that_ends_its_process_is_refused_and_no_empty_success(tmp_path, command, code):
    (tmp_path / "suite_ends.py").write_text("import harness, os\nos._exit(0)\n")
    ended = subprocess.run([sys.executable, "-m", *command, tmp_path], capture_output=True, text=True, check=False)
    assert ended.returncode == code
    assert "suite_ends.py:2: SystemExit: os._exit(0) would end the whole run" in ended.stdout + ended.stderr


FORKING_SUITE = """
import os
from harness import BASELINE, Suite
copy = os.fork()
if not copy:
    os._exit(3)
SUITE = Suite(f"ended with {os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])}", [BASELINE.replace(dropout=0.5)])
"""


@pytest.mark.parametrize("command", [["harness", "list"], ["pytest", "--collect-only"]])
def test_a_suite_file_may_fork_and_its_copies_end_as_they_like(tmp_path, command):
    (tmp_path / "suite_forks.py").write_text(FORKING_SUITE)
    ended = subprocess.run([sys.executable, "-m", *command, tmp_path], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "ended with 3" in ended.stdout


STOPPED = """
import sys
from harness.running.interrupts import ignore_interrupts
try:
    exec("raise KeyboardInterrupt")
except KeyboardInterrupt:
    ignore_interrupts()
    sys.exit(2)
"""


def test_ctrl_c_while_an_import_makes_code_of_text_ends_as_any_other(tmp_path):
    """As each dataclass is made: Python then ended itself by SIGINT, with another exit code."""
    (tmp_path / "stopped.py").write_text(STOPPED)
    command = [sys.executable, "-m", "stopped"]
    variables = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run(command, cwd=tmp_path, env=variables, check=False).returncode == 2


@pytest.mark.parametrize("command", [["list"], ["tables"], ["init"]])
def test_a_current_folder_that_was_removed_is_told(tmp_path, monkeypatch, capsys, command):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert run(command) == 4
    assert capsys.readouterr().err == "error: the current folder was removed: change to one that is there\n"


def test_a_limit_on_the_size_of_files_is_told_and_leaves_the_old_file(results, tmp_path, capsys):
    output = tmp_path / "rows.csv"
    output.write_text("old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        code = run(["export", "--format", "csv", "--results", str(results), "--output", str(output)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    error = capsys.readouterr().err
    assert code == 1
    assert error.startswith(f"error: {output} cannot be written (File too large; ")
    assert "`ulimit -f`" in error
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]
    assert output.read_text() == "old"


def test_a_standard_output_that_takes_no_more_is_told_without_the_room_of_another_disk(results, monkeypatch, capsys):
    with open("/dev/full", "w", buffering=1) as full:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdout", full)
        assert run(["store", "check", "--results", str(results)]) == 1
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            full.close()
    told = capsys.readouterr().err
    assert told == "error: standard output, or a file, cannot be written (No space left on device): free some space\n"


def test_results_that_one_may_not_read_are_said_to_be_unreadable(results, monkeypatch, capsys):
    monkeypatch.chdir(results.parent)
    results.parent.chmod(0o755)
    assert run(["tables", "--results", results.name]) == 0  # so that what it imports is there: others may not read it
    capsys.readouterr()
    other = os.geteuid() == 0
    results.chmod(0)
    if other:  # an administrator may read all
        os.seteuid(65534)
    try:
        code = run(["tables", "--results", results.name])
    finally:
        if other:
            os.seteuid(0)
        results.chmod(0o755)
    assert code == 4
    assert "harness.sqlite cannot be read (Permission denied): whoever owns" in capsys.readouterr().err


def test_a_text_that_is_no_utf_8_is_stored_as_one_that_can_be_read(tmp_path, monkeypatch, capsys):
    """As Python makes of another encoding's bytes: in the name of a file that an error tells, or on a command line."""
    monkeypatch.setattr(sys, "argv", ["harness", "sweep", "caf\udce9"])
    made = Made(
        {BASELINE: 0.5}, step_ms={}, seeds=(1, 2), failed=frozenset({(BASELINE, 2)}), message="no caf\udce9.png"
    )
    folder = make_results(tmp_path / "results", made)
    with open_store(folder) as store:
        store.begin_run(collect_provenance())
        record = next(iter(load_results(folder).records.values()))
        store.add_record(dataclasses.replace(record, trial=dataclasses.replace(record.trial, seed=3)))
    assert [one.message for one in load_results(folder).records.values()] == ["", "no caf\ufffd.png", ""]
    assert run(["store", "check", "--results", str(folder)]) == 0
    assert "intact: 3 trials, 0 timing runs, 2 runs" in capsys.readouterr().out


def test_what_nobody_could_read_again_is_not_stored(results):
    record = next(iter(load_results(results).records.values()))
    unreadable = {
        "the trial .* seed 7 is not stored, .*: record.total_s is": {"total_s": 1e300},
        "the trial .* seed 7 is not stored, .*: record.accuracy is": {"accuracy": 2.0},
    }
    trial = dataclasses.replace(record.trial, seed=7)
    with open_store(results) as store:
        store.begin_run(collect_provenance())
        for words, change in unreadable.items():
            with pytest.raises(HarnessError, match=words):
                store.add_record(dataclasses.replace(record, trial=trial, **change))
    with pytest.raises(InputError, match="half a character, which no file can hold"):
        check_suites([Suite("half \ud83d a character", [DROPOUT])])
    assert len(load_results(results).records) == 1


def test_a_clock_that_was_never_set_makes_no_store_unreadable(results, monkeypatch):
    class Unset(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.datetime(1970, 1, 1, 5, tzinfo=tz)

    monkeypatch.setattr("harness.results.provenance.datetime", Unset)
    with open_store(results) as store:
        store.begin_run(collect_provenance())
    assert len(load_results(results).records) == 1


@pytest.mark.parametrize("change", [lambda folder: folder.rename(folder.with_name("moved")), shutil.rmtree])
def test_results_that_are_moved_or_removed_while_a_run_writes_them_are_told(results, tmp_path, change):
    folder = Path(shutil.copytree(results, tmp_path / "results"))
    record = next(iter(load_results(folder).records.values()))
    with open_store(folder) as store:
        store.begin_run(collect_provenance())
        change(folder)
        with pytest.raises(HarnessError, match="was moved, replaced or removed while this run wrote it: give "):
            store.add_record(dataclasses.replace(record, trial=dataclasses.replace(record.trial, seed=9)))
