"""The report of a run under way, written anew every so many seconds by a process of its own that yields to the run."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.margins import Margins
from harness.running.processes import readable

# The workers come first: beside busy ones a process so nice gets a hundredth of their time.
_NICENESS = 19
_END_S = 5.0
_POLL_S = 0.2
_PRINTED_BYTES = 2_000


@contextlib.contextmanager
def live_report(
    results: Path, margins: Margins, every_s: float | None, *, warn: Callable[[str], None] = lambda text: None
) -> Iterator[None]:
    """Write the report of a results folder every so many seconds while the body runs, never two at once.

    What ends the body ends the writing too: the page that is there stays, since each is whole or not written.
    `every_s` None writes none. `warn` is told once, in the thread that asks for pages, where one cannot be written.
    """
    if every_s is None:
        yield
        return
    ended = threading.Event()
    asked = _command(results, margins), every_s, ended, warn
    thread = threading.Thread(target=_write_again, args=asked, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _write_again(
    command: list[str], every_s: float, ended: threading.Event, warn: Callable[[str], None] = lambda text: None
) -> None:
    """Ask a writer for a page every so many seconds; one that is gone is replaced."""
    writer, warned = None, False
    try:
        due = time.monotonic()
        while not ended.is_set():
            trouble = ""
            if writer is None:
                try:
                    writer = _Writer(command)  # at once: what it imports takes it a while
                except OSError as error:
                    trouble = f"its process does not start: {error}"
            due += every_s
            if ended.wait(max(due - time.monotonic(), 0)):
                break
            if writer is not None:
                trouble = writer.write(ended)
                if writer.process.poll() is not None:
                    writer.end()
                    writer = None
            if trouble and not warned and not ended.is_set():
                warned = True
                warn(f"--live: the report is not written: {trouble} (it is tried again; the run writes the last one)")
            due = max(due, time.monotonic() - every_s)  # what took too long is not made up for
    finally:
        if writer is not None:
            writer.end()


class _Writer:
    """The process that writes pages; OSError where it cannot be started."""

    def __init__(self, command: list[str]) -> None:
        import psutil

        self._printed = tempfile.TemporaryFile()  # noqa: SIM115  # as long as the process
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._printed, bufsize=0
            )
        except OSError:
            self._printed.close()
            raise
        with contextlib.suppress(psutil.Error):
            psutil.Process(self.process.pid).nice(_NICENESS)

    def write(self, ended: threading.Event) -> str:
        """Ask for a page, and wait until it is written, or the run ends; return why it was not, empty where it was."""
        asked, answers = self.process.stdin, self.process.stdout
        assert asked is not None
        assert answers is not None
        with contextlib.suppress(OSError):  # it is gone
            asked.write(b"\n")
        while not ended.is_set():
            if readable(answers.fileno(), _POLL_S):
                answer = answers.readline()
                return answer.decode(errors="replace").strip() if answer else self._death()
        return ""

    def end(self) -> None:
        """End the process, and let it take its scratch files away."""
        self.process.terminate()
        with self.process, self._printed:
            try:
                self.process.wait(_END_S)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def _death(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_END_S)
        self._printed.seek(0)
        lines = self._printed.read()[-_PRINTED_BYTES:].decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"its process ended ({self.process.poll()})" + f": {last}" * bool(last)


def _command(results: Path, margins: Margins) -> list[str]:
    writer = "harness.running.live_writer"
    return [sys.executable, "-m", writer, str(results.absolute()), json.dumps(dataclasses.asdict(margins))]
