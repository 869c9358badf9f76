"""What a results folder holds, read into memory: records, step times and the suites they belong to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.datasets.dataset import Origin
from harness.errors import InputError
from harness.results import frames
from harness.results.conditions import Conditions
from harness.results.contents import Selection, TestSet
from harness.results.kept_models import kept_models, model_of, read_probabilities
from harness.results.opening import read_store
from harness.results.planned import PlannedSuite
from harness.results.predictions import StoredPredictions
from harness.results.provenance import Provenance
from harness.results.records import Record
from harness.results.rows import missing_name
from harness.results.schema import SCHEMA_VERSION, DamagedStoreError
from harness.results.step_times import UNKNOWN, StepTimes
from harness.results.store import keep_newest
from harness.results.trials import FIRST_SEARCH_SEED, Trial
from harness.suites import Suite, shown_names
from harness.variants import Variant
from harness.wording import html_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Results:
    """A snapshot of a results folder.

    Attributes:
        folder: Where it was read from.
        suites: What was compared, as last declared.
        records: Each trial's result by its key, the newest last, but for the tries of searches: their seeds are no
            comparison's. Where every attempt failed it is the last failure.
        step_times: The newest timing run of each key.
        test_sets: True labels by dataset fingerprint and cap on images.
        provenances: Where each record and timing run was made, by key.
        selections: Which variant of a suite a search chose, by the suite's name.
        datasets: Where each dataset is from, by its fingerprint; the one used last is last.
        plans: What runs compared, the oldest first; none in a folder of an older version.
        last_rows: Numbers of the store's last rows that are in it: trials and timing runs.
        version: Of the store's schema.
    """

    folder: Path
    suites: tuple[Suite, ...]
    records: Mapping[str, Record]
    step_times: Mapping[str, StepTimes]
    test_sets: Mapping[tuple[str, int | None], TestSet]
    provenances: Mapping[str, Provenance]
    selections: Mapping[str, Selection] = field(default_factory=dict)
    datasets: Mapping[str, Origin] = field(default_factory=dict)
    plans: tuple[PlannedSuite, ...] = ()
    last_rows: tuple[int, int] = (0, 0)
    version: int = SCHEMA_VERSION

    def test_set(self, conditions: Conditions) -> TestSet:
        """Return the true labels of trials under these conditions; InputError where the store has none."""
        try:
            return self.test_sets[conditions.fingerprint, conditions.budget.max_images]
        except KeyError:
            raise InputError(f"{self.folder} has no labels of the test images of {conditions.label}") from None

    def called(self, variant: Variant) -> str:
        """Return the first of a variant's labels that means nothing else; else its full name."""
        return self.names.get(variant, variant.name)

    @cached_property
    def declared(self) -> tuple[Suite, ...]:
        """What was compared, each suite as often as it was declared otherwise, the newest first."""
        suites = (*(plan.suite for plan in reversed(self.plans)), *self.suites)
        return tuple({(one.name, one.members, one.labels): one for one in reversed(suites)}.values())[::-1]

    @cached_property
    def names(self) -> dict[Variant, str]:
        """What `called` says of each member of a suite."""
        return shown_names(self.declared)

    def trials(self) -> pd.DataFrame:
        """Return a row per trial (see `frames.trials_frame`)."""
        return frames.trials_frame(self)

    def history(self) -> pd.DataFrame:
        """Return a row per trial and epoch (see `frames.history_frame`)."""
        return frames.history_frame(self)

    def predictions(self, chosen: Callable[[Trial], bool] = lambda trial: True) -> pd.DataFrame:
        """Return a row per test image of each trial, or of those `chosen` (see `frames.predictions_frame`)."""
        return frames.predictions_frame(self, chosen)

    def probabilities(self, trial: Trial) -> NDArray[np.float16] | None:
        """Return what a trial gave each class for each test image, [N, classes]; None where that was not kept.

        Classes and true labels are those of `test_set(Conditions.of(trial))`; float16 has three digits.
        """
        path = model_of(trial, self._kept_models)
        if path is None:
            return None
        test_set = self.test_set(Conditions.of(trial))
        return read_probabilities(path, len(test_set.labels), len(test_set.classes))

    @cached_property
    def _kept_models(self) -> dict[str, Path]:
        return kept_models(self.folder)

    def steps(self) -> pd.DataFrame:
        """Return a row per timed block (see `frames.steps_frame`)."""
        return frames.steps_frame(self)

    def _repr_html_(self) -> str:
        trained: dict[tuple[Variant, Conditions], Counter[str]] = {}
        for record in self.records.values():
            place = record.trial.variant, Conditions.of(record.trial)
            trained.setdefault(place, Counter())[record.status] += 1
        rows = [
            (self.called(variant), conditions.label, *(statuses[name] for name in ("ok", "diverged", "failed")))
            for (variant, conditions), statuses in trained.items()
        ]
        return html_table(repr(self), ("variant", "under", "trials", "diverged", "failed"), rows)

    def __repr__(self) -> str:
        suites = ", ".join(suite.name for suite in self.suites) or "no suite"
        return f"Results({str(self.folder)!r}: {suites}; {len(self.records)} trials, {len(self.step_times)} step times)"


