"""The report of a run under way, written anew every so many seconds by a process of its own that yields to the run."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from harness.margins import Margins

# The workers come first: beside busy ones a process so nice gets a hundredth of their time.
_NICENESS = 19
_END_S = 5.0
_POLL_S = 0.2


@contextlib.contextmanager
def live_report(results: Path, margins: Margins, every_s: float | None) -> Iterator[None]:
    """Write the report of a results folder every so many seconds while the body runs, never two at once.

    What ends the body ends the writing too: the page that is there stays, since each is whole or not written.
    `every_s` None writes none.
    """
    if every_s is None:
        yield
        return
    ended = threading.Event()
    thread = threading.Thread(target=_write_again, args=(_command(results, margins), every_s, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _write_again(command: list[str], every_s: float, ended: threading.Event) -> None:
    """Ask a writer for a page every so many seconds; one that is gone is replaced."""
    writer = None
    try:
        due = time.monotonic()
        while not ended.is_set():
            if writer is None or writer.poll() is not None:
                writer = _start(command)  # at once: what it imports takes it a while
            due += every_s
            if ended.wait(max(due - time.monotonic(), 0)):
                break
            with contextlib.suppress(OSError):  # it is gone
                _ask(writer, ended)
            due = max(due, time.monotonic() - every_s)  # what took too long is not made up for
    finally:
        if writer is not None:
            _end(writer)


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    import psutil

    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
    )
    with contextlib.suppress(psutil.Error):
        psutil.Process(process.pid).nice(_NICENESS)
    return process


def _ask(writer: subprocess.Popen[bytes], ended: threading.Event) -> None:
    """Ask for a page, and wait until it is written, or the run ends."""
    assert writer.stdin is not None
    assert writer.stdout is not None
    writer.stdin.write(b"\n")
    while not ended.is_set():
        if select.select([writer.stdout], [], [], _POLL_S)[0]:
            if not writer.stdout.read(1):  # it is gone
                writer.wait(_END_S)
            return


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the writer, and let it take its scratch files away."""
    process.terminate()
    with process:
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()


def _command(results: Path, margins: Margins) -> list[str]:
    writer = "harness.running.live_writer"
    return [sys.executable, "-m", writer, str(results.absolute()), json.dumps(dataclasses.asdict(margins))]
