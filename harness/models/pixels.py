"""What a model does to its pixels before a layer learns from them.

Floats from 0 to 1 that are divided once more are nearly one number; a layer that expects 0 to 255 makes noise of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from harness.variants.sources import BuildError

# Of values that differ by less than this part of their size, or of 1, a layer learns next to nothing.
_FLAT = 1 / 32
# Above this the end of a layer's `value_range` is one of bytes.
_BYTES = 32


def bright_and_dark(count: int, input_shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Return pictures, float32 from 0 to 1 of shape (count, *input_shape): noise from dark to bright.

    So they differ within a picture and between pictures: a layer that standardises or averages either leaves the other.
    """
    noise = np.random.default_rng(0).random((count, *input_shape), np.float32)
    return 0.25 * noise + np.linspace(0, 0.75, count, dtype=np.float32)[:, None, None, None]


@dataclass(frozen=True)
class _Values:
    """The lowest and highest value of each channel that a layer was given."""

    layer: str
    low: NDArray[np.float32]
    high: NDArray[np.float32]

    @property
    def largest(self) -> float:
        return float(max(np.abs(self.low).max(), np.abs(self.high).max()))

    @property
    def nearly_one(self) -> bool:
        """Whether no channel says more than one number, and they are not simply cut to one."""
        if not np.isfinite([self.low, self.high]).all():
            return False
        spread, size = self.high - self.low, np.maximum(np.abs(self.low), np.abs(self.high))
        return bool(spread.max() > 0 and (spread <= _FLAT * np.maximum(size, 1)).all())

    def __str__(self) -> str:
        return f"values from {self.low.min():.4g} to {self.high.max():.4g}"


@dataclass
class Given:
    """What the first layer that learns was given, and before it the layers that take their values for bytes."""

    first: _Values | None = None
    for_bytes: list[tuple[Any, _Values]] = field(default_factory=list)

    def note(self, layer: keras.Layer, values: Any) -> None:
        """Take note of a call."""
        if self.first is not None:
            return
        learns = bool(layer._trainable_variables) and not layer._layers  # a model's own may stand beside its layers
        ends: Any = getattr(layer, "value_range", None)
        if not learns and ends is None:
            return
        if not keras.ops.is_tensor(values) or not keras.backend.is_float_dtype(values.dtype) or values.ndim < 2:
            return
        pixels = np.asarray(keras.ops.convert_to_numpy(values), np.float32)
        every = tuple(range(pixels.ndim - 1))
        seen = _Values(layer.name, pixels.min(axis=every), pixels.max(axis=every))
        if learns:
            self.first = seen
        elif np.ndim(ends) == 1 and ends[1] > _BYTES and seen.largest <= 1:
            self.for_bytes.append((ends, seen))

    def check(self) -> None:
        """Refuse what leaves nothing of the pixels.

        Raises:
            BuildError: Says which layer, in words that go on from the model's name.
        """
        for (low, high), seen in self.for_bytes:
            raise BuildError(
                f'has a layer for values from {low:g} to {high:g}, "{seen.layer}", which is given {seen}: make it with '
                "value_range=(0, 1)"
            )
        if self.first is not None and self.first.nearly_one:
            raise BuildError(
                f'makes nearly one number of its pixels, floats from 0 to 1: "{self.first.layer}", the first layer '
                f"that learns, is given {self.first}; leave out what is for bytes (Rescaling, / 255, preprocess_input) "
                "or begin with keras.layers.Rescaling(255)"
            )


@contextmanager
def given_to_layers() -> Iterator[Given]:
    """Take note of what layers are given while a model is called."""
    given, call = Given(), keras.Layer.__call__

    def noting(layer: keras.Layer, *arguments: Any, **options: Any) -> Any:
        if arguments:
            given.note(layer, arguments[0])
        return call(layer, *arguments, **options)

    keras.Layer.__call__ = noting
    try:
        yield given
    finally:
        keras.Layer.__call__ = call
