"""The process that writes the report of a run under way: it imports once, reads what was added, draws what changed."""

from __future__ import annotations

import contextlib
import gc
import json
import sys
from pathlib import Path

from harness.comparison import Judge, Margins
from harness.comparison.groups import Timings
from harness.report import write_report
from harness.results import Results, load_results
from harness.running.finish import compared
from harness.running.interrupts import interrupt_on_signals


def main(folder: str, margins: str) -> None:
    """Write the report of a results folder for each line of standard input, and answer it with one, until they end."""
    interrupt_on_signals()
    gc.freeze()  # what was imported stays
    chosen = Margins(**json.loads(margins))
    judge, known = Judge(chosen), None
    for _ in sys.stdin:
        with contextlib.suppress(Exception):  # no trial has ended yet, say; the run itself writes the last page
            known = write_anew(Path(folder), judge, chosen, known)
        print(flush=True)


def write_anew(folder: Path, judge: Judge, margins: Margins, known: Results | None) -> Results:
    """Write the page unless it shows all that is there; return what was read."""
    results = load_results(folder, known=known)
    if known is None or known.last_rows != results.last_rows:
        write_report(compared(results, judge, Timings(results)), results, margins)
    return results


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
