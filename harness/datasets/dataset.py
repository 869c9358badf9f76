"""What a trial trains and is tested on: images, labels, class names and a fingerprint of all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, InputError

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]


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
        warnings: What a person should know before trusting a result on it; shown by the caller.
        source: What opens it again: a name, a folder's absolute path, or empty for arrays made in memory.
        directory: Where its arrays lie as files, or None.
        image_size: The option it was loaded with.
        skip_unreadable: The option it was loaded with.
        cache: The cache folder it was loaded with, or None for the usual one.
    """

    name: str
    classes: tuple[str, ...]
    train_images: Images
    train_labels: Labels
    test_images: Images
    test_labels: Labels
    fingerprint: str
    warnings: tuple[str, ...] = ()
    source: str = ""
    directory: Path | None = None
    image_size: int | None = None
    skip_unreadable: bool = False
    cache: Path | None = None

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
            classes: Two names or more.
            train: uint8 [N, H, W, C] images and [N] whole-number labels.
            test: The same for the test images, of the same size.
            source: A name that `load_dataset` knows, where it would load these very arrays.

        Raises:
            InputError: A wrong shape or type, or a label without a class.

        >>> images, labels = np.zeros((4, 8, 8, 3), np.uint8), np.array([0, 1, 0, 1])
        >>> dataset = Dataset.from_arrays("blank", ["a", "b"], (images, labels), (images[:2], labels[:2]))
        >>> dataset.input_shape, dataset.warnings
        ((8, 8, 3), ('2 of the 2 test images are also in train: accuracy on them is no sign of learning',))
        """
        parts = [
            _checked(part, images, labels, len(classes))
            for part, (images, labels) in (("train", train), ("test", test))
        ]
        (train_images, train_labels), (test_images, test_labels) = parts
        if len(classes) < 2:
            raise InputError(f"{name} has {len(classes)} class; at least two are needed")
        if train_images.shape[1:] != test_images.shape[1:]:
            raise InputError(
                f"train images are {_size(train_images)} and test images {_size(test_images)}; one size is needed"
            )
        arrays = (train_images, train_labels, test_images, test_labels)
        fingerprint = fingerprint_of(classes, arrays)
        return cls(name, tuple(classes), *arrays, fingerprint, overlap_warnings(train_images, test_images), source)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        height, width, channels = self.train_images.shape[1:]
        return height, width, channels

    @cached_property
    def ref(self) -> DatasetRef:
        """A small, picklable handle with which another process opens the same dataset cheaply.

        For arrays that lie nowhere yet this writes them to a temporary folder, removed when this process ends.
        """
        directory = self.directory
        if directory is None and not self.source:
            from harness.datasets import cache

            directory = cache.keep_temporarily(self)
        return DatasetRef(
            name=self.name,
            source=self.source,
            fingerprint=self.fingerprint,
            directory=directory,
            image_size=self.image_size,
            skip_unreadable=self.skip_unreadable,
            cache=self.cache,
        )

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name!r}, {len(self.train_images)} train and {len(self.test_images)} test images "
            f"{_size(self.train_images)}, {len(self.classes)} classes, {self.fingerprint})"
        )


@dataclass(frozen=True)
class DatasetRef:
    """How another process opens a dataset again; pickles to a few hundred bytes.

    Attributes:
        name: The dataset's name.
        source: What `load_dataset` was given; empty for arrays made in memory.
        fingerprint: What the content must still be.
        directory: Where its arrays lie as files, or None where loading from the source is as cheap.
        image_size: Option of `load_dataset`.
        skip_unreadable: Option of `load_dataset`.
        cache: Option of `load_dataset`.
    """

    name: str
    source: str
    fingerprint: str
    directory: Path | None = None
    image_size: int | None = None
    skip_unreadable: bool = False
    cache: Path | None = None

    def open(self) -> Dataset:
        """Return the dataset, its images mapped read-only from files where there are any.

        Raises:
            HarnessError: The data is gone, or is no longer what it was when the reference was made.
        """
        if self.directory is not None:
            from harness.datasets import cache

            kept = cache.open_kept(self)
            if kept is not None:
                return kept
        if not self.source:
            raise HarnessError(
                f"the temporary files of dataset {self.name!r} in {self.directory} are gone or damaged "
                "(checksum error); the process that made them must still run"
            )
        from harness.datasets.load import load_dataset

        again = load_dataset(
            self.source, image_size=self.image_size, skip_unreadable=self.skip_unreadable, cache=self.cache
        )
        if again.fingerprint != self.fingerprint:
            raise HarnessError(
                f"dataset {self.source!r} changed while it was in use: its fingerprint was {self.fingerprint} and "
                f"is now {again.fingerprint}; start again, so that results of the two are not mixed"
            )
        return again


def fingerprint_of(classes: Sequence[str], arrays: Sequence[NDArray[np.generic]]) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of class names, shapes, types and bytes, in this order.

    16 digits are 64 bits: two different datasets share them with a chance of one in 10^19.
    """
    digest = hashlib.sha256(json.dumps([list(classes), [[*a.shape, a.dtype.str] for a in arrays]]).encode())
    for array in arrays:
        # The bytes of the whole array, without a copy where it lies in one piece.
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()[:16]


def overlap_warnings(train_images: Images, test_images: Images) -> tuple[str, ...]:
    """Return a warning with the number of test images whose every pixel is also an image of train."""
    in_train = {_pixels_digest(image) for image in train_images}
    shared = sum(_pixels_digest(image) in in_train for image in test_images)
    if not shared:
        return ()
    are = "is" if shared == 1 else "are"
    return (
        f"{shared} of the {len(test_images)} test images {are} also in train: accuracy on them is no sign of learning",
    )


def _pixels_digest(image: Images) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(image).data).digest()


def _checked(part: str, images: Images, labels: Labels, classes: int) -> tuple[Images, Labels]:
    images, labels = np.ascontiguousarray(images), np.asarray(labels)
    if images.dtype != np.uint8 or images.ndim != 4 or 0 in images.shape:
        raise InputError(f"{part} images are {images.dtype} {images.shape}; allowed is uint8 [N, H, W, C], N 1 or more")
    if labels.shape != (len(images),) or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"{part} labels are {labels.dtype} {labels.shape}; allowed is one whole number an image")
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(f"{part} labels run {labels.min()}..{labels.max()}; allowed is 0..{classes - 1}")
    images, labels = images.view(), np.array(labels, np.int64)
    images.flags.writeable = labels.flags.writeable = False
    return images, labels


def _size(images: Images) -> str:
    return "x".join(str(edge) for edge in images.shape[1:])
