"""What a trial trains and is tested on: images, labels, class names and a fingerprint of all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.datasets.content import DARK, Arrays, Images, Labels, content_of, count, refuse_channels_first
from harness.datasets.groups import Groups
from harness.errors import InputError


@dataclass(frozen=True)
class Origin:
    """Where a dataset is from: what `load_dataset` was given, and where the arrays lie.

    Attributes:
        source: A name, "module:function", or the absolute path of a folder or file; empty for arrays made in memory.
        directory: Where the arrays lie as files; None where loading from the source is as cheap.
        image_size: Option of `load_dataset`.
        skip_unreadable: Option of `load_dataset`.
        cache: The cache folder, or None for the usual one.
    """

    source: str = ""
    directory: Path | None = None
    image_size: int | None = None
    skip_unreadable: bool = False
    cache: Path | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images of one size in classes, with the test images held apart.

    Attributes:
        name: What tables call it: `digits`, `cifar10` or the folder's name.
        classes: Names of the classes; label i is `classes[i]`.
        train_images: uint8 [N, H, W, C], 0..255, read-only, possibly mapped from a file.
        train_labels: int64 [N].
        test_images: uint8 [M, H, W, C].
        test_labels: int64 [M].
        fingerprint: 16 hexadecimal digits of the SHA-256 of all of the above but the name.
        test_groups: int64 [M]; test images that show the same picture have the same number (`groups_of`).
        warnings: What a person should know before trusting a result on it; shown by the caller.
        origin: Where it is from.
        test_files: Of each test image of a folder its path there; empty for other sources.
    """

    name: str
    classes: tuple[str, ...]
    train_images: Images
    train_labels: Labels
    test_images: Images
    test_labels: Labels
    fingerprint: str
    test_groups: Groups
    warnings: tuple[str, ...] = ()
    origin: Origin = Origin()
    test_files: tuple[str, ...] = ()

    @classmethod
    def from_arrays(
        cls,
        name: str,
        classes: Sequence[str],
        train: tuple[Images, Labels],
        test: tuple[Images, Labels],
        *,
        source: str = "",
    ) -> Dataset:
        """Make a dataset from arrays in memory, with its fingerprint and warnings.

        Args:
            name: What tables call it.
            classes: Two names or more, none twice.
            train: uint8 [N, H, W, C] images, 0..255, and [N] or [N, 1] whole-number labels.
            test: The same for the test images, of the same size.
            source: A name that `load_dataset` knows, where it would load these very arrays.

        Raises:
            InputError: A wrong shape or type, or a label without a class.

        >>> images = np.arange(4 * 8 * 8 * 3, dtype=np.uint8).reshape(4, 8, 8, 3)
        >>> train, test = (images[:3], np.array([0, 1, 0])), (images[2:], np.array([0, 1]))
        >>> dataset = Dataset.from_arrays("drawn", ["a", "b"], train, test)
        >>> dataset.input_shape, dataset.warnings[0]
        ((8, 8, 3), '1 of the 2 test images is also in train: accuracy on it is no sign of learning (the first: test image 0, train image 2)')
        """  # noqa: E501
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"name is {name!r}; allowed is a text, which tables show")
        names = tuple(classes)
        if len(names) == 1 and isinstance(names[0], str):
            raise InputError(f"{name} has one class, {names[0]!r}"[:300] + ": two or more are needed")
        if len(names) < 2 or not all(isinstance(one, str) and one for one in names) or len(set(names)) < len(names):
            raise InputError(f"{name} has classes {names!r}"[:300] + "; allowed are two names or more, none twice")
        (train_images, train_labels), (test_images, test_labels) = (
            _checked(part, images, labels, len(names)) for part, (images, labels) in (("train", train), ("test", test))
        )
        if train_images.shape[1:] != test_images.shape[1:]:
            raise InputError(
                f"train images are {_size(train_images)} and test images {_size(test_images)}; one size is needed"
            )
        arrays = (train_images, train_labels, test_images, test_labels)
        content = content_of(names, arrays)
        return cls(
            name,
            names,
            *arrays,
            fingerprint=fingerprint_of(names, arrays),
            test_groups=content.test_groups,
            warnings=content.warnings,
            origin=Origin(source),
        )

    @property
    def arrays(self) -> Arrays:
        """Images and labels of train, images and labels of test."""
        return self.train_images, self.train_labels, self.test_images, self.test_labels

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        height, width, channels = self.train_images.shape[1:]
        return height, width, channels

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name!r}, {len(self.train_images)} train and {len(self.test_images)} test images "
            f"{_size(self.train_images)}, {len(self.classes)} classes, {self.fingerprint})"
        )


