"""A search in words: what it is about to do, a line per try, who won."""

from __future__ import annotations

from collections.abc import Callable

from harness.search.declaration import Search
from harness.search.job import SearchJob
from harness.search.tries import Ending, Tried


class SearchPrinter:
    """Writes a line per try; `write` adds the line's end."""

    def __init__(self, search: Search, write: Callable[[str], object]) -> None:
        self._search = search
        self._write = write

    def __call__(self, tried: Tried, best: Tried | None) -> None:
        """Write what a try gave, and the best one so far."""
        planned = self._search.tries_planned
        place = f"{tried.attempt.number + 1}/{planned}" if planned else f"{tried.attempt.number + 1}"
        line = f"[{place}] {tried.attempt.beside(self._search.baseline)}: "
        line += f"{self._search.objective} {self._figure(tried)}" if tried.status == "ok" else tried.status
        if tried.message:
            line += f": {tried.message}"
        if best is not None:
            line += f" (best {self._figure(best)}, try {best.attempt.number + 1})"
        self._write(line)

    def _figure(self, tried: Tried) -> str:
        return f"{tried.score(self._search.objective):.4f}"


def heading(job: SearchJob) -> str:
    """Say what a search is about to do."""
    search, epochs = job.search, job.conditions.budget.epochs
    tries = f"{search.tries_planned} tries" if search.tries_planned else f"rungs up to {epochs} epochs"
    seeds = f"{search.seeds} seed{'s' * (search.seeds > 1)}"
    live = "; --live begins with the winner" if job.job.settings.live_s is not None else ""
    return f"{search.suite_name}: {search.oracle} search, {tries}, by {search.objective} of {seeds}{live}"


def result_line(search: Search, ending: Ending) -> str:
    """Say who won."""
    score = f"{ending.objective} {ending.score:.4f}, try {ending.winning_try + 1}"
    if ending.winner == search.baseline:
        return f"{search.suite_name}: no try beat the baseline ({score}) in {ending.tries}: nothing to compare"
    return f"{search.suite_name}: {ending.winner.name_beside(search.baseline)} ({score}) is the {ending.note}"
