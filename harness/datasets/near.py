"""Test images that look like a train image: another compression, size or brightness of the same picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
Vectors = NDArray[np.float32]

# Each image is first compared as a grid of so many cells a side, which settles nearly all pairs, then pixel by pixel.
_CELLS = 8
# Correlations. Of CIFAR-10's images saved again as JPEG of quality 50 to 90, or resized to 24 or 64 pixels and back,
# 97 % or more are above the first and 88 % or more above the second; of scikit-learn's 797 test digits none is beside
# a train digit, of CIFAR-10's 10,000 test images 6 are.
_CELLS_ALIKE = 0.995
_PIXELS_ALIKE = 0.97
# A cell's usual distance from the mean, below which an image has nothing to be known by.
_FLAT = 10
# 50,000 x 10,000 images take 2 s.
_MOST_PAIRS = 1e9
_PAIRS_AT_ONCE = 2.5e7


def near_copies(train: Images, test: Images) -> list[tuple[int, int]]:
    """Return the numbers of each test image that looks like a train image, and of that one; exact copies too.

    Args:
        train: uint8 [N, H, W, C].
        test: uint8 [M, H, W, C]. Of more than a thousand million pairs nothing is compared.
    """
    if len(train) * len(test) > _MOST_PAIRS:
        return []
    known, wanted = _cells(train), _cells(test)
    pairs = []
    step = max(1, int(_PAIRS_AT_ONCE / len(train)))
    for start in range(0, len(test), step):
        likeness = wanted[start : start + step] @ known.T
        nearest = likeness.argmax(axis=1)
        for row in np.flatnonzero(likeness.max(axis=1) > _CELLS_ALIKE).tolist():
            number, twin = start + row, int(nearest[row])
            # The same picture, of whatever brightness, and not only its outlines.
            both = _directions(np.stack([test[number].reshape(-1), train[twin].reshape(-1)]).astype(np.float32))
            if both[0] @ both[1] > _PIXELS_ALIKE:
                pairs.append((number, twin))
    return pairs


def _cells(images: Images) -> Vectors:
    """Return the mean brightness of each image's cells as a vector of length 1, or 0 for a flat image."""
    count, height, width, _ = images.shape
    rows, columns = min(_CELLS, height), min(_CELLS, width)
    # What does not divide is cut off at the edges.
    cut = images[:, : height // rows * rows, : width // columns * columns]
    means = np.empty((count, rows * columns), np.float32)
    for start in range(0, count, 1000):
        part = cut[start : start + 1000]
        grid = part.reshape(len(part), rows, -1, columns, cut.shape[2] // columns, images.shape[3])
        means[start : start + 1000] = grid.mean(axis=(2, 4, 5), dtype=np.float32).reshape(len(part), -1)
    return _directions(means, flat=_FLAT * np.sqrt(rows * columns))


def _directions(values: Vectors, flat: float = 0.0) -> Vectors:
    centred = values - values.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    directions: Vectors = np.where(lengths > flat, centred / np.maximum(lengths, 1e-6), 0)
    return directions
