"""What must be known of a dataset's images before trusting a result: copies, and values that look wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.datasets.groups import Groups, first_two, grouped_text, groups_of
from harness.datasets.near import MOST_PAIRS, near_pairs
from harness.errors import InputError

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
Arrays = tuple[Images, Labels, Images, Labels]
Pair = tuple[tuple[int, int], tuple[int, int]]  # part and number of an image and of its copy

Part = Literal["train", "test"]
PARTS: tuple[Part, Part] = ("train", "test")
DARK = 64
"""Of 0..255; a class of photographs or drawings ends near the top, 12 bits stored in 16 end at 15."""

_MOST_NAMES = 5
_ONE = {"are": "is", "them": "it", "look": "looks", "are copies": "is a copy of another", "images are": "image is"}
_SEVERAL = {
    "are": "are", "them": "them", "look": "look", "are copies": "are copies of others", "images are": "images are"
}  # fmt: skip


def image_name(part: str, number: int) -> str:
    """Return what to call an image that has no file."""
    return f"{part} image {number}"


class Content(NamedTuple):
    """What looking at a dataset's images found.

    Attributes:
        warnings: What is odd: copies, classes without images, values that fill a part of their range.
        test_groups: int64 [M]; test images that show the same picture have the same number (see `groups_of`).
    """

    warnings: tuple[str, ...]
    test_groups: Groups


def content_of(classes: Sequence[str], arrays: Arrays, name_of: Callable[[str, int], str] = image_name) -> Content:
    """Look at all images of a dataset, once: 10,000 test and 50,000 train images take some 10 s of one core.

    Args:
        classes: Names of the classes.
        arrays: Images and labels of train and of test.
        name_of: What to call the image of a part and number.
    """
    copies = _Copies(arrays)
    return Content((*copies.told(name_of), *_rare(classes, arrays), *_dark(classes, arrays)), copies.test_groups)


def refuse_channels_first(part: str, images: Images) -> None:
    """Refuse [N, C, H, W], which would otherwise be taken for images of one or three rows."""
    if images.shape[1] in (1, 3) and images.shape[3] > 4:
        raise InputError(
            f"{part} images are {images.shape}, which looks like [N, C, H, W]; allowed is [N, H, W, C]: "
            "images.transpose(0, 2, 3, 1)"
        )


def count(number: int, noun: str = "image") -> str:
    """Return a number with its noun.

    >>> count(1), count(2000)
    ('1 image', '2,000 images')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[str], most: int = _MOST_NAMES) -> str:
    """Return names joined with commas, the last of many as a number.

    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


class _Copies:
    """Images that are another's copy, in every pixel or to the eye."""

    def __init__(self, arrays: Arrays) -> None:
        self._labels = arrays[1], arrays[3]
        firsts: tuple[dict[bytes, int], dict[bytes, int]] = ({}, {})
        self._within: tuple[list[Pair], list[Pair]] = ([], [])
        self._shared: list[Pair] = []
        for part, images in enumerate((arrays[0], arrays[2])):
            for number, image in enumerate(images):
                digest = hashlib.sha256(np.ascontiguousarray(image).data).digest()
                first = firsts[part].setdefault(digest, number)
                if first != number:
                    self._within[part].append(((part, number), (part, first)))
                if part == 1 and digest in firsts[0]:
                    self._shared.append(((1, number), (0, firsts[0][digest])))
        exact = {number for (_, number), _ in self._shared}
        near = near_pairs(arrays[2], arrays[3], (arrays[0], arrays[1]))
        found = dict(zip(near.firsts[::-1].tolist(), near.seconds[::-1].tolist(), strict=True))
        self._near = [((1, test), (0, found[test])) for test in sorted(found) if test not in exact]
        copies = [(number, first) for (_, number), (_, first) in self._within[1]]
        copied = groups_of(len(arrays[2]), copies)
        self.test_groups = groups_of(len(copied), [*copies, *zip(*near_pairs(arrays[2], arrays[3]), strict=True)])
        self._alike = self.test_groups[self.test_groups != copied]

    def told(self, name_of: Callable[[str, int], str]) -> Iterator[str]:
        """Tell of them, each kind in a sentence with its number and its first."""
        shared, within, labels = self._shared, self._within, self._labels
        disputed = {
            pair[0]: pair
            for pair in (*shared, *within[0], *within[1])
            if len({labels[part][number] for part, number in pair}) > 1
        }
        train, test = (count(len(labels[part]), f"{PARTS[part]} image") for part in (0, 1))
        for pairs, text in (
            (shared, f"of the {test} {{are}} also in train: accuracy on {{them}} is no sign of learning"),
            (
                self._near,
                f"of the {test} {{look}} like one in train, saved anew: accuracy on {{them}} is no sign of learning",
            ),
            (within[0], f"of the {train} {{are copies}}: where one falls into validation, validation flatters"),
            (within[1], f"of the {test} {{are copies}}: what is there twice weighs twice"),
            (list(disputed.values()), "{images are} under two classes: one of the labels is wrong"),
        ):
            if pairs:
                names = ", ".join(name_of(PARTS[part], number) for part, number in pairs[0])
                words = _ONE if len(pairs) == 1 else _SEVERAL
                yield f"{len(pairs):,} {text.format(**words)} (the first: {names})"
        if len(self._alike):
            names = ", ".join(name_of("test", number) for number in first_two(self.test_groups, self._alike[0]))
            yield f"{grouped_text(self.test_groups)} in intervals (the first: {names})"
        for part, images in zip(PARTS, labels, strict=True):
            if len(images) * len(labels[1]) > MOST_PAIRS:
                yield (
                    f"{len(labels[1]):,} test and {len(images):,} {part} images are too many to look for near copies: "
                    "exact ones alone were found"
                )


def _rare(classes: Sequence[str], arrays: Arrays) -> Iterator[str]:
    """Tell of classes without an image, or with none for validation."""
    train, test = (np.bincount(labels, minlength=len(classes)) for labels in (arrays[1], arrays[3]))
    for chosen, what in (
        (train == 0, "no image in train"),
        (test == 0, "no image in test"),
        (train == 1, "a single train image, and so none for validation"),
    ):
        names = [name for name, one in zip(classes, chosen, strict=True) if one]
        if names:
            have = "has" if len(names) == 1 else "have"
            yield f"{len(names)} of {len(classes)} classes {have} {what}: {listed(names)}"


def _dark(classes: Sequence[str], arrays: Arrays) -> Iterator[str]:
    """Tell of classes whose images end in the lowest quarter of 0..255, which says less of light than of files."""
    for part, images, labels in (("train", *arrays[:2]), ("test", *arrays[2:])):
        flat = images.reshape(len(images), -1)
        lowest, highest = np.full(len(classes), 255), np.full(len(classes), -1)
        np.minimum.at(lowest, labels, flat.min(axis=1))
        np.maximum.at(highest, labels, flat.max(axis=1))
        chosen = (highest >= 0) & (highest < DARK)
        names = [name for name, one in zip(classes, chosen, strict=True) if one]
        if names:
            which = "of every class" if len(names) == len(classes) else f"of {listed(names)}"
            yield (
                f"the {part} images {which} fill only {lowest[chosen].min()}..{highest[chosen].max()} of 0..255: if "
                "they hold 0..1, or 12 bits in 16, scale them to the whole range first"
            )
