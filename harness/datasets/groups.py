"""Test images that show the same picture, as groups: each counts once where intervals ask how many images there are."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Groups = NDArray[np.int64]
"""[N]: of each image the number of the first image of its group, which is its own where it stands alone."""


def groups_of(images: int, pairs: Iterable[tuple[int, int]]) -> Groups:
    """Return the groups of images that pairs connect, over however many steps.

    >>> groups_of(6, [(1, 4), (4, 5)]).tolist()
    [0, 1, 2, 3, 1, 1]
    """
    first = list(range(images))

    def root(number: int) -> int:
        while first[number] != number:
            first[number] = first[first[number]]
            number = first[number]
        return number

    for one, other in pairs:
        low, high = sorted((root(int(one)), root(int(other))))
        first[high] = low
    return np.array([root(number) for number in range(images)], np.int64)


def pairs_of(groups: Groups) -> list[tuple[int, int]]:
    """Return each image that shares a group with an earlier one, and the group's number: what `groups_of` takes.

    Numbers need not be those of first images, as in a part of a dataset.

    >>> pairs_of(np.array([7, 8, 7, 3, 7]))
    [(2, 0), (4, 0)]
    """
    _, first, place = np.unique(groups, return_index=True, return_inverse=True)
    return [(image, one) for image, one in enumerate(first[place].tolist()) if image != one]


def grouped_text(groups: Groups) -> str:
    """Say how many images share a group, and how many groups these are; empty where none does.

    >>> grouped_text(np.array([0, 1, 2, 1, 2, 1]))
    '5 of 6 test images are near-duplicates: counted as 2'
    """
    _, sizes = np.unique(groups, return_counts=True)
    shared = sizes[sizes > 1]
    if not len(shared):
        return ""
    return f"{shared.sum():,} of {len(groups):,} test images are near-duplicates: counted as {len(shared):,}"


def first_two(groups: Groups, group: int) -> list[int]:
    """Return the first two images of a group.

    >>> first_two(np.array([0, 1, 2, 1, 2, 1]), 1)
    [1, 3]
    """
    return [int(number) for number in np.flatnonzero(groups == group)[:2]]
