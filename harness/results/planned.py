"""What a run compared, noted when it begins: a folder's tables show this, not whatever resembles it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from harness.budgets import MAX_SEEDS, Budget
from harness.errors import InputError
from harness.results.conditions import Conditions
from harness.results.reading import check_range, parse_json, read_as
from harness.results.trials import Environment
from harness.suites import Suite
from harness.variants import Variant


@dataclass(frozen=True, eq=False)
class PlannedSuite:
    """One suite under the conditions of one run.

    Attributes:
        suite: Baseline and variants as declared then, chosen or not.
        conditions: What its trials share.
        seeds: How many each chosen variant was to have.
        sources: Of each variant that the run chose, the fingerprint of the files it depends on, empty for none.
    """

    suite: Suite
    conditions: Conditions
    seeds: int
    sources: Mapping[Variant, str]

    def to_json(self) -> str:
        """Return everything but the suite's name; equal plans have equal texts."""
        conditions = self.conditions
        content = {
            "dataset": conditions.dataset,
            "fingerprint": conditions.fingerprint,
            "budget": conditions.budget.to_dict(),
            "environment": conditions.environment.to_dict(),
            "recipe": conditions.recipe,
            "seeds": self.seeds,
            "declared": [variant.to_json() for variant in self.suite.members],
            "sources": [[variant.to_json(), source] for variant, source in self.sources.items()],
        }
        return json.dumps(content, sort_keys=True)

    @classmethod
    def from_json(cls, name: str, text: str) -> PlannedSuite:
        """Read what `to_json` wrote; InputError says what of it is wrong."""
        content = read_as(_Stored, parse_json(text), "plan")
        budget, environment = content.budget, content.environment
        conditions = Conditions(content.dataset, content.fingerprint, budget, environment, content.recipe)
        if not content.declared:
            raise InputError("plan.declared is empty: a baseline is expected")
        check_range("plan.seeds", content.seeds, 1, MAX_SEEDS)
        baseline, *variants = content.declared
        return cls(Suite(name, tuple(variants), baseline), conditions, content.seeds, dict(content.sources))


@dataclass(frozen=True, eq=False)
class _Stored:
    dataset: str
    fingerprint: str
    budget: Budget
    environment: Environment
    recipe: int
    seeds: int
    declared: tuple[Variant, ...]
    sources: tuple[tuple[Variant, str], ...]
