"""What a person sees while a sweep runs: a plan, then how far it is and how long it still takes."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import threading
import time
from collections.abc import Callable, Collection, Hashable, Sequence

from harness.comparison.verdicts import Verdict
from harness.results.records import Record
from harness.running.job import Pair
from harness.running.machine_speed import guess_range
from harness.running.pace import Pace
from harness.running.plan import Plan
from harness.tables.escape import one_line
from harness.tables.grid import text_width
from harness.variants import Variant
from harness.wording import counted, duration

_MOST_NAMES = 8


def describe_plan(plan: Plan, *, timings: Collection[Pair] = ()) -> str:
    """Return the plan in two lines: what is compared, then what is to do, done and about how long.

    Where rows may go on to further looks, from what is needed next to what would be if none were settled early.
    """
    variants = {variant for suite in plan.suites for variant in suite.members}
    names = ", ".join(suite.name for suite in plan.suites)
    compared = f"{counted(len(plan.suites), 'suite')} ({names}), {counted(len(variants), 'variant')}"
    todo = len(plan.todo)
    most = sum(trial.key not in plan.done for trial in plan.possible)
    work = f"{_from_to(todo, most)} to train, {len(plan.done):,} done"
    if timings:
        work += f"; {counted(len(timings), 'step time')} to measure"
    if todo or timings:
        work += f"; {_told_length(plan, timings)}"
    return f"{compared}, {_from_to(len(plan.needed), len(plan.possible))}\n{work}"


def _told_length(plan: Plan, timings: Collection[Pair]) -> str:
    """Return about how long a plan takes, in words."""
    after_s, unknown = seconds_after_training(plan, timings), plan.estimator.unknown(plan.todo)
    least_s, most_s = (seconds + after_s for seconds in plan.seconds)
    if unknown:
        least_s, most_s = guess_range(least_s)[0], guess_range(most_s)[1]
    text = "about " + " to ".join(dict.fromkeys(map(duration, (least_s, most_s))))
    if plan.todo:
        text += f" on {counted(plan.workers, 'worker')}"
    if plan.todo and timings:
        text += f", {duration(sum(seconds_of_timing(plan, timings)))} of it for step times"
    return f"{text} (a guess: {unknown})" if unknown else text


def describe_round(plan: Plan) -> str:
    """Return what the last round settled, and which rows the next one is for, in one line."""
    rows = [row for row in plan.rows if not row.standing.open]
    settled = sum(row.verdict is not Verdict.UNRESOLVED for row in rows)
    waiting = [row for row in plan.rows if row.standing.open]
    looks = sorted({row.standing.look for row in waiting})
    at = " and ".join(f"{look}" for look in looks)
    names = list(dict.fromkeys(plan.names[row.variant] for row in waiting))
    shown = ", ".join(names[:_MOST_NAMES]) + f" and {len(names) - _MOST_NAMES} more" * (len(names) > _MOST_NAMES)
    return (
        f"judged at {at} seeds: {settled} of {counted(len(plan.rows), 'row')} settled, {len(rows) - settled} given up, "
        f"{len(waiting)} open ({shown}); {counted(len(plan.todo), 'trial')} more"
    )


def _from_to(least: int, most: int) -> str:
    return counted(least, "trial") if least == most else f"{least:,} to {counted(most, 'trial')}"


def seconds_of_timing(plan: Plan, pairs: Collection[Pair]) -> list[float]:
    """Return about how long each step time of some pairs of a plan takes, in seconds, in their order."""
    return plan.estimator.timings_s(list(pairs), plan.conditions.budget, plan.conditions.environment.device)


def seconds_after_training(plan: Plan, pairs: Collection[Pair]) -> float:
    """Return about how long takes what comes after the last trial of a plan: step times of some pairs, and the end."""
    return sum(seconds_of_timing(plan, pairs)) + plan.estimator.end_s(plan.rows_to_write)


class Progress:
    """Counts finished pieces of work and says how long the rest takes.

    Args:
        total: Pieces in all; those of a plan join by `next_round`, or stand in `plan`.
        write: Takes text; the progress adds its own line ends.
        live: Whether `write` ends in a terminal, where one line, cut to its width, is drawn again and again; elsewhere
            each piece gets a line of its own.
        at_once: Pieces under way at the same time.
        plan: Where the pieces are its trials: how long each is expected to take, and whose suite it is of.
        expected_s: Where they are none: how long each is expected to take; all the same if that is not known.
        after_s: About how long takes what comes after the last piece.
        clock: Seconds from any beginning.
    """

    def __init__(
        self,
        total: int,
        write: Callable[[str], None],
        *,
        live: bool,
        at_once: int = 1,
        plan: Plan | None = None,
        expected_s: Sequence[float] = (),
        after_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = total
        self._write = write
        self._live = live
        self._at_once = at_once
        self._after_s = after_s
        self._done = self._failed = 0
        pieces: dict[Hashable, float] = dict(enumerate(expected_s or [1.0] * total))
        if plan is None:
            self._pace = Pace(pieces, at_once=at_once, trusted=bool(expected_s), clock=clock)
        else:
            trusted = 0 if plan.estimator.unknown(plan.todo) else at_once
            self._pace = Pace(_expected(plan), at_once=at_once, trusted=trusted, clock=clock)
        self._suites = {} if plan is None else _suites(plan)
        self._width = 0
        self._drawing = threading.RLock()
        if live and plan is not None and plan.todo:  # the first trial may take an hour
            left_s = 0.0 if plan.estimator.unknown(plan.todo) else plan.seconds[0] + after_s
            self._draw("", "starting", self._told(left_s), running=min(at_once, total))

    def next_round(self, plan: Plan) -> None:
        """Say what the last round settled, and count the trials of the next."""
        self.close()
        self._total += len(plan.todo)
        self._pace.add(_expected(plan))
        self._suites |= _suites(plan)
        self._say(describe_round(plan) + "\n")

    def warn(self, text: str) -> None:
        """Say what a person should know, on a line of its own; from any thread."""
        with self._drawing:
            self.close()
            self._say(f"warning: {one_line(text)}\n")

    def trial_done(self, record: Record, label: str = "") -> None:
        """Count a trial, called so or by its own label; a failed one always gets a line of its own."""
        label = label or record.trial.label
        if record.status == "ok":
            text = f"{label}: accuracy {record.accuracy:.3f}, {record.total_s:.1f} s"
        else:
            text = f"{label}: {record.status}: {record.message}"
        trouble = record.model.trouble if record.model else ""
        text += f"; its model is not kept: {trouble}" * bool(trouble)
        self._failed += record.status == "failed"
        self._pace.took(record.trial.key, record.total_s)
        of = self._suites.get(record.trial.variant, "")
        self._show(text, keep=record.status != "ok" or bool(trouble), of=of)

    def piece_done(self, text: str, seconds: float, *, trouble: str = "") -> None:
        """Count a piece of work that took so long and show it; why it failed, if it did, gets a line of its own."""
        self._failed += bool(trouble)
        self._pace.took(self._done, seconds)
        self._show(f"{text}: failed: {trouble}" if trouble else text, keep=bool(trouble))

    def _show(self, text: str, *, keep: bool, of: str = "") -> None:
        with self._drawing:
            self._show_one(text, keep=keep, of=of)

    def _show_one(self, text: str, *, keep: bool, of: str) -> None:
        self._done += 1
        running = min(self._at_once, self._total - self._done)
        left_s = self._pace.left_s()
        if left_s or not running:
            left_s += self._after_s
        left = self._told(left_s)
        if self._live and not keep:
            self._draw(of, text, left, running=running)
            return
        width = len(str(self._total))
        line = ", ".join([f"[{self._done:{width}}/{self._total}] {one_line(text)}", *[left] * bool(left)])
        if not self._live:
            self._say(line + "\n")
            return
        self._say("\r" + line + " " * (min(self._width, _columns()) - text_width(line)) + "\n")
        self._width = 0

    def _told(self, left_s: float) -> str:
        # No less than a second is promised, and nothing where no piece has told its time yet.
        return f"about {duration(max(left_s, 1))} left" if left_s else ""

    def _draw(self, of: str, text: str, left: str, *, running: int) -> None:
        """Draw the line anew; what matters comes first: the end may not fit, nor in a narrow terminal the suite."""
        counts = [f"{running} running"] * (self._at_once > 1) + [f"{self._failed} failed"] * (self._failed > 0)
        long = ", ".join([f"{self._done} of {self._total} done", *counts, *[left] * bool(left)])
        short = ", ".join([f"{self._done}/{self._total}", *counts, *[left.removeprefix("about ")] * bool(left)])
        suite = f"{of}: " * bool(of)
        fitting = [one for one in (suite + long, suite + short) if text_width(one) <= _columns()]
        line = _cut(f"{fitting[0] if fitting else short}; {one_line(text)}", _columns())
        self._say("\r" + line + " " * (min(self._width, _columns()) - text_width(line)))
        self._width = text_width(line)

    def close(self) -> None:
        """Clear the drawn line, so that what follows starts at the left edge."""
        with self._drawing:
            if self._live and self._width:
                # The terminal may have become narrower meanwhile.
                self._say("\r" + " " * min(self._width, _columns()) + "\r")
                self._width = 0

    def _say(self, text: str) -> None:
        with contextlib.suppress(OSError):  # nobody reads it: a closed terminal ends no sweep that is to outlive it
            self._write(text)


def _columns() -> int:
    return shutil.get_terminal_size().columns - 1


def _cut(line: str, width: int) -> str:
    """Return the line, or what of it fits a terminal: a longer one would break, and a part of it stay for good."""
    if text_width(line) <= width:
        return line
    kept = itertools.takewhile(lambda taken: taken < width, itertools.accumulate(map(text_width, line)))
    return line[: sum(1 for _ in kept)] + "…"


def _expected(plan: Plan) -> dict[Hashable, float]:
    return {trial.key: plan.expected.get(trial.key, 1.0) for trial in plan.todo}


def _suites(plan: Plan) -> dict[Variant, str]:
    return {variant: suite.name for suite in reversed(plan.suites) for variant in suite.members}
