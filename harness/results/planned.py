"""What a run compared, noted when it begins: a folder's tables show this, not whatever resembles it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass

from harness.budgets import Budget
from harness.results.conditions import Conditions
from harness.results.trials import Environment
from harness.variants import Variant


@dataclass(frozen=True, eq=False)
class PlannedSuite:
    """One suite under the conditions of one run.

    Attributes:
        suite: Its name.
        conditions: What its trials share.
        seeds: How many each variant was to have.
        sources: Of each variant that the run chose, the fingerprint of the files it depends on, empty for none.
    """

    suite: str
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
            "sources": [[variant.to_json(), source] for variant, source in self.sources.items()],
        }
        return json.dumps(content, sort_keys=True)

    @classmethod
    def from_json(cls, suite: str, text: str) -> PlannedSuite:
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
        return cls(suite, conditions, content["seeds"], sources)
