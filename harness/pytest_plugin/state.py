"""The state of one `pytest suites --benchmark`, which its hooks and items share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.variants import Variant

if TYPE_CHECKING:
    import pandas as pd

    from harness.comparison.gate import Failure, Gate
    from harness.comparison.outcome import SuiteOutcome
    from harness.results.records import Record
    from harness.results.store import Store
    from harness.results.trials import Trial
    from harness.running.job import Job
    from harness.running.stopwatch import Stopwatch
    from harness.search.job import SearchJob

RUN = pytest.StashKey["Run"]()


@dataclass(eq=False)
class Run:
    """The state of one `pytest suites --benchmark`.

    Attributes:
        job: What is to do.
        gates: Conditions that no row of this run's tables may meet.
        pairs: Baseline and variant of each item, whose step times it measures; the winners of searches join them.
        searches: What is searched before the sweep; their winners join it.
        untimed_because: Why no step time is taken; empty where they are.
        store: Open for writing once training began.
        stopwatch: Measures step times.
        finished: Records of this run by trial key.
        completed: Whether training ran to its end.
        search_failures: Why a search failed, by the name of its suite.
        frame: The comparison table of this run, once it has ended.
        outcomes: What each of its suites came to, likewise.
        failed: The rows that meet a gate, and which; once the run has ended.
        written: Files that were written, once the run has ended.
        unwritten: Why the tables could not be written; empty where they were.
    """

    job: Job
    gates: list[Gate]
    pairs: set[tuple[Variant, Variant]]
    searches: list[SearchJob]
    untimed_because: str = ""
    store: Store | None = None
    stopwatch: Stopwatch | None = None
    finished: dict[str, Record] = field(default_factory=dict)
    completed: bool = False
    search_failures: dict[str, str] = field(default_factory=dict)
    frame: pd.DataFrame | None = None
    outcomes: Sequence[SuiteOutcome] = ()
    failed: list[Failure] = field(default_factory=list)
    written: Sequence[Path] = ()
    unwritten: str = ""

    @property
    def untimed(self) -> list[tuple[Variant, Variant]]:
        """The pairs whose step times are still to be measured."""
        return [] if self.untimed_because else [pair for pair in self.job.untimed if pair in self.pairs]

    def trials_of(self, variant: Variant) -> list[Trial]:
        """Return the plan's trials of a variant, as many as its rows needed."""
        return [trial for trial in self.job.plan.needed if trial.variant == variant]

    def records_of(self, variant: Variant) -> list[Record]:
        """Return the records of a variant, of this run or an earlier one, in the order of their seeds."""
        earlier = self.job.results.records if self.job.results else {}
        keys = [trial.key for trial in self.trials_of(variant)]
        return [self.finished.get(key) or earlier[key] for key in keys if key in self.finished or key in earlier]
