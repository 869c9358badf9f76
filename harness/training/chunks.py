"""An order of images in pieces that one compiled program takes, however long the order is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

# Steps of one call: enough to hide what it costs (0.2 ms on a GPU), and few enough that its order is small to send.
CHUNK_STEPS = 64


def chunks(order: NDArray[np.integer], size: int) -> Iterator[tuple[NDArray[np.int64], int, int]]:
    """Yield indices, how many steps they are, and the images in a step; a shorter step comes alone and last.

    Those of whole steps are always as many, with zeros behind the last step.

    >>> [(len(indices), steps, size) for indices, steps, size in chunks(np.arange(4100), 32)]
    [(2048, 64, 32), (2048, 64, 32), (4, 1, 4)]
    """
    whole = len(order) // size
    for start in range(0, whole, CHUNK_STEPS):
        steps = min(CHUNK_STEPS, whole - start)
        indices = np.zeros(CHUNK_STEPS * size, np.int64)
        indices[: steps * size] = order[start * size : (start + steps) * size]
        yield indices, steps, size
    if rest := len(order) - whole * size:
        yield order[-rest:].astype(np.int64), 1, rest


def chunk_kinds(images: int, size: int) -> list[tuple[NDArray[np.int64], int]]:
    """Return indices and images in a step of each program that an order of so many images needs: one or two.

    >>> [(len(indices), size) for indices, size in chunk_kinds(4100, 32)], len(chunk_kinds(0, 32))
    ([(2048, 32), (4, 4)], 0)
    """
    alike = images if images < size else size + images % size
    return [(indices, one) for indices, _, one in chunks(np.zeros(alike, np.int64), size)]
