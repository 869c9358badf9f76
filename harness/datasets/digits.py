"""The embedded dataset: scikit-learn's scans of handwritten digits, in the size that the models expect."""

from __future__ import annotations

import contextlib
import importlib.util
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.datasets.dataset import Dataset, Origin, fingerprint_of
from harness.datasets.splits import stratified_subset
from harness.errors import HarnessError

# The published scans have values 0..16 on an 8x8 grid (UCI ML repository, "Optical Recognition of Handwritten
# Digits", test part, 1,797 images).
_HIGHEST = 16
_TRAIN_IMAGES = 1000
# The split is part of the dataset: another seed would be another dataset.
_SPLIT_SEED = 0
_ENLARGED = 4
_FILE = "datasets/data/digits.csv.gz"
# What reading a cut, empty or overwritten file raises.
_UNREADABLE = (OSError, ValueError, IndexError, EOFError, zlib.error)


def load_digits() -> Dataset:
    """Return 1,000 train and 797 test images, uint8 32x32x3, in classes "0" to "9".

    The scans are real; only their size is changed, by bilinear enlargement in whole numbers, which gives the
    same bits on every machine (an image library or a float matrix product need not).
    """
    scans, labels = _scans()
    images = enlarge(scans)
    train = stratified_subset(labels, _TRAIN_IMAGES, seed=_SPLIT_SEED)
    test = np.setdiff1d(np.arange(len(labels)), train)
    arrays = (images[train], labels[train], images[test], labels[test])
    for one in arrays:
        one.flags.writeable = False
    classes = tuple(str(digit) for digit in range(10))
    # No two of these images are alike, none is dark and no class is rare. tests/datasets/test_digits.py looks: it takes
    # half a second, which no process that opens them needs to spend.
    return Dataset(
        "digits", classes, *arrays, fingerprint_of(classes, arrays), np.arange(len(test)), origin=Origin("digits")
    )


def enlarge(scans: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Enlarge scans four times by bilinear interpolation between pixel centres, edges repeated.

    Args:
        scans: int [N, H, W], 0..16.

    Returns:
        uint8 [N, 4H, 4W, 3], 0..255, rounded half up, the three channels equal.
    """
    rows, columns = _weights(scans.shape[1]), _weights(scans.shape[2])
    # Weights are eighths in either direction, so the sum is 64 times the value: exact until the one division.
    sums = rows @ scans @ columns.T
    whole = 64 * _HIGHEST
    grey = ((sums * 255 + whole // 2) // whole).astype(np.uint8)
    return np.repeat(grey[..., np.newaxis], 3, axis=-1)


def _scans() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return scikit-learn's scans, int [1797, 8, 8], and their labels: from its file, since importing it takes long."""
    found = importlib.util.find_spec("sklearn")
    for folder in (found and found.submodule_search_locations) or ():
        with contextlib.suppress(*_UNREADABLE):
            rows = np.loadtxt(Path(folder) / _FILE, delimiter=",", dtype=np.int64)
            return rows[:, :-1].reshape(-1, 8, 8), rows[:, -1]
    from sklearn.datasets import load_digits as scans_of_digits

    try:
        images, labels = scans_of_digits(return_X_y=True)
    except _UNREADABLE as error:
        raise HarnessError(
            f"scikit-learn's scans of digits cannot be read ({type(error).__name__}: {error}): install scikit-learn "
            "anew, or give --dataset another one"
        ) from None
    return images.reshape(-1, 8, 8).astype(np.int64), labels.astype(np.int64)


def _weights(size: int) -> NDArray[np.int64]:
    """Return int [4 * size, size]: how many eighths of each old pixel make up each new one."""
    weights = np.zeros((_ENLARGED * size, size), np.int64)
    for new in range(_ENLARGED * size):
        # The new pixel's centre in eighths of an old pixel, counted from the centre of the first.
        centre = 2 * new + 1 - _ENLARGED
        old, eighths = centre // 8, centre % 8
        weights[new, max(old, 0)] += 8 - eighths
        weights[new, min(old + 1, size - 1)] += eighths
    return weights
