"""`--live`: the page is there while a run goes on, whole at any instant, and nobody writes when the run has ended."""

import contextlib
import dataclasses
import os
import subprocess
import sys
import threading

import psutil
import pytest
from made_results import BASELINE, Made, make_results
from waiting import wait_until

from harness.comparison import Judge, Margins
from harness.results import load_results
from harness.results.opening import open_store
from harness.results.provenance import collect_provenance
from harness.running import live
from harness.running.live import live_report
from harness.running.live_writer import write_anew

# The least that is a report: a writer yields to all else, and a busy machine gives it little.
FEW = Made(accuracies={BASELINE: 0.8}, step_ms={}, seeds=(1,))
# Some of the niceness that it has, or it would wait for minutes beside other tests; none but root may lower its own.
NICENESS = min(os.nice(0) + 3, 19)


@pytest.fixture(autouse=True)
def less_nice(monkeypatch):
    monkeypatch.setattr(live, "_NICENESS", NICENESS)


def writers(folder):
    """Process identifiers, each with its niceness, of what writes the report of a folder."""
    found = {}
    for one in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has ended
            if str(folder) in " ".join(one.cmdline()):
                found[one.pid] = one.nice()
    return found


def test_the_page_of_what_is_there_so_far_is_written_again_and_again_beside_the_run_and_ends_with_it(tmp_path):
    folder = make_results(tmp_path / "results", FEW)
    page, seen = folder / "report" / "index.html", {}
    (record,) = load_results(folder).records.values()

    def seen_at(condition):
        seen.update(writers(folder))
        return condition()

    with live_report(folder, Margins(), 0.01):
        wait_until(lambda: seen_at(page.exists))
        first = page.read_text()
        assert first.rstrip().endswith("</html>")
        # What is added is on the next page; a writer that something ends is replaced.
        (writer,) = writers(folder)
        psutil.Process(writer).kill()
        with open_store(folder) as store:
            store.begin_run(collect_provenance())
            trial = dataclasses.replace(record.trial, seed=2)
            store.add_record(dataclasses.replace(record, trial=trial))
        wait_until(lambda: seen_at(lambda: page.read_text() != first))
        assert page.read_text().rstrip().endswith("</html>")
    assert writers(folder) == {}
    assert NICENESS in seen.values(), "it yields to the run"
    assert page.read_text().rstrip().endswith("</html>")


def test_a_writer_that_is_ended_takes_its_scratch_file_away(tmp_path):
    page = tmp_path / "index.html"
    code = (
        "import sys, time; from pathlib import Path; from harness.files import replaced; "
        "from harness.running.interrupts import interrupt_on_signals; interrupt_on_signals()\n"
        "with replaced(Path(sys.argv[1])) as scratch:\n"
        "    scratch.write_text('half')\n"
        "    time.sleep(1e6)"
    )
    ended = threading.Event()
    command = [sys.executable, "-c", code, str(page)]
    thread = threading.Thread(target=live._write_again, args=(command, 0.01, ended), daemon=True)
    thread.start()
    wait_until(lambda: any(tmp_path.iterdir()))
    ended.set()
    thread.join()
    assert list(tmp_path.iterdir()) == []


def test_a_page_is_written_where_something_was_added_and_left_alone_where_nothing_was(tmp_path):
    folder = make_results(tmp_path / "results", FEW)
    page, judge, known, stamps = folder / "report" / "index.html", Judge(Margins()), None, []
    for added in (False, False, True):
        if added:
            with open_store(folder) as store:
                store.begin_run(collect_provenance())
                store.add_record(next(iter(known.records.values())))
        known = write_anew(folder, judge, Margins(), known)
        stamps.append(page.stat().st_mtime_ns)
    assert stamps[0] == stamps[1] < stamps[2]


def test_nothing_is_written_where_nobody_asked(tmp_path):
    folder = make_results(tmp_path / "results", FEW)
    with live_report(folder, Margins(), None):
        assert writers(folder) == {}
    assert not (folder / "report").exists()


def warnings_of(command):
    """What is told of a writer once something was, and it was asked some more."""
    said, ended = [], threading.Event()
    args = (command, 0.01, ended, said.append)
    thread = threading.Thread(target=live._write_again, args=args, daemon=True)
    thread.start()
    wait_until(lambda: said)
    ended.wait(0.2)  # of the same trouble nothing more is told
    assert thread.is_alive()
    ended.set()
    thread.join()
    return said


@pytest.mark.parametrize(
    ("command", "trouble"),
    [
        (["/nowhere/python"], "its process does not start: "),
        ([sys.executable, "-c", "import no_such_module"], "its process ended (1): ModuleNotFoundError: "),
        ([sys.executable, "-c", "input(); print('the disk is full', flush=True); input()"], "the disk is full ("),
    ],
    ids=["no process", "a broken import", "an error of its own"],
)
def test_pages_that_cannot_be_written_are_told_of_once_and_tried_again(command, trouble):
    (said,) = warnings_of(command)
    assert said.startswith(f"--live: the report is not written: {trouble}")


def test_a_writer_answers_why_a_page_is_not_written_and_what_a_library_prints_is_no_answer(tmp_path):
    folder = make_results(tmp_path / "results", FEW)
    (folder / "report").write_text("in the way")
    code = (
        "import os, sys; from harness.running import live_writer\n"
        "def loud(*args, whole=live_writer.write_anew):\n"
        "    os.write(1, b'hello\\n')\n"
        "    print('hello', flush=True)\n"
        "    return whole(*args)\n"
        "live_writer.write_anew = loud\n"
        "live_writer.main(*sys.argv[1:])"
    )
    command = [sys.executable, "-c", code, *live._command(folder, Margins())[3:]]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        writer.stdin.write(b"\n")
        writer.stdin.flush()
        trouble = writer.stdout.readline().decode()
        (folder / "report").unlink()
        answers, _ = writer.communicate(b"\n")
    assert str(folder / "report") in trouble
    assert answers == b"\n"
    assert (folder / "report" / "index.html").exists()
