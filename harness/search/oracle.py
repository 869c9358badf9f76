"""keras-tuner's oracles, asked and told from one thread, with the baseline first and nothing written to disk.

An oracle is a function of its seed and of what it was asked and told, in that order. So it needs no file of its own:
after an interruption it is asked and told again, and where the store remembers what it chose, that is what it chooses.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from typing import Any

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from harness.errors import InputError
from harness.running.keras_tuner_import import import_keras_tuner
from harness.search.declaration import Search
from harness.search.space import Space, starting_point
from harness.search.tries import Tried, Try

# Above any number of tries: whether failures end a search is decided by the search, not by keras-tuner.
_NEVER = 10**9


class AskTell:
    """One search's oracle.

    Args:
        search: What to search, checked.
        epochs: Epochs of a try; hyperband's last rung.
        remembered: Hyperparameters chosen before an interruption, by the number of the try.

    Raises:
        InputError: The space's function asks for nothing, or gives a field a value that it cannot hold.
    """

    def __init__(self, search: Search, *, epochs: int, remembered: Mapping[int, dict[str, Any]]) -> None:
        self._tuner = import_keras_tuner()
        self._search = search
        self._epochs = epochs
        self._space = Space(search)
        self._running: dict[int, Any] = {}
        self._asked = 0
        self.finished = False
        """Whether the oracle has nothing more to ask for."""

        hyperparameters = self._explore()
        self.probed = [] if search.dimensions else self._space.check_function(hyperparameters)
        """Fields that a space's function gave where it was probed; they tell one function from another."""
        start = starting_point(hyperparameters)
        first = dict(start.values)
        self.baseline_inside = self._is_baseline(start)
        """Whether the baseline is a point of the space, and so the oracle's first."""
        self._offset = 0 if self.baseline_inside else 1
        self._oracle = self._make(
            hyperparameters,
            first if self.baseline_inside else None,
            {number - self._offset: values for number, values in remembered.items()},
        )

    def ask(self) -> Try | None:
        """Return the next try; None when the oracle must be told of a running one first, or is finished."""
        if not self._asked and not self.baseline_inside:
            self._asked += 1
            return Try(0, {}, self._search.baseline, self._epochs)
        # One thread: the bits of its Gaussian process then don't depend on the number of cores, and ten small
        # matrices are worked on faster.
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore")  # of its Gaussian process, and of its use of threading
            trial = self._oracle.create_trial(f"try {self._asked}")
        if trial.status == "STOPPED":
            self.finished = True
        if trial.status != "RUNNING":
            return None
        number = int(trial.trial_id) + self._offset
        self._asked = number + 1
        self._running[number] = trial
        return self._try(number, trial.hyperparameters)

    def tell(self, tried: Tried) -> None:
        """Say how a try ended, once for each."""
        trial = self._running.pop(tried.attempt.number, None)
        if trial is None:
            return  # a baseline outside the space
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if tried.status in ("failed", "refused"):
                trial.status = "FAILED"
            else:
                score = tried.score(self._search.objective)
                self._oracle.update_trial(trial.trial_id, {self._search.objective: score})
                trial.status = "COMPLETED"
            self._oracle.end_trial(trial)

    def promotable(self) -> set[int]:
        """Return the numbers of the tries that hyperband may still let go on; empty for the others."""
        if self._search.oracle != "hyperband":
            return set()
        found = set()
        for bracket in self._oracle._brackets:
            for rung, higher in zip(bracket["rounds"], bracket["rounds"][1:], strict=False):
                gone = {entry["past_id"] for entry in higher}
                found |= {int(entry["id"]) + self._offset for entry in rung if entry["id"] not in gone}
        return found

    def _try(self, number: int, hyperparameters: Any) -> Try:
        values = dict(hyperparameters.values)
        start = values.get("tuner/initial_epoch", 0)
        goes_on = values.get("tuner/trial_id")
        try:
            variant, message = self._space.variant(hyperparameters), ""
        except InputError as error:
            variant, message = None, str(error)
        return Try(
            number=number,
            values=values,
            variant=variant,
            epochs=values.get("tuner/epochs", self._epochs),
            start=start,
            goes_on=None if goes_on is None else int(goes_on) + self._offset,
            message=message,
        )

    def _explore(self) -> Any:
        """Return HyperParameters that hold everything the space asks for, conditional ones included."""
        oracle = self._tuner.oracles.RandomSearchOracle(objective=self._objective(), seed=1)
        with tempfile.TemporaryDirectory() as folder:  # a tuner makes one, though nothing is written
            self._tuner.engine.base_tuner.BaseTuner(oracle, hypermodel=self._space.fields, directory=folder)
        return oracle.get_space()

    def _is_baseline(self, start: Any) -> bool:
        try:
            return self._space.variant(start) == self._search.baseline
        except InputError:
            return False

    def _objective(self) -> Any:
        direction = "max" if self._search.objective == "val_accuracy" else "min"
        return self._tuner.Objective(self._search.objective, direction)

    def _make(self, hyperparameters: Any, first: dict[str, Any] | None, remembered: dict[int, dict[str, Any]]) -> Any:
        search, oracles = self._search, self._tuner.oracles
        kind = {
            "random": oracles.RandomSearchOracle,
            "bayesian": oracles.BayesianOptimizationOracle,
            "hyperband": oracles.HyperbandOracle,
        }[search.oracle]
        options: dict[str, Any] = {"max_trials": None}
        if search.oracle == "hyperband":
            options = {
                "max_epochs": self._epochs,
                "factor": search.factor,
                "hyperband_iterations": search.iterations,
            }

        class Remembering(kind):  # type: ignore[misc, valid-type]  # keras-tuner ships no types
            """The oracle, with a first point and what it chose before an interruption."""

            def populate_space(self, trial_id: str) -> dict[str, Any]:
                response: dict[str, Any] = super().populate_space(trial_id)
                # It must choose in any case, to come to the state in which it chooses the next one; that it chooses
                # the same to the last bit on another build of its libraries is more than to rely on.
                if response["status"] == "RUNNING" and int(trial_id) in remembered:
                    response["values"] = dict(remembered[int(trial_id)])
                return response

            def _random_values(self) -> dict[str, Any] | None:
                nonlocal first
                if first is None:
                    return super()._random_values()  # type: ignore[no-any-return]
                values, first = first, None
                return values

            def save(self) -> None:
                """Nothing: the store remembers."""

            def _save_trial(self, trial: Any) -> None:
                """Nothing either."""

        oracle = Remembering(
            objective=self._objective(),
            seed=search.seed,
            hyperparameters=hyperparameters,
            max_retries_per_trial=0,
            max_consecutive_failed_trials=_NEVER,
            **options,
        )
        oracle.verbose = 0
        return oracle
