"""Looks: one comparison judged at several growing numbers of seeds, all looks together wrong no more often than one.

Each look spends a share of alpha, its new seeds over the most there may be, and the shares add up to 1: by the union
bound all looks' intervals hold together, whatever made a comparison stop (repeated confidence intervals, Jennison and
Turnbull 1989; shares linear in the seeds, Kim and DeMets 1987). A look's level depends on the looks alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.statistics.effect import LEAST_SEEDS, Effect
from harness.statistics.estimate import Estimate, Part

FIRST_LOOK = 5
"""Below it t is so large at a share of alpha (14 to 45 at three seeds) that a look would spend and settle nothing."""

FUTILE = 0.05
"""Under this chance to be settled by the last look a comparison is given up: it halves what hopeless rows cost, for
two rows in a hundred that would have been settled."""

_GROWTH = 1.5
_LEAST_STEP = 1.3


def looks_up_to(most: int) -> tuple[int, ...]:
    """Return the numbers of seeds at which a comparison is judged: each half as many again, the last one `most`.

    >>> looks_up_to(30), looks_up_to(50), looks_up_to(6), looks_up_to(5)
    ((5, 8, 12, 18, 30), (5, 8, 12, 18, 27, 50), (5, 6), (5,))
    """
    found = [min(FIRST_LOOK, most)]
    while (more := math.ceil(_GROWTH * found[-1])) * _LEAST_STEP < most:
        found.append(more)
    return tuple(dict.fromkeys((*found, most)))


def alpha_share(look: int, looks: Sequence[int]) -> float:
    """Return the share of alpha that a look spends: its new seeds over the most there may be. One look alone has all.

    >>> [round(alpha_share(look, looks_up_to(30)), 3) for look in looks_up_to(30)], alpha_share(5, (5,))
    ([0.167, 0.1, 0.133, 0.2, 0.4], 1.0)
    """
    place = looks.index(look)
    return (look - (looks[place - 1] if place else 0)) / looks[-1]


def common_looks(first: Sequence[int], second: Sequence[int]) -> tuple[int, ...]:
    """Return the looks of a comparison of two arms that stopped by looks of their own: where both may end.

    >>> common_looks((5, 8, 12, 18, 30), (10,)), common_looks((5, 8, 12, 18, 30), (5,))
    ((5, 8, 10), (5,))
    """
    last = min(first[-1], second[-1])
    return (*sorted({look for look in (*first, *second) if look < last}), last)


def chance_to_settle(
    effect: Effect, looks: Sequence[int], *, margin: float, alpha: float, comparisons: int = 1
) -> float:
    """Return the chance that the last look settles a comparison, were its present mean and spread the true ones.

    Only the seeds' part of the mean will move, and only that part of the variance shrink: the images stay the same.
    1 where too few seeds are there to know their spread, 0 for a single image.

    >>> import numpy as np
    >>> from harness.statistics import two_way
    >>> table = np.random.default_rng(1).normal(0.2, 1, (5, 400))
    >>> round(chance_to_settle(two_way(table), looks_up_to(30), margin=0.005, alpha=0.05), 2)
    1.0
    >>> table = np.zeros((5, 1)) + np.random.default_rng(1).normal(0.02, 1, 400)
    >>> chance_to_settle(two_way(table), looks_up_to(30), margin=0.005, alpha=0.05)
    0.0
    """
    if effect.images < 2:
        return 0.0
    if effect.seeds < LEAST_SEEDS:
        return 1.0
    most, level = looks[-1], alpha * alpha_share(looks[-1], looks)
    one = effect.seed_variance * effect.seeds
    last = Estimate(effect.mean, (Part(one / most, most - 1), effect.parts[1]))
    low, high = last.equivalence_interval(level, comparisons)
    spread = math.sqrt(max(one / effect.seeds - one / most, 0.0))

    def within(distance: float) -> float:
        if distance < 0:
            return 0.0
        if spread == 0:
            return float(abs(effect.mean) <= distance)
        return _normal((distance - effect.mean) / spread) - _normal((-distance - effect.mean) / spread)

    # Above 1 where each mean would settle it, some of them as a claim and as the same.
    return min(1 - within(last.half_width(level, comparisons)) + within(margin - (high - low) / 2), 1.0)


def _normal(value: float) -> float:
    return math.erfc(-value / math.sqrt(2)) / 2
