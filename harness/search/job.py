"""A search from its declaration to its winner's suite: check, run or take up again, and say what to compare."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.datasets.facts import DatasetFacts
from harness.errors import InputError
from harness.results.planned import PlannedSuite
from harness.results.store import Store
from harness.running.job import Job, prepare
from harness.running.job_settings import JobSettings
from harness.running.train import start_executor
from harness.search.declaration import Search, check_searches
from harness.search.engine import Engine, TryConditions
from harness.search.oracle import AskTell
from harness.search.tries import Ending, Tried, values_of
from harness.suites import Suite
from harness.variants.sizes import check_variant

# Raise it when a change here gives other points for the same declaration.
_RECIPE = 1


@dataclass(frozen=True, eq=False)
class SearchJob:
    """A checked search: everything is known, nothing is written yet.

    Attributes:
        search: What to search.
        job: The dataset, device and folder, as for any other job; its plan is empty.
        conditions: What every try shares.
        key: 64 hexadecimal digits that identify what decides the points and figures of its tries, but not how many:
            the same search with more tries goes on where it ended.
    """

    search: Search
    job: Job
    conditions: TryConditions
    key: str

    @property
    def folder(self) -> Path:
        """Where the states of unfinished trials lie; gone when the search is done."""
        return self.job.settings.results / "search" / self.key[:16]


def prepare_searches(
    searches: Sequence[Search], settings: JobSettings, *, earlier: Job | None = None
) -> list[SearchJob]:
    """Check everything that can be checked before training.

    A space that is a function is called, with keras-tuner's HyperParameters: that starts TensorFlow, which takes
    seconds. `earlier` as of `prepare`.

    Raises:
        InputError: A search, its space, the dataset, device or results folder is refused; nothing was written.
    """
    check_searches(searches)
    if settings.budget.protocol == "tutorial":
        raise InputError(
            "a search with the tutorial's protocol would choose by the test images, which are its validation: "
            "leave out --protocol tutorial"
        )
    base = prepare(settings, [], earlier=earlier, ahead=True)
    facts = DatasetFacts.of(base.dataset.open())
    jobs = []
    for search in searches:
        check_variant(search.baseline, facts.input_shape, len(facts.classes))
        budget = settings.budget.override(epochs=search.epochs)
        if search.oracle == "hyperband" and budget.epochs < search.factor:
            raise InputError(
                f'search "{search.name}": hyperband with factor {search.factor} needs at least as many epochs, got '
                f"{budget.epochs}: raise --epochs, or use another --oracle"
            )
        conditions = TryConditions(facts, budget, base.environment, search.baseline)
        jobs.append(SearchJob(search, base, conditions, _key(search, conditions)))
    return jobs


def run_search(
    search_job: SearchJob, store: Store, *, notify: Callable[[Tried, Tried | None], None] = lambda tried, best: None
) -> Ending:
    """Run a search, or take it up where it was interrupted; note its ending and its winner's suite in the store.

    Args:
        search_job: From `prepare_searches`.
        store: From `harness.running.job.begin` with this search's job.
        notify: Called with each try in their order, those done before an interruption too, and the best one so far.

    Raises:
        HarnessError: Several tries in a row failed, or none gave a result.
        KeyboardInterrupt: Passed on, after the workers were ended.
    """
    search = search_job.search
    ending = None if search_job.job.settings.retrain else _stored_ending(search_job, store)
    if ending is None:
        ending = _run(search_job, store, notify)
        # The suite comes last: who finds it finds the ending too.
        store.add_search(search.suite_name, ending.winner, ending.note, ending.to_json())
    suite = winner_suite(search, ending)
    if suite is not None:
        store.add_suite(suite)
    else:
        _withdraw(search_job, store)
    return ending


def winner_suite(search: Search, ending: Ending) -> Suite | None:
    """Return the suite that compares a search's winner with its baseline; None where the baseline won."""
    if ending.winner == search.baseline:
        return None
    return Suite(search.suite_name, (ending.winner,), search.baseline, search.slow).found_in(search.file)


def _run(search_job: SearchJob, store: Store, notify: Callable[[Tried, Tried | None], None]) -> Ending:
    search, job, folder = search_job.search, search_job.job, search_job.folder
    checkpoints = folder if search.oracle == "hyperband" else None
    if checkpoints is not None:
        checkpoints.mkdir(parents=True, exist_ok=True)
        for unfinished in checkpoints.glob("*.tmp"):
            unfinished.unlink(missing_ok=True)
    remembered = {number: values_of(content) for number, content in store.search_tries(search_job.key).items()}
    folder_of_states = checkpoints.resolve() if checkpoints else None
    executor = start_executor(job, search.tries_planned, checkpoints=folder_of_states)
    try:
        # Here, while the workers start: it imports keras-tuner and with it TensorFlow, which takes seconds.
        oracle = AskTell(search, epochs=search_job.conditions.budget.epochs, remembered=remembered)
        engine = Engine(
            search,
            oracle,
            key=search_job.key,
            conditions=search_job.conditions,
            executor=executor,
            store=store,
            records={} if job.settings.retrain else store.records(),
            checkpoints=checkpoints,
        )
        ending = engine.run(notify)
    finally:
        executor.close()
    _remove(folder)
    return ending


def _withdraw(search_job: SearchJob, store: Store) -> None:
    """Note that nothing is compared any more where the last search of this name had a winner under the same conditions
    (dataset, budget, device, backend and versions; see `plans_of`).

    A try that failed then may have given a result now, or the space is another one.
    """
    search, job = search_job.search, search_job.job
    nothing = PlannedSuite(Suite(search.suite_name, (), search.baseline), job.plan.conditions, job.plan.looks, {})
    earlier = [
        plan for plan in store.plans() if plan.suite.name == search.suite_name and plan.conditions == nothing.conditions
    ]
    if earlier and earlier[-1].suite.variants:
        store.add_plans([nothing])


def _stored_ending(search_job: SearchJob, store: Store) -> Ending | None:
    """Return how this very search ended before, unless a try failed then and is worth another one."""
    content = store.searches().get(search_job.search.suite_name)
    if content is None:
        return None
    ending = Ending.from_json(content)
    same = ending.key == search_job.key and ending.planned == search_job.search.tries_planned
    return ending if same and not ending.failed else None


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if folder.parent.is_dir() and not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def _key(search: Search, conditions: TryConditions) -> str:
    schedule = (search.factor, search.iterations) if search.oracle == "hyperband" else ()
    content = {
        "recipe": _RECIPE,
        "keras_tuner": importlib.metadata.version("keras-tuner"),
        "oracle": search.oracle,
        "schedule": schedule,
        "parallel": None if search.oracle == "random" and search.dimensions else search.parallel,
        "oracle_seed": search.seed,
        "objective": search.objective,
        "space": _space_content(search, conditions.budget.epochs),
        # The key of the baseline's first trial holds the dataset, budget, device and versions.
        "baseline": conditions.trial(search.baseline, search.search_seeds[0], conditions.budget.epochs).key,
        "seeds": search.search_seeds,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=repr).encode()).hexdigest()


def _space_content(search: Search, epochs: int) -> Any:
    if search.dimensions:
        return [
            [field, type(dimension).__name__, dataclasses.asdict(dimension)]  # type: ignore[call-overload]
            for field, dimension in search.dimensions.items()
        ]
    try:
        probed = AskTell(search, epochs=epochs, remembered={}).probed
    except InputError as error:
        raise InputError(f'search "{search.name}": {error}') from None
    return [sorted(fields.items()) for fields in probed]
