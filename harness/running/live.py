"""The report of a run under way, written anew every so many seconds by a process of its own that yields to the run."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from harness.margins import Margins

# The workers come first: beside busy ones a process so nice gets a hundredth of their time.
_NICENESS = 19
_END_S = 5.0


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
    import psutil

    while not ended.wait(every_s):
        # It may fail, where no trial has ended yet: the next one comes, and the run writes the last.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        with contextlib.suppress(psutil.Error):
            psutil.Process(process.pid).nice(_NICENESS)
        while process.poll() is None:
            if ended.wait(0.1):
                _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the writer, and let it take its scratch files away."""
    process.terminate()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _command(results: Path, margins: Margins) -> list[str]:
    names = {"alpha": margins.alpha, "margin-accuracy": margins.accuracy, "margin-time": margins.time}
    options = [part for name, value in names.items() for part in (f"--{name}", str(value))]
    return [sys.executable, "-m", "harness", "report", "--results", str(results.absolute()), *options]
