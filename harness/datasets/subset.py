"""A part of a dataset: some of its classes, or fewer of its images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.datasets.dataset import Dataset
from harness.datasets.splits import stratified_subset
from harness.errors import InputError, nearest

# A part is a dataset of its own: the same classes and number always give the same images.
_SEED = 0


def select_classes(dataset: Dataset, classes: Sequence[str], *, images: int | None = None) -> Dataset:
    """Return the images of some classes, labelled anew in the given order.

    Args:
        dataset: Where from.
        classes: Two of its classes or more, none twice.
        images: Keep at most this many train images and as many test images, in each class the same share.

    Raises:
        InputError: An unknown class, one twice, or fewer than two; `images` is below the number of classes.
    """
    for name in classes:
        if name not in dataset.classes:
            raise InputError(
                f'class "{name}" is not in {dataset.name}: use {", ".join(dataset.classes)}'
                f"{nearest(name, dataset.classes)}"
            )
        if list(classes).count(name) > 1:
            raise InputError(f'class "{name}" is named twice: name each class once')
    if len(classes) < 2:
        raise InputError(
            f"{len(classes)} class is not enough: name two classes or more of {', '.join(dataset.classes)}"
        )
    if images is not None and images < len(classes):
        raise InputError(f"images is {images}: use at least one for each of the {len(classes)} classes")
    wanted = [dataset.classes.index(name) for name in classes]
    train = _part(dataset.train_images, dataset.train_labels, wanted, images)
    test = _part(dataset.test_images, dataset.test_labels, wanted, images)
    return Dataset.from_arrays(f"{dataset.name}-{'-'.join(classes)}"[:80], classes, train, test)


def named_classes(given: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the classes that texts name, joined with commas where they are several; names may hold commas themselves.

    >>> named_classes(["tench, Tinca tinca,goldfish", "owl"], ["goldfish", "owl", "tench, Tinca tinca"])
    ['tench, Tinca tinca', 'goldfish', 'owl']
    """
    names = []
    for text in given:
        pieces = text.split(",")
        while pieces:
            # The longest that is a class; one that is none is refused later, by its name.
            ends = [end for end in range(len(pieces), 0, -1) if ",".join(pieces[:end]).strip() in known]
            end = ends[0] if ends else 1
            names.append(",".join(pieces[:end]).strip())
            pieces = pieces[end:]
    return names


def _part(
    images: NDArray[np.uint8], labels: NDArray[np.int64], wanted: Sequence[int], most: int | None
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    chosen = np.flatnonzero(np.isin(labels, wanted))
    new = np.array([wanted.index(label) for label in labels[chosen]], np.int64)
    if most is not None:
        kept = stratified_subset(new, most, seed=_SEED)
        chosen, new = chosen[kept], new[kept]
    return images[chosen], new
