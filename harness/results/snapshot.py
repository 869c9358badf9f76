"""What a results folder holds, read into memory: records, step times and the suites they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.datasets.dataset import Origin
from harness.results.opening import read_store
from harness.results.provenance import Provenance
from harness.results.records import Record
from harness.results.step_times import StepTimes
from harness.results.store import Selection, TestSet
from harness.results.trials import FIRST_SEARCH_SEED
from harness.suites import Suite


@dataclass(frozen=True, eq=False)
class Results:
    """A snapshot of a results folder.

    Attributes:
        folder: Where it was read from.
        suites: What was compared, as last declared.
        records: Each trial's result by its key, but for the tries of searches: their seeds are no comparison's.
        step_times: The newest timing run of each key.
        test_sets: True labels by dataset fingerprint and cap on images.
        provenances: Where each record and timing run was made, by key.
        selections: Which variant of a suite a search chose, by the suite's name.
        datasets: Where each dataset is from, by its fingerprint; the one used last is last.
    """

    folder: Path
    suites: tuple[Suite, ...]
    records: Mapping[str, Record]
    step_times: Mapping[str, StepTimes]
    test_sets: Mapping[tuple[str, int | None], TestSet]
    provenances: Mapping[str, Provenance]
    selections: Mapping[str, Selection] = field(default_factory=dict)
    datasets: Mapping[str, Origin] = field(default_factory=dict)


def load_results(folder: str | Path) -> Results:
    """Read a results folder; safe while a sweep writes into it.

    Raises:
        InputError: The folder holds no store, or one that is damaged or newer than this program.
    """
    path = Path(folder)
    with read_store(path) as store:
        records = {key: one for key, one in store.records().items() if one.trial.seed < FIRST_SEARCH_SEED}
        return Results(
            folder=path,
            suites=store.suites(),
            records=records,
            step_times=store.step_times(),
            test_sets=store.test_sets(),
            provenances=store.provenances(),
            selections=store.selections(),
            datasets=store.datasets(),
        )
