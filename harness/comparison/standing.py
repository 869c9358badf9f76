"""Where a row stands: at which look its accuracy is judged, and whether more seeds may yet settle it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.comparison.verdicts import Verdict, accuracy_verdict
from harness.margins import Margins
from harness.statistics import FUTILE, Effect, alpha_share, chance_to_settle


@dataclass(frozen=True)
class Standing:
    """Where a row stands.

    Attributes:
        look: At how many seeds it is judged; 0 before its first look.
        open: Whether it waits for its next look.
    """

    look: int
    open: bool


def stand(
    effect_at: Callable[[int], Effect | None],
    reached: Sequence[int],
    looks: Sequence[int],
    *,
    comparisons: int,
    margins: Margins,
) -> Standing:
    """Return where a row stands: at the first look that settles it, else at the last one that was reached.

    It does not go on where a look gave it a chance under `FUTILE` to be settled by the last one, nor where nothing can
    be compared. What was settled stays so, whatever seeds other suites add: a row's end depends on its own trials
    alone, in the order of their seeds, and so neither on how often a run was interrupted nor on what ran beside it.

    Args:
        effect_at: The difference over the seeds up to a look; None where there is none to judge.
        reached: The looks all of whose seeds were tried.
        looks: All of them.
        comparisons: Variants of the suite, for Bonferroni.
        margins: Alpha and margins.
    """
    futile = False
    for look in reached:
        effect = effect_at(look)
        if effect is None or verdict_at(look, looks, effect, comparisons, margins) is not Verdict.UNRESOLVED:
            return Standing(look, open=False)
        chance = chance_to_settle(effect, looks, margin=margins.accuracy, alpha=margins.alpha, comparisons=comparisons)
        futile = futile or chance < FUTILE
    last = reached[-1] if reached else 0
    return Standing(last, open=not futile and last < looks[-1])


def verdict_at(look: int, looks: Sequence[int], effect: Effect, comparisons: int, margins: Margins) -> Verdict:
    """Return the verdict on an accuracy at the level of its look."""
    chances = margins.alpha * alpha_share(look, looks), comparisons
    return accuracy_verdict(effect.interval(*chances), effect.equivalence_interval(*chances), margins.accuracy)
