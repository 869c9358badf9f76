"""What a trial's chosen weights say about each test image, and the bytes that the store keeps of it."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.errors import InputError

_MAGIC = b"predictions 2\n"
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
    def from_bytes(cls, data: bytes) -> Predictions:
        """Read what `to_bytes` wrote, or the NumPy archive that it wrote before; InputError where it is damaged."""
        try:
            if not data.startswith(_MAGIC):
                with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                    return Predictions(arrays["predicted"], arrays["positives"], arrays["true_positive"])
            plain = zlib.decompress(data[len(_MAGIC) :])
            count, rest = divmod(len(plain), 4)
            if rest:
                raise ValueError("not four bytes per image")
        except Exception as error:  # whatever the bytes hold, an archive's reader may raise anything
            raise InputError(f"stored predictions are damaged ({error}): the store is not as it was written") from None
        return Predictions(
            np.frombuffer(plain, "<u2", count),
            np.frombuffer(plain, "u1", count, 2 * count),
            np.frombuffer(plain, "u1", count, 3 * count).view(np.bool_),
        )


class StoredPredictions(Predictions):
    """Predictions as the store keeps them, unpacked whenever they are asked for: a thousand records fit in 1 MiB."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        object.__setattr__(self, "_data", data)

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
        return Predictions.from_bytes(data)

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
