"""Runs a search: asks an oracle, trains the tries, stores each result, and only then tells the oracle."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness.budgets import Budget
from harness.datasets.facts import DatasetFacts
from harness.errors import HarnessError, InputError
from harness.results.conditions import Conditions
from harness.results.records import Record
from harness.results.store import Store
from harness.results.trials import Environment, Trial
from harness.running.executor import Executor
from harness.search.declaration import Search
from harness.search.oracle import AskTell
from harness.search.tries import Ending, Tried, Try
from harness.training.checkpoint_path import checkpoint_path
from harness.variants import Variant
from harness.variants.sizes import check_variant

# So many in a row mean that something else than the point is wrong.
_FAILURES_IN_A_ROW = 5


@dataclass(frozen=True, eq=False)
class TryConditions:
    """What every try of a search shares.

    Attributes:
        dataset: What it trains on.
        budget: Of a try: its epochs are the most that one gets.
        environment: Of its trials.
        baseline: What the others differ from.
    """

    dataset: DatasetFacts
    budget: Budget
    environment: Environment
    baseline: Variant

    def trial(self, variant: Variant, seed: int, epochs: int) -> Trial:
        """Return one trial of a try."""
        facts = self.dataset
        conditions = Conditions(facts.name, facts.fingerprint, self.budget.override(epochs=epochs), self.environment)
        against = () if variant == self.baseline else (self.baseline,)
        return conditions.trials(variant, [seed], against=against)[0]


class Engine:
    """One search under way.

    Args:
        search: What to search.
        oracle: Its oracle.
        key: What the store calls it.
        conditions: What its tries share.
        executor: Where trials run.
        store: Where results go; what it has is not trained again.
        records: Trials that the store has, by key.
        checkpoints: Folder of the states through which hyperband's trials go on; None for none.
    """

    def __init__(
        self,
        search: Search,
        oracle: AskTell,
        *,
        key: str,
        conditions: TryConditions,
        executor: Executor,
        store: Store,
        records: Mapping[str, Record],
        checkpoints: Path | None,
    ) -> None:
        self._search = search
        self._oracle = oracle
        self._key = key
        self._conditions = conditions
        self._executor = executor
        self._store = store
        self._known = dict(records)
        self._checkpoints = checkpoints
        self._storing = threading.Lock()
        self._tried: dict[int, Tried] = {}

    def run(self, notify: Callable[[Tried, Tried | None], None]) -> Ending:
        """Run to the end and return it.

        The oracle is told of tries in the order in which it chose them, whichever is done first, so that its points
        depend on the search alone. `notify` is called with each try, in that order, and the best one so far.

        Raises:
            HarnessError: Several tries in a row failed, or none gave a result.
            KeyboardInterrupt: Passed on, after the workers were ended.
        """
        parallel = self._parallel()
        running: deque[tuple[Try, Future[Tried]]] = deque()
        threads = ThreadPoolExecutor(parallel, thread_name_prefix="try")
        try:
            while True:
                while len(running) < parallel and (attempt := self._next(len(running))) is not None:
                    running.append((attempt, threads.submit(self._try, attempt)))
                if not running:
                    break
                _, future = running.popleft()
                self._tell(future.result(), [attempt for attempt, _ in running])
                notify(self._last, self.best)
                self._stop_if_hopeless()
        except BaseException:
            self._executor.stop()
            threads.shutdown(wait=False, cancel_futures=True)
            raise
        threads.shutdown()
        return self._ending()

    @property
    def best(self) -> Tried | None:
        """The best try so far."""
        good = [tried for tried in self._tried.values() if tried.status == "ok"]
        return max(good, key=lambda tried: tried.rank(self._search.objective), default=None)

    @property
    def _last(self) -> Tried:
        return self._tried[max(self._tried)]

    def _parallel(self) -> int:
        # What a random oracle chooses does not depend on results, unless a function meets new hyperparameters.
        free = self._search.oracle == "random" and bool(self._search.dimensions)
        return max(self._search.parallel, self._executor.workers) if free else self._search.parallel

    def _next(self, running: int) -> Try | None:
        planned = self._search.tries_planned
        if self._oracle.finished or (planned is not None and len(self._tried) + running >= planned):
            return None
        attempt = self._oracle.ask()
        if attempt is not None:
            self._store.add_search_try(self._key, attempt.number, attempt.to_json())
        return attempt

    def _try(self, attempt: Try) -> Tried:
        if attempt.variant is None:
            return Tried(attempt, "refused", message=attempt.message)
        try:
            check_variant(attempt.variant, self._conditions.dataset.input_shape, len(self._conditions.dataset.classes))
        except InputError as error:
            return Tried(attempt, "refused", message=str(error))
        records = []
        for trial in self._trials(attempt):
            records.append(self._record(trial))
            if records[-1].status == "failed":
                return Tried(attempt, "failed", message=records[-1].message)
        return self._judge(attempt, records)

    def _trials(self, attempt: Try) -> list[Trial]:
        if attempt.variant is None:
            return []
        return [self._conditions.trial(attempt.variant, seed, attempt.epochs) for seed in self._search.search_seeds]

    def _record(self, trial: Trial) -> Record:
        known = self._known.get(trial.key)
        if known is not None and known.status != "failed":
            return known
        record = self._executor.run(trial)
        with self._storing:
            self._store.add_record(record)
            self._known[trial.key] = record
        return record

    def _judge(self, attempt: Try, records: list[Record]) -> Tried:
        """Return a try's figures: means over seeds of those at each trial's best epoch, on validation images alone."""
        diverged = [record for record in records if record.status == "diverged"]
        if diverged:
            # As good as a guess, so that the oracle learns to stay away; left out, it would come back.
            classes = len(self._conditions.dataset.classes)
            return Tried(attempt, "diverged", 1 / classes, math.log(classes), diverged[0].message)
        chosen = [record.history[record.epoch - 1] for record in records]
        return Tried(
            attempt,
            "ok",
            math.fsum(epoch.val_accuracy for epoch in chosen) / len(chosen),
            math.fsum(epoch.val_loss for epoch in chosen) / len(chosen),
        )

    def _tell(self, tried: Tried, running: list[Try]) -> None:
        self._tried[tried.attempt.number] = tried
        self._oracle.tell(tried)
        if self._checkpoints is None:
            return
        wanted = self._oracle.promotable() | {attempt.goes_on for attempt in running}
        for number in set(self._tried) - wanted:
            for trial in self._trials(self._tried[number].attempt):
                checkpoint_path(self._checkpoints, trial).unlink(missing_ok=True)

    def _stop_if_hopeless(self) -> None:
        last = [self._tried[number] for number in sorted(self._tried)[-_FAILURES_IN_A_ROW:]]
        if len(last) == _FAILURES_IN_A_ROW and all(tried.status in ("failed", "refused") for tried in last):
            name = last[-1].attempt.beside(self._search.baseline)
            raise HarnessError(
                f'search "{self._search.name}": {len(last)} tries in a row failed; the last, {name}: {last[-1].message}'
            )

    def _ending(self) -> Ending:
        best, search = self.best, self._search
        if best is None or best.attempt.variant is None:
            raise HarnessError(f'search "{search.name}": no try gave a result; {self._last.message}')
        tried = tuple(self._tried[number] for number in sorted(self._tried))
        return Ending(
            name=search.name,
            oracle=search.oracle,
            objective=search.objective,
            tries=sum(one.attempt.goes_on is None for one in tried),
            epochs=sum(one.attempt.epochs - one.attempt.start for one in tried) * search.seeds,
            seeds=search.search_seeds,
            winner=best.attempt.variant,
            score=best.score(search.objective),
            winning_try=best.attempt.number,
            baseline=search.baseline,
            failed=sum(one.status == "failed" for one in tried),
            refused=sum(one.status == "refused" for one in tried),
            key=self._key,
            planned=search.tries_planned,
            tried=tried,
        )
