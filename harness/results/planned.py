"""What a run compared, noted when it begins: a folder's tables show this, not whatever resembles it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass

from harness.budgets import Budget
from harness.results.conditions import Conditions
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
            "budget": dataclasses.asdict(conditions.budget),
            "environment": conditions.environment.to_dict(),
            "recipe": conditions.recipe,
            "seeds": self.seeds,
            "declared": [variant.to_json() for variant in self.suite.members],
            "sources": [[variant.to_json(), source] for variant, source in self.sources.items()],
        }
        return json.dumps(content, sort_keys=True)

    @classmethod
    def from_json(cls, name: str, text: str) -> PlannedSuite:
        """Read what `to_json` wrote."""
        content = json.loads(text)
        conditions = Conditions(
            content["dataset"],
            content["fingerprint"],
            Budget(**content["budget"]),
            Environment.from_dict(content["environment"]),
            content["recipe"],
        )
        sources = {Variant.from_json(variant): source for variant, source in content["sources"]}
        baseline, *variants = map(Variant.from_json, content["declared"])
        return cls(Suite(name, tuple(variants), baseline), conditions, content["seeds"], sources)
