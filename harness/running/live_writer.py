"""The process that writes the report of a run under way: it imports once, reads what was added, draws what changed."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
from pathlib import Path

from harness.comparison import Judge, Margins
from harness.comparison.groups import Timings
from harness.errors import HarnessError
from harness.report import write_report
from harness.results import Results, load_results
from harness.running.finish import compared
from harness.running.interrupts import interrupt_on_signals
from harness.tables.escape import one_line
from harness.variants.user_code import describe

_LONGEST = 500


def main(folder: str, margins: str) -> None:
    """Write the report of a results folder for each line of standard input, until they end.

    Each is answered with one on what is the standard output now: why no page could be written, or nothing. What a
    library prints meanwhile is no answer, and goes nowhere.
    """
    interrupt_on_signals()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    gc.freeze()  # what was imported stays
    chosen = Margins(**json.loads(margins))
    judge, known = Judge(chosen), None
    for _ in sys.stdin:
        trouble = ""
        try:
            known = write_anew(Path(folder), judge, chosen, known)
        except Exception as error:  # the next page may be written, and the run itself writes the last one
            trouble = str(error) if isinstance(error, HarnessError) else describe(error)
        print(one_line(trouble)[:_LONGEST], file=answers, flush=True)


def write_anew(folder: Path, judge: Judge, margins: Margins, known: Results | None) -> Results:
    """Write the page unless it shows all that is there, or no trial has ended yet; return what was read."""
    results = load_results(folder, known=known)
    if results.records and (known is None or known.last_rows != results.last_rows):
        write_report(compared(results, judge, Timings(results)), results, margins)
    return results


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
