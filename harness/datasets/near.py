"""Images that show the same picture: saved anew, resized, of another brightness or colour, moved by some pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
Numbers = NDArray[np.int64]
Grey = NDArray[np.float32]

# First each image is compared with each as a grid of so many cells a side: their correlation chooses the pairs, and
# of an image's pairs so many, that are then compared in detail.
_CELLS = 8
_CELLS_ALIKE = 0.88
_MOST_PER_IMAGE = 16
# A cell's usual distance from the mean, below which an image has nothing to be known by.
_FLAT = 10
# Pixels of a side that are looked at, of larger images means over blocks.
_SIDE = 32
# Detail is what a pixel has over its surroundings, a box of so many a side: clear skies and plain grounds, which many
# pictures share, have none.
_SURROUNDINGS = 5
# How surely two images share their details, in standard deviations (Fisher's z); `benchmarks/near_duplicates.py` says
# what it finds and misses.
_LEAST_SURE = 8.0
# Drawings of one thing, such as digits, share details too. So a pair must also be so many times as sure as images of
# different classes are. Some of these may be one picture under two labels: the first, and one more per so many
# images, are passed over.
_TIMES_AS_SURE = 2.4
_PASSED_OVER = 100
# Where they stand, a pair that is more alike than this as cells and pixel by pixel is one picture too, which drawings'
# copies are by nothing else: all of 200 digits saved as JPEG (quality 20 and 50), and no two of 1,797.
_CELLS_EQUAL = 0.995
_PIXELS_EQUAL = 0.97
# 10,000 x 10,000 images take some 4 s of one core, 50,000 x 10,000 about 8 s.
MOST_PAIRS = 1e9
_PAIRS_AT_ONCE = 2.5e7
# Images, or pairs of them, whose pixels are looked at together.
_AT_ONCE = 1000


class Pairs(NamedTuple):
    """Pairs of images: numbers of the first and of the second of each."""

    firsts: Numbers
    seconds: Numbers


def near_pairs(images: Images, labels: Labels, others: tuple[Images, Labels] | None = None) -> Pairs:
    """Return the pairs of images that show the same picture; most exact copies are among them.

    Args:
        images: uint8 [N, H, W, C].
        labels: int64 [N].
        others: Images of the same size and their labels, to look among; otherwise each pair within `images`, also
            those moved against each other by up to a tenth of the side.

    Returns:
        Pairs, the first's number below the second's where both are of `images`. None where there are more than
        `MOST_PAIRS` to compare.
    """
    nothing = np.empty(0, np.int64)
    their_images, their_labels = others or (images, labels)
    if len(images) * len(their_images) > MOST_PAIRS:
        return Pairs(nothing, nothing)
    mine = _Look.at(images)
    theirs = _Look.at(their_images) if others else mine
    step = 0 if others else mine.step
    found = _candidates(mine, theirs, step)
    if not len(found.firsts):
        return Pairs(nothing, nothing)
    sure = _sureness(mine, theirs, found, step)
    differ = labels[found.firsts] != their_labels[found.seconds]
    chance = np.sort(sure[differ])[::-1][1 + len(images) // _PASSED_OVER :]
    least = max([_LEAST_SURE, *_TIMES_AS_SURE * chance[:1]])
    chosen = (sure > least) | _equal(mine, theirs, found)
    return Pairs(found.firsts[chosen], found.seconds[chosen])


@dataclass(frozen=True, eq=False)
class _Look:
    """What is looked at of images.

    Attributes:
        grey: float32 [N, H, W], at most _SIDE pixels a side.
        detail: The same less each pixel's surroundings.
        details: float32 [N], as of how many independent numbers the detail is.
    """

    grey: Grey
    detail: Grey
    details: Grey

    @property
    def step(self) -> int:
        """By how many pixels images are moved against each other: a 16th of the shorter side, and one more or less."""
        step: int = round(min(self.grey.shape[1:]) / 16)
        return step

    @classmethod
    def at(cls, images: Images) -> _Look:
        grey = _block_means(images, *(side // -(-side // _SIDE) for side in images.shape[1:3]))
        detail = grey - _box_means(grey)
        details = np.empty(len(grey), np.float32)
        for part in _parts(len(grey), _AT_ONCE):
            spectrum = np.abs(np.fft.fft2(detail[part])) ** 2
            # The participation ratio of the spectrum: n for n equal parts, 0 for a flat image.
            squares = np.maximum((spectrum**2).sum(axis=(1, 2)), 1e-6)
            details[part] = spectrum.sum(axis=(1, 2)) ** 2 / squares
        return cls(grey, detail, details)


class _Candidates(NamedTuple):
    """Pairs to compare in detail, by how much the first is moved against the second ([P, 2] rows and columns), and the
    correlation of their cells then."""

    firsts: Numbers
    seconds: Numbers
    moved: Numbers
    alike: Grey


def _candidates(mine: _Look, theirs: _Look, step: int) -> _Candidates:
    within = theirs is mine
    known = _cells(theirs.grey)
    # Moved the other way is the same pair the other way round.
    ways = [(0, 0), (0, step), (step, 0), (step, step), (step, -step)] if step else [(0, 0)]
    found = []
    for way in ways:
        wanted = _cells(_moved(mine.grey, *way))
        rows = max(1, int(_PAIRS_AT_ONCE / len(known)))
        for start in range(0, len(wanted), rows):
            alike = wanted[start : start + rows] @ known.T
            if within:
                np.fill_diagonal(alike[:, start:], 0)
            first, second = np.nonzero(alike > _CELLS_ALIKE)
            found.append((first + start, second, alike[first, second], np.tile(way, (len(first), 1))))
    firsts, seconds, alike, moved = (np.concatenate(parts) for parts in zip(*found, strict=True))
    if within:
        swap = firsts > seconds
        firsts, seconds = np.where(swap, seconds, firsts), np.where(swap, firsts, seconds)
        moved = np.where(swap[:, None], -moved, moved)
    # Each pair once, moved as it is most alike; then of each image those that are most alike.
    order = np.lexsort((-alike, seconds, firsts))
    pair = firsts[order] * np.int64(len(known)) + seconds[order]
    order = order[np.r_[True, pair[1:] != pair[:-1]]] if len(order) else order
    order = order[np.argsort(-alike[order], kind="stable")]
    kept = _ranks(firsts[order]) < _MOST_PER_IMAGE
    if within:
        kept |= _ranks(seconds[order]) < _MOST_PER_IMAGE
    order = order[kept]
    return _Candidates(firsts[order], seconds[order], moved[order], alike[order])


def _sureness(mine: _Look, theirs: _Look, found: _Candidates, step: int) -> Grey:
    """Return Fisher's z of the correlation of details, the best of the places around where the pair is most alike."""
    margin = step + 1 if step else 0
    height, width = (side - 2 * margin for side in mine.detail.shape[1:])
    near = range(-1, 2) if step else range(1)
    best = np.zeros(len(found.firsts), np.float32)
    for part in _parts(len(best), _AT_ONCE):
        first, second = mine.detail[found.firsts[part]], theirs.detail[found.seconds[part]]
        middle = _directions(_flat(second[:, margin : margin + height, margin : margin + width]))
        windows = np.lib.stride_tricks.sliding_window_view(first, (height, width), axis=(1, 2))
        for down in near:
            for right in near:
                top, left = (found.moved[part] + (down, right) + margin).T
                window = _directions(_flat(windows[np.arange(len(first)), top, left]))
                best[part] = np.maximum(best[part], np.einsum("ij,ij->i", window, middle))
    details = np.minimum(mine.details[found.firsts], theirs.details[found.seconds])
    return np.asarray(np.arctanh(np.minimum(best, 0.9999)) * np.sqrt(details), np.float32)