def load_results(folder: str | Path, *, known: Results | None = None, history: bool = True) -> Results:
    """Read a results folder; safe while a sweep writes into it.

    Args:
        folder: The folder.
        known: What was read of it before: only what was added since is read.
        history: Whether to keep each epoch's metrics: tables need no more of them than the validation accuracy.

    Raises:
        InputError: The folder holds no store, or one that is damaged or newer than this program.
    """
    path = Path(folder)
    with read_store(path) as store:
        if known and known.version != store.version:
            known = None  # brought up to date meanwhile, and its rows may have been numbered anew
        records = dict(known.records) if known else {}
        step_times = dict(known.step_times) if known else {}
        made_in: dict[str, int] = {}
        trial_row, timing_row = known.last_rows if known else (0, 0)
        for row, record in store.trials(after=trial_row, history=history):
            trial_row = row.number
            if record.trial.seed < FIRST_SEARCH_SEED and keep_newest(records, record):
                made_in[record.trial.key] = row["run"]
        measured = list(store.timings(after=timing_row))
        runs = store.runs()
        unknown = {*made_in.values(), *(row["run"] for row, _ in measured)} - runs.keys()
        if unknown:
            raise DamagedStoreError(store.path, f"{missing_name('runs', unknown)} missing")
        provenances = dict(known.provenances) if known else {}
        provenances |= {key: runs[run] for key, run in made_in.items()}
        sources = _sources(records)
        for row, found in measured:
            timing_row, run = row.number, runs[row["run"]]
            times = _identified(found, run.machine, sources)
            step_times.pop(times.key, None)
            step_times[times.key], provenances[times.key] = times, run
        test_sets = store.test_sets()
        for record in records.values():
            _expect_predictions(record, test_sets)
        return Results(
            folder=path,
            suites=store.suites(),
            records=records,
            step_times=step_times,
            test_sets=test_sets,
            provenances=provenances,
            selections=store.selections(),
            datasets=store.datasets(),
            plans=store.plans(),
            last_rows=(trial_row, timing_row),
            version=store.version,
        )


def _expect_predictions(record: Record, test_sets: Mapping[tuple[str, int | None], TestSet]) -> None:
    if record.status != "ok":
        return
    trial = record.trial
    test_set = test_sets.get((trial.fingerprint, trial.budget.max_images))
    if record.predictions is None:
        raise InputError(f"{trial.label} of {trial.dataset} is ok, and the store has no predictions of it")
    if test_set and isinstance(record.predictions, StoredPredictions):
        record.predictions.expect(len(test_set.labels), len(test_set.classes))


def _identified(times: StepTimes, machine: str, sources: Mapping[Variant, set[str]]) -> StepTimes:
    if times.recipe != UNKNOWN:
        return times
    firsts, seconds = (sources.get(variant, set()) | {""} for variant in (times.baseline, times.variant))
    return times.identified(machine, {(first, second) for first in firsts for second in seconds})


def _sources(records: Mapping[str, Record]) -> dict[Variant, set[str]]:
    found: dict[Variant, set[str]] = {}
    for record in records.values():
        found.setdefault(record.trial.variant, set()).add(record.trial.source)
    return found
