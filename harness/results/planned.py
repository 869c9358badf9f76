"""What a run compared, noted when it begins: a folder's tables show this, not whatever resembles it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from harness.budgets import MAX_SEEDS, Budget
from harness.errors import InputError
from harness.results.conditions import Conditions
from harness.results.reading import check_range, parse_json, read_as, refuse
from harness.results.trials import Environment
from harness.results.writing import to_json
from harness.suites import Suite, is_suite_file
from harness.variants import Variant


@dataclass(frozen=True, eq=False)
class PlannedSuite:
    """One suite under the conditions of one run.

    Attributes:
        suite: Baseline and variants as declared then, chosen or not.
        conditions: What its trials share.
        looks: At how many seeds each chosen variant was to be judged, the last one the most that it was to have: one
            where their number was fixed.
        sources: Of each variant that the run chose, the fingerprint of the files it depends on, empty for none.
    """

    suite: Suite
    conditions: Conditions
    looks: tuple[int, ...]
    sources: Mapping[Variant, str]

    @property
    def seeds(self) -> int:
        """The most seeds that each chosen variant was to have."""
        return self.looks[-1]

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
        if len(self.looks) > 1:
            content["looks"] = self.looks
        if self.suite.slow is not None:
            content["slow"] = self.suite.slow
        if self.suite.labels:
            content["labels"] = self.suite.labels
        if self.suite.file:
            content["file"] = self.suite.file
        return to_json(content, sort_keys=True)

    @classmethod
    def from_json(cls, name: str, text: str) -> PlannedSuite:
        """Read what `to_json` wrote; InputError says what of it is wrong."""
        content = read_as(_Stored, parse_json(text), "plan")
        budget, environment = content.budget, content.environment
        conditions = Conditions(content.dataset, content.fingerprint, budget, environment, content.recipe)
        if not content.declared:
            raise InputError("plan.declared is empty: a baseline is expected")
        # A plan without looks is one of a fixed number: all were, before there were others.
        looks = content.looks or (content.seeds,)
        check_range("plan.seeds", content.seeds, 1, MAX_SEEDS)
        if looks[0] < 1 or looks[-1] != content.seeds or any(one >= other for one, other in pairwise(looks)):
            refuse("plan.looks", looks, f"growing numbers from 1 to {content.seeds}")
        baseline, *variants = content.declared
        labelled = dict(zip(content.labels, variants, strict=False))
        if content.labels and not len(content.labels) == len(variants) == len(labelled):
            refuse("plan.labels", content.labels, f"{len(variants)} different ones")
        if content.file and not is_suite_file(content.file):
            refuse("plan.file", content.file, "a relative path of a .py file, at most 300 characters, no - first")
        suite = Suite(name, labelled or tuple(variants), baseline, content.slow).found_in(content.file)
        return cls(suite, conditions, looks, dict(content.sources))


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
    looks: tuple[int, ...] = ()
    slow: bool | None = None
    labels: tuple[str, ...] = ()
    file: str = ""