def _equal(mine: _Look, theirs: _Look, found: _Candidates) -> NDArray[np.bool_]:
    """Whether pairs are alike in all that they show, not only in their details."""
    equal = (found.alike > _CELLS_EQUAL) & ~found.moved.any(axis=1)
    places = np.flatnonzero(equal)
    for part in _parts(len(places), _AT_ONCE):
        pairs = places[part]
        first, second = mine.grey[found.firsts[pairs]], theirs.grey[found.seconds[pairs]]
        alike = np.einsum("ij,ij->i", _directions(_flat(first)), _directions(_flat(second)))
        equal[pairs] = alike > _PIXELS_EQUAL
    return np.asarray(equal)


def _ranks(numbers: Numbers) -> Numbers:
    """Return for each entry how many equal ones stand before it."""
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else ordered
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    return ranks


def _parts(count: int, most: int) -> Iterator[slice]:
    for start in range(0, count, most):
        yield slice(start, start + most)


def _flat(images: Grey) -> Grey:
    return images.reshape(len(images), -1)


def _cells(grey: Grey) -> Grey:
    """Return the mean of each image's cells as a vector of length 1, or 0 for a flat image."""
    means = _block_means(grey[..., np.newaxis], *(min(_CELLS, side) for side in grey.shape[1:]))
    flat = _flat(means)
    return _directions(flat, shortest=_FLAT * np.sqrt(flat.shape[1]))


def _block_means(images: NDArray[np.uint8] | Grey, rows: int, columns: int) -> Grey:
    """Return means over blocks and channels, [N, rows, columns]; what does not divide is cut off at the edges."""
    count, height, width, channels = images.shape
    means = np.empty((count, rows, columns), np.float32)
    for part in _parts(count, _AT_ONCE):
        whole = images[part, : height // rows * rows, : width // columns * columns]
        blocks = whole.reshape(len(whole), rows, height // rows, columns, width // columns, channels)
        means[part] = blocks.mean(axis=(2, 4, 5), dtype=np.float32)
    return means


def _box_means(grey: Grey) -> Grey:
    """Return the mean of each pixel's surroundings, edges repeated."""
    half = _SURROUNDINGS // 2
    for axis in (1, 2):
        around = [(0, 0)] * 3
        around[axis] = (half, half)
        padded = np.pad(grey, around, mode="edge")
        size = grey.shape[axis]
        grey = np.mean([np.take(padded, range(by, by + size), axis) for by in range(_SURROUNDINGS)], axis=0)
    return grey


def _moved(grey: Grey, down: int, right: int) -> Grey:
    """Return what stands `down` rows lower and `right` columns further, edges repeated."""
    most = max(abs(down), abs(right))
    padded = np.pad(grey, ((0, 0), (most, most), (most, most)), mode="edge")
    top, left = most + down, most + right
    return padded[:, top : top + grey.shape[1], left : left + grey.shape[2]]


def _directions(values: Grey, shortest: float = 0.0) -> Grey:
    centred = values - values.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    directions: Grey = np.where(lengths > shortest, centred / np.maximum(lengths, 1e-6), 0)
    return directions