def fingerprint_of(classes: Sequence[str], arrays: Arrays) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of class names, shapes, types and bytes, in this order.

    16 digits are 64 bits: two different datasets share them with a chance of one in 10^19.
    """
    digest = hashlib.sha256(json.dumps([list(classes), [[*a.shape, a.dtype.str] for a in arrays]]).encode())
    for array in arrays:
        # The bytes of the whole array, without a copy where it lies in one piece.
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()[:16]


def _checked(part: str, images: Images, labels: Labels, classes: int) -> tuple[Images, Labels]:
    images, labels = np.ascontiguousarray(images), np.asarray(labels)
    if images.dtype != np.uint8 or images.ndim != 4 or 0 in images.shape:
        raise InputError(
            f"{part} images are {images.dtype} {images.shape}; allowed is uint8 [N, H, W, C], N 1 or more"
            f"{_way_to_bytes(images)}"
        )
    refuse_channels_first(part, images)
    if labels.shape == (len(images), 1):
        labels = labels[:, 0]
    if labels.shape != (len(images),) or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            f"{part} labels are {labels.dtype} {labels.shape}; allowed is one whole number per image"
            f"{_way_to_numbers(labels, len(images), classes)}"
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(f"{part} labels run {labels.min()}..{labels.max()}; allowed is 0..{classes - 1}")
    images, labels = images.view(), np.array(labels, np.int64)
    images.flags.writeable = labels.flags.writeable = False
    return images, labels


def _way_to_bytes(images: NDArray[Any]) -> str:
    """Return how images of another type become uint8 without a loss, as far as their values tell it."""
    if images.dtype == np.uint8 or images.dtype.kind not in "biuf" or not images.size:
        return ""
    low, high = images.min(), images.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        return "; values that are NaN or infinite have no place in 0..255: look where they come from"
    if low < 0:
        return f"; values run {low:.4g}..{high:.4g}: undo the normalisation, so that they run 0..255 again"
    if high > 255 or 1 < high < DARK:
        return f"; values run {low:.4g}..{high:.4g}: scale them to 0..255, then round and astype(np.uint8)"
    whole = "round and astype(np.uint8)" if images.dtype.kind == "f" else "astype(np.uint8)"
    return f"; {'multiply 0..1 by 255, then ' * bool(high <= 1)}{whole}"


def _way_to_numbers(labels: NDArray[Any], images: int, classes: int) -> str:
    """Return how labels of another kind become one whole number per image."""
    one_hot = labels.ndim == 2 and labels.dtype.kind in "biuf" and bool((np.count_nonzero(labels, axis=1) == 1).all())
    if labels.shape == (images, classes) or (one_hot and labels.shape[0] == images and labels.shape[1] > 1):
        return "; take argmax(axis=1) of one-hot labels"
    if labels.ndim == 1 and len(labels) != images:
        return f": {count(len(labels), 'label')} for {count(images)}"
    if labels.dtype.kind in "USO":
        return "; number texts with np.unique(labels, return_inverse=True), those of train and test together"
    if labels.dtype.kind == "f" and np.array_equal(labels, np.round(labels)):
        return "; astype(np.int64)"
    return ""


def _size(images: NDArray[np.uint8]) -> str:
    return "x".join(str(edge) for edge in images.shape[1:])
