"""Which images go where: stratified draws that depend on the labels and a seed, and on nothing else.

The random order comes from sorting PCG64's raw 64-bit output, seeded through SeedSequence. NumPy promises that
these two streams never change, which it does not promise for `Generator.permutation` and the like.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.errors import InputError

Labels = NDArray[np.int64]
Indices = NDArray[np.int64]

# Each kind of draw has its own stream, so that a validation split and a subset of one seed are independent.
_VALIDATION_STREAM = 1
_SUBSET_STREAM = 2


def validation_split(labels: Labels, *, fraction: float = 0.1, seed: int) -> tuple[Indices, Indices]:
    """Draw the validation images of one seed, in each class the same share.

    Every variant gets the same split from the same seed. A class of two images or more has at least one on either
    side; the only image of a class stays in train.

    Args:
        labels: int [N], the class of each training image.
        fraction: Share of all images that validation gets, above 0 and below 1.
        seed: 0 or more.

    Returns:
        Indices into `labels` for train and for validation: int64, sorted, disjoint, together complete.

    Raises:
        InputError: `labels` is empty or not one-dimensional, `fraction` or `seed` is out of range.

    >>> train, validation = validation_split(np.repeat([0, 1], 10), seed=1)
    >>> len(train), len(validation)
    (18, 2)
    """
    if not 0 < fraction < 1:
        raise InputError(f"fraction is {fraction}; allowed is more than 0 and less than 1")
    ranks, counts = _random_ranks(labels, seed=seed, stream=_VALIDATION_STREAM)
    total = round(fraction * len(labels))
    shares = _shares(counts.sizes, total, lowest=np.minimum(counts.sizes - 1, 1), highest=counts.sizes - 1)
    chosen = ranks < shares[counts.members]
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def stratified_subset(labels: Labels, limit: int, *, seed: int) -> Indices:
    """Draw at most `limit` images, in each class the same share and, where `limit` allows it, at least one.

    Args:
        labels: int [N], the class of each image.
        limit: How many images to keep, 1 or more; all of them are kept where there are no more than this.
        seed: 0 or more.

    Returns:
        Indices into `labels`: int64, sorted.

    Raises:
        InputError: `labels` is empty or not one-dimensional, `limit` or `seed` is out of range.

    >>> stratified_subset(np.repeat([0, 1], 10), 4, seed=1).size
    4
    """
    if limit < 1:
        raise InputError(f"limit is {limit}; allowed is 1 or more")
    ranks, counts = _random_ranks(labels, seed=seed, stream=_SUBSET_STREAM)
    total = min(limit, len(labels))
    one_each = 1 if total >= len(counts.sizes) else 0
    shares = _shares(counts.sizes, total, lowest=np.full_like(counts.sizes, one_each), highest=counts.sizes)
    return np.flatnonzero(ranks < shares[counts.members])


class _Counts:
    """The classes of some labels: `sizes` [K] images in each, `members` [N] the place of each image's class."""

    def __init__(self, labels: Labels) -> None:
        _, self.members, self.sizes = np.unique(labels, return_inverse=True, return_counts=True)


def _random_ranks(labels: Labels, *, seed: int, stream: int) -> tuple[Indices, _Counts]:
    """Return each image's place in a random order of its own class (0 is first), and the classes."""
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.size == 0:
        raise InputError(f"labels has shape {labels.shape}; allowed is one dimension with at least one label")
    if seed < 0:
        raise InputError(f"seed is {seed}; allowed is 0 or more")
    counts = _Counts(labels)
    raw = np.random.PCG64(np.random.SeedSequence([stream, seed])).random_raw(labels.size)
    order = np.lexsort((raw, counts.members))
    starts = np.cumsum(counts.sizes) - counts.sizes
    ranks = np.empty(labels.size, np.int64)
    ranks[order] = np.arange(labels.size) - starts[counts.members[order]]
    return ranks, counts


def _shares(sizes: Indices, total: int, *, lowest: Indices, highest: Indices) -> Indices:
    """Share `total` among classes in proportion to `sizes` by largest remainder, each within its bounds.

    Whole-number arithmetic, so that no rounding of floats decides. `total` itself yields to the bounds.
    """
    total = int(np.clip(total, lowest.sum(), highest.sum()))
    everything = int(sizes.sum())
    quotas = sizes * total
    shares = np.clip(quotas // everything, lowest, highest)
    while (missing := total - int(shares.sum())) != 0:
        step = 1 if missing > 0 else -1
        # Furthest from its exact quota first; the stable sort settles ties by the order of classes.
        order = np.argsort(step * (shares * everything - quotas), kind="stable")
        movable = order[(shares < highest)[order] if step > 0 else (shares > lowest)[order]]
        shares[movable[: abs(missing)]] += step
    return shares
