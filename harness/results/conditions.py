"""The conditions under which trials may be compared: the one value object that plans, groups and exports share."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from harness.budgets import BUDGETS, Budget
from harness.results.trials import RECIPE, Environment, Trial
from harness.variants import Variant
from harness.variants.sources import source_fingerprint


@dataclass(frozen=True)
class Conditions:
    """What trials share that may stand in one table; equal conditions are equal, whatever a dataset is called.

    Attributes:
        dataset: Name of the dataset; its content counts, not its name.
        fingerprint: Content of the dataset.
        budget: How long each trial trains. How many seeds there are is no condition: the preset's number stands here.
        environment: Device, backend, threads and versions.
        recipe: Version of the training code; results of two versions are not mixed.
    """

    dataset: str = field(compare=False)
    fingerprint: str
    budget: Budget
    environment: Environment
    recipe: int = RECIPE

    def __post_init__(self) -> None:
        preset = BUDGETS[self.budget.name]
        budget = dataclasses.replace(self.budget, seeds=preset.seeds, auto=preset.auto)
        object.__setattr__(self, "budget", budget)

    @classmethod
    def of(cls, trial: Trial) -> Conditions:
        """Return the conditions of a trial."""
        return cls(trial.dataset, trial.fingerprint, trial.budget, trial.environment, trial.recipe)

    def trials(
        self,
        variant: Variant,
        seeds: Iterable[int],
        *,
        against: tuple[Variant, ...] = (),
        source: str | None = None,
        keep_models: bool = False,
    ) -> list[Trial]:
        """Return a variant's trials, to be compared with the baselines `against`; as its own files are now, or were."""
        if source is None:
            source = source_fingerprint(variant) or ""
        return [
            Trial(
                *(variant, source, self.dataset, self.fingerprint, seed, self.budget, self.environment),
                recipe=self.recipe,
                against=against,
                keep_model=keep_models,
            )
            for seed in seeds
        ]

    @cached_property
    def training(self) -> tuple[Any, ...]:
        """What of them decides a trial's result, and so is part of its key: `quick` with 30 epochs is `full`."""
        return self.fingerprint, json.dumps(self.budget.training), self.environment, self.recipe

    @cached_property
    def timing(self) -> tuple[Any, ...]:
        """What of them decides a step time. Its threads are all of the machine's, unlike a trial's."""
        return timing_conditions(self.fingerprint, self.budget, self.environment)

    @property
    def label(self) -> str:
        """How tables name them: dataset, budget, device; the backend where it is not TensorFlow."""
        environment = self.environment
        backend = "" if environment.backend == "tensorflow" else f"{environment.backend} on "
        recipe = "" if self.recipe == RECIPE else f", trained by an older version (recipe {self.recipe})"
        return f"{self.dataset}, {self.budget.label}, {backend}{environment.device}{recipe}"


def timing_conditions(fingerprint: str, budget: Budget, environment: Environment) -> tuple[Any, ...]:
    """Return what decides a step time: `Conditions.timing`, of a timing run's own fields."""
    return fingerprint, budget.name, environment.software
