"""What a person sees while a sweep runs: a plan, then how far it is and how long it still takes."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.results.records import Record
from harness.running.plan import Plan


def describe_plan(plan: Plan, *, timings: int) -> str:
    """Return the plan in two lines: what is compared, then what is to do, done and about how long."""
    variants = {variant.name for suite in plan.suites for variant in suite.members}
    names = ", ".join(suite.name for suite in plan.suites)
    count = len(plan.suites)
    lines = [f"{count} suite{'s' * (count != 1)} ({names}), {len(variants)} variants, {len(plan.trials)} trials"]
    work = f"{len(plan.todo)} trials to train, {len(plan.done)} done"
    if timings:
        work += f"; {timings} step times to measure"
    if plan.todo:
        work += f"; about {duration(plan.seconds)} of training on {plan.workers} worker{'s' * (plan.workers != 1)}"
    return "\n".join([*lines, work])


def duration(seconds: float) -> str:
    """Return a length of time as people say it.

    >>> duration(8.4), duration(95), duration(4000)
    ('8 s', '1 min 35 s', '1 h 06 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


class Progress:
    """Counts finished pieces of work and says how long the rest takes.

    Args:
        total: Pieces in all.
        write: Takes text; the progress adds its own line ends.
        live: Whether `write` ends in a terminal, where one line is drawn again and again; elsewhere each piece
            gets a line of its own.
        expected_s: First estimate of the whole, until two pieces are done.
    """

    def __init__(self, total: int, write: Callable[[str], None], *, live: bool, expected_s: float = 0.0) -> None:
        self._total = total
        self._write = write
        self._live = live
        self._expected_s = expected_s
        self._done = 0
        self._started = time.monotonic()
        self._width = 0

    def trial_done(self, record: Record) -> None:
        """Count a trial; a failed one always gets a line of its own."""
        trial = record.trial
        if record.status == "ok":
            self.piece_done(f"{trial.label}: accuracy {record.accuracy:.3f}, {record.total_s:.1f} s")
        else:
            self.piece_done(f"{trial.label}: {record.status}: {record.message}", keep=True)

    def piece_done(self, text: str, *, keep: bool = False) -> None:
        """Count a piece of work and show it; `keep` leaves its line standing in a terminal."""
        self._done += 1
        width = len(str(self._total))
        left = f", about {duration(self._left_s())} left" if self._done < self._total else ""
        line = f"[{self._done:{width}}/{self._total}] {text}{left}"
        if not self._live:
            self._write(line + "\n")
            return
        self._write("\r" + line.ljust(self._width) + ("\n" if keep else ""))
        self._width = 0 if keep else len(line)

    def close(self) -> None:
        """Clear the drawn line, so that what follows starts at the left edge."""
        if self._live and self._width:
            self._write("\r" + " " * self._width + "\r")

    def _left_s(self) -> float:
        elapsed = time.monotonic() - self._started
        if self._done < 2:
            return max(self._expected_s - elapsed, 0.0)
        return elapsed / self._done * (self._total - self._done)
