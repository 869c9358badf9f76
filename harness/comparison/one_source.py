"""Which results of variants may stand in one table though a file that they share was edited between two runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from harness.results.planned import PlannedSuite
from harness.variants import Variant
from harness.variants.sources import source_parts


def of_one_source(
    plans: Sequence[PlannedSuite],
    trained: Mapping[Variant, Mapping[str, Any]],
    members: Collection[Variant],
) -> tuple[dict[Variant, PlannedSuite], dict[Variant, tuple[PlannedSuite, str]]]:
    """Return of which plan each variant's results are shown; of those without any their newest plan, and what changed.

    Of a module or a weights file that several members are made of, the newest plan with results of any of them decides
    which state counts; a member is shown as the newest plan has it that knew the same state. What depends on no file
    is never outdated.

    Args:
        plans: Of the same conditions, the oldest first.
        trained: What there is under these conditions by variant and source.
        members: The variants of the table.
    """
    held = [
        [variant for variant, source in plan.sources.items() if trained.get(variant, {}).get(source)] for plan in plans
    ]
    newest: dict[str, PlannedSuite] = {}
    for plan, variants in zip(plans, held, strict=True):
        newest |= {part: plan for variant in variants if variant in members for part in source_parts(variant)}
    shown: dict[Variant, PlannedSuite] = {}
    older: dict[Variant, tuple[PlannedSuite, str]] = {}
    for plan, variants in zip(reversed(plans), reversed(held), strict=True):
        for variant in variants:
            if variant in shown:
                continue
            parts = source_parts(variant) if variant in members else ()
            if changed := " or ".join(part for part in parts if _differ(plan, newest[part], part)):
                older.setdefault(variant, (plan, changed))
            else:
                shown[variant] = plan
    return shown, {variant: found for variant, found in older.items() if variant not in shown}


def _differ(plan: PlannedSuite, other: PlannedSuite, part: str) -> bool:
    """Whether a part changed between two plans: a fingerprint is of all parts, so that one equal pair says it did not.

    Where no variants of the same parts stand in both, nothing is known of it.
    """
    if plan is other:
        return False
    mine, theirs = _by_parts(plan, part), _by_parts(other, part)
    both = mine.keys() & theirs.keys()
    return bool(both) and all(mine[parts] != theirs[parts] for parts in both)


def _by_parts(plan: PlannedSuite, part: str) -> dict[tuple[str, ...], str]:
    found = {source_parts(variant): source for variant, source in plan.sources.items()}
    return {parts: source for parts, source in found.items() if part in parts}
