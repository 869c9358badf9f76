"""The state of one `pytest suites --benchmark`, which its hooks and items share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
        asked: Suite and full name of the variant of each item; only their rows can fail a gate.
        searches: What is searched before the sweep; their winners join it.
        untimed_because: Why no step time is taken; empty where they are.
        store: Open for writing once training began.
        stopwatch: Measures step times.
        finished: Records of this run by trial key.
        completed: Whether training, and then timing, ran to its end.
        searched: The searches that were begun, by the names of their suites.
        search_failures: Why a search failed, by the name of its suite.
        frame: The comparison table of this run, once it has ended.
        outcomes: What each of its suites came to, likewise.
        timing_failures: Why a pair could not be timed.
        timing_s: How long it took to time a pair.
        failed: The rows that meet a gate, and which; once the run has ended.
        written: Files that were written, once the run has ended.
        unwritten: Why the tables could not be written; empty where they were.
        exit_code: What pytest is to exit with where they could not.
        ended: Whether the tables were made, or could not be.
    """

    job: Job
    gates: list[Gate]
    pairs: set[tuple[Variant, Variant]]
    asked: set[tuple[str, str]]
    searches: list[SearchJob]
    untimed_because: str = ""
    store: Store | None = None
    stopwatch: Stopwatch | None = None
    finished: dict[str, Record] = field(default_factory=dict)
    completed: bool = False
    searched: set[str] = field(default_factory=set)
    search_failures: dict[str, str] = field(default_factory=dict)
    frame: pd.DataFrame | None = None
    outcomes: Sequence[SuiteOutcome] = ()
    timing_failures: dict[tuple[Variant, Variant], str] = field(default_factory=dict)
    timing_s: dict[tuple[Variant, Variant], float] = field(default_factory=dict)
    failed: list[Failure] = field(default_factory=list)
    written: Sequence[Path] = ()
    unwritten: str = ""
    exit_code: int = 0
    ended: bool = False

    @property
    def untimed(self) -> list[tuple[Variant, Variant]]:
        """The pairs whose step times are still to be measured."""
        return [] if self.untimed_because else [pair for pair in self.job.untimed if pair in self.pairs]

    @property
    def failures(self) -> int:
        """How many searches, trials and timings of this run have failed so far."""
        trials = sum(record.status == "failed" for record in self.finished.values())
        return len(self.search_failures) + trials + len(self.timing_failures)

    def trials_of(self, variant: Variant) -> list[Trial]:
        """Return the plan's trials of a variant, as many as its rows needed."""
        return [trial for trial in self.job.plan.needed if trial.variant == variant]

    def is_trained(self, variant: Variant) -> bool:
        """Whether every trial of a variant has a result."""
        return all(
            self.finished[key].status != "failed" if key in self.finished else key in self.job.plan.done
            for key in (trial.key for trial in self.trials_of(variant))
        )

    def row_of(self, suite: str, variant: Variant) -> Mapping[str, Any]:
        """Return the row of a variant in this run's tables, in Python's own types; empty where there is none."""
        if self.frame is None:
            return {}
        found = self.frame[(self.frame["suite"] == suite) & (self.frame["full_name"] == variant.name)]
        return {} if found.empty else {str(column): value for column, value in found.to_dict("records")[0].items()}

    def failures_of(self, suite: str, variant: Variant) -> list[Failure]:
        """Return the gates that the row of a variant fails, if it does."""
        return [one for one in self.failed if (one.row["suite"], one.row["full_name"]) == (suite, variant.name)]

    def is_asked(self, failure: Failure) -> bool:
        """Whether a row that meets a gate is of an item: not of a baseline that only ran along under `-k`."""
        suite = str(failure.row["suite"])
        return suite in self.searched or (suite, str(failure.row["full_name"])) in self.asked

    def spent_s(self, pair: tuple[Variant, Variant]) -> float:
        """Return how long this run took to train the second of a pair and to time it."""
        trained = [self.finished[trial.key].total_s for trial in self.trials_of(pair[1]) if trial.key in self.finished]
        return sum(one for one in trained if one == one) + self.timing_s.get(pair, 0.0)

    def records_of(self, variant: Variant) -> list[Record]:
        """Return the records of a variant, of this run or an earlier one, in the order of their seeds."""
        earlier = self.job.results.records if self.job.results else {}
        keys = [trial.key for trial in self.trials_of(variant)]
        return [self.finished.get(key) or earlier[key] for key in keys if key in self.finished or key in earlier]
