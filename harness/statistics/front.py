"""Which points no other beats in both of two measures, as far as their intervals tell."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Standing = Literal["yes", "no", "perhaps"]
Floats = NDArray[np.float64]


def pareto(
    gain: ArrayLike,
    gain_low: ArrayLike,
    gain_high: ArrayLike,
    cost: ArrayLike,
    cost_low: ArrayLike,
    cost_high: ArrayLike,
) -> list[Standing]:
    """Say for each point whether it is on the front: no other has a higher gain and a lower cost.

    Six arrays [points]: the estimates and their intervals, such as accuracy differences and ratios of
    step times (the reference itself is a point with intervals of no width). "no": some other point
    beats it in both beyond their intervals. "yes": no other can, wherever the true values lie in their
    intervals. "perhaps": the intervals leave it open. A NaN is unknown: an end that is NaN lies anywhere,
    and a point without an estimate is at best "perhaps", and may beat any other (leave out what is
    known to be out of the race). Raises ValueError for arrays of other shapes.

    >>> pareto([0, 0.1, 0.1], [0, 0.05, 0.05], [0, 0.15, 0.15], [1, 0.5, 2], [1, 0.4, 1.8], [1, 0.6, 2.2])
    ['no', 'yes', 'perhaps']
    """
    known, low, high = _ends(gain, gain_low, gain_high)
    cost_known, cheap, dear = _ends(cost, cost_low, cost_high)
    if known.shape != cost_known.shape:
        raise ValueError(f"{known.size} gains and {cost_known.size} costs: each point needs both")
    # [i, j]: j beats i. A point never beats itself, since low <= high.
    other = ~np.eye(known.size, dtype=bool)
    surely = other & (low > high[:, None]) & (dear < cheap[:, None])
    may = other & (high > low[:, None]) & (cheap < dear[:, None])
    unknown = ~(known & cost_known)
    standing: list[Standing] = []
    for i in range(known.size):
        left_open = bool(unknown[i] or may[i].any())
        standing.append("no" if surely[i].any() else "perhaps" if left_open else "yes")
    return standing


def _ends(value: ArrayLike, low: ArrayLike, high: ArrayLike) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """Return which values are known, and the interval's ends with unknown ones at infinity."""
    middle, below, above = (np.asarray(part, np.float64) for part in (value, low, high))
    if middle.ndim != 1 or not middle.shape == below.shape == above.shape:
        raise ValueError(f"shapes {middle.shape}, {below.shape}, {above.shape}: three arrays [points] are needed")
    known = np.isfinite(middle)
    below = np.where(known & ~np.isnan(below), below, -np.inf)
    above = np.where(known & ~np.isnan(above), above, np.inf)
    return known, below, above
