"""What a trial's chosen weights say about each test image, and the bytes that the store keeps of it."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.errors import InputError

_MAGIC = b"predictions 2\n"
_BYTES = 4
_HEADER_BYTES = 1024
MOST_IMAGES = 2**25
"""More test images than any data set has: 128 MiB of predictions, unpacked."""

_ARRAYS = ("predicted", "positives", "true_positive")


@dataclass(frozen=True, eq=False, slots=True)
class Predictions:
    """The statistics and confusion matrices read it.

    Attributes:
        predicted: uint16 [N], the class with the highest probability.
        positives: uint8 [N], how many classes got a probability above 0.5.
        true_positive: bool [N], whether the true class did.
    """

    predicted: NDArray[np.uint16]
    positives: NDArray[np.uint8]
    true_positive: NDArray[np.bool_]

    def unpacked(self) -> Predictions:
        """Return the arrays, for who needs several of them."""
        return self

    def equals(self, other: Predictions) -> bool:
        """Whether both say the same of every image."""
        mine, theirs = self.unpacked(), other.unpacked()
        return all(np.array_equal(getattr(mine, name), getattr(theirs, name)) for name in _ARRAYS)

    def to_bytes(self) -> bytes:
        """Return the arrays, compressed: four bytes per image before that."""
        parts = (self.predicted.astype("<u2"), self.positives.astype("u1"), self.true_positive.astype("u1"))
        return _MAGIC + zlib.compress(b"".join(part.tobytes() for part in parts))

    @classmethod
    def from_bytes(cls, data: bytes, *, images: int | None = None, classes: int | None = None) -> Predictions:
        """Read what `to_bytes` wrote, or the NumPy archive that it wrote before.

        Args:
            data: The bytes. No more of them is unpacked than so many images need.
            images: How many there must be, where that is known.
            classes: How many classes there are, where that is known.

        Raises:
            InputError: They are damaged, or say something of other images or classes.
        """
        most = MOST_IMAGES if images is None else images
        try:
            found = _unpacked(data, most) if data.startswith(_MAGIC) else _from_archive(data, most)
            count = len(found.predicted)
            if count != (count if images is None else images):
                raise ValueError(f"they are of {count:,} images, the test set has {images:,}")
            if classes is not None and count and found.predicted.max() >= classes:
                raise ValueError(f"they name class {found.predicted.max()} of {classes:,}")
        except Exception as error:  # whatever the bytes hold, an archive's reader may raise anything
            raise InputError(f"stored predictions are damaged ({error}): the store is not as it was written") from None
        return found


def _unpacked(data: bytes, most: int) -> Predictions:
    unpacker = zlib.decompressobj()
    plain = unpacker.decompress(data[len(_MAGIC) :], _BYTES * most + 1)
    if len(plain) > _BYTES * most:
        raise ValueError(f"they are of more than {most:,} images")
    if not unpacker.eof:
        raise ValueError("they are incomplete")
    count, rest = divmod(len(plain), _BYTES)
    if rest:
        raise ValueError("not four bytes per image")
    return Predictions(
        np.frombuffer(plain, "<u2", count),
        np.frombuffer(plain, "u1", count, 2 * count),
        # Not a view: of a byte that is neither 0 nor 1 NumPy counts what no truth value is.
        np.frombuffer(plain, "u1", count, 3 * count) != 0,
    )


def _from_archive(data: bytes, most: int) -> Predictions:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        largest = max((member.file_size for member in archive.infolist()), default=0)
    if largest > 8 * most + _HEADER_BYTES:
        raise ValueError(f"they are of more than {most:,} images")
    kinds = dict(zip(_ARRAYS, (np.uint16, np.uint8, np.bool_), strict=True))
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        found = {name: arrays[name] for name in _ARRAYS}
    for name, kind in kinds.items():
        if found[name].ndim != 1 or found[name].dtype != kind or len(found[name]) != len(found["predicted"]):
            raise ValueError(f"{name} is {found[name].dtype} {list(found[name].shape)}")
    return Predictions(**found)


class StoredPredictions(Predictions):
    """Predictions as the store keeps them, unpacked whenever they are asked for: a thousand records fit in 1 MiB."""

    __slots__ = ("_data", "_expected")

    def __init__(self, data: bytes) -> None:
        object.__setattr__(self, "_data", data)
        object.__setattr__(self, "_expected", (None, None))

    def expect(self, images: int, classes: int) -> None:
        """Say of how many images and classes they must be; what is unpacked later is refused where it is not."""
        object.__setattr__(self, "_expected", (images, classes))

    def equals(self, other: Predictions) -> bool:
        """As of `Predictions`; two of one store are not unpacked for it."""
        if isinstance(other, StoredPredictions):
            mine, theirs = self._data, other._data  # type: ignore[attr-defined]
            if mine == theirs:
                return True
            if mine.startswith(_MAGIC) and theirs.startswith(_MAGIC) and mine[-4:] != theirs[-4:]:
                return False  # zlib ends in a checksum of the content, whatever made the rest
        return super().equals(other)

    def unpacked(self) -> Predictions:
        """Return the arrays."""
        data: bytes = self._data  # type: ignore[attr-defined]
        images, classes = self._expected  # type: ignore[attr-defined]
        return Predictions.from_bytes(data, images=images, classes=classes)

    @property
    def predicted(self) -> NDArray[np.uint16]:
        """As of `Predictions`."""
        return self.unpacked().predicted

    @property
    def positives(self) -> NDArray[np.uint8]:
        """As of `Predictions`."""
        return self.unpacked().positives

    @property
    def true_positive(self) -> NDArray[np.bool_]:
        """As of `Predictions`."""
        return self.unpacked().true_positive
