"""What a model does to its pixels before a layer learns from them.

Floats from 0 to 1 that are divided once more are nearly one number; an augmentation that adds or fills in values up to
255 makes noise of them. Both are found by what they do, not by their names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from harness.variants.sources import BuildError

# Of values that differ by less than this part of their size, or of 1, a layer learns next to nothing.
_FLAT = 1 / 32
# How many times as much 255 times the pixels are after a division: about 255, where a sigmoid or the like follows less.
_AS_MUCH = (128, 512)
# A layer whose `value_range` is that many times as wide as what it is given may take it for bytes.
_WIDE = 16
# So much of the range of what a layer is given must its outputs differ to be noise, in one of so many draws.
_NOISE = 1 / 8
_DRAWS, _PICTURES = 4, 16


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
    def spread(self) -> NDArray[np.float32]:
        return self.high - self.low

    @property
    def nearly_one(self) -> bool:
        """Whether no channel says more than one number, and they are not simply cut to one."""
        if not np.isfinite([self.low, self.high]).all():
            return False
        size = np.maximum(np.abs(self.low), np.abs(self.high))
        return bool(self.spread.max() > 0 and (self.spread <= _FLAT * np.maximum(size, 1)).all())

    def __str__(self) -> str:
        return f"values from {self.low.min():.4g} to {self.high.max():.4g}"


@dataclass
class Given:
    """What the first layer with weights was given, and before it the layers that take their values for bytes."""

    first: _Values | None = None
    for_bytes: list[tuple[keras.Layer, NDArray[np.float32]]] = field(default_factory=list)

    def note(self, layer: keras.Layer, values: Any) -> None:
        """Take note of a call."""
        if self.first is not None:
            return
        learns = bool(layer._trainable_variables) and not layer._layers  # a model's own may stand beside its layers
        ends: Any = getattr(layer, "value_range", None)
        if not learns and np.shape(ends) != (2,):
            return
        if not keras.ops.is_tensor(values) or not keras.backend.is_float_dtype(values.dtype) or values.ndim < 2:
            return
        pixels = np.asarray(keras.ops.convert_to_numpy(values), np.float32)
        if learns:
            every = tuple(range(pixels.ndim - 1))
            self.first = _Values(layer.name, pixels.min(axis=every), pixels.max(axis=every))
        elif ends[1] - ends[0] > _WIDE * np.ptp(pixels) > 0:
            self.for_bytes.append((layer, pixels))

    def check(self, brighter: Callable[[], Given]) -> None:
        """Refuse what leaves nothing of the pixels.

        Args:
            brighter: Returns what the layers are given of the same pictures, all their values times 255.

        Raises:
            BuildError: Says which layer, in words that go on from the model's name.
        """
        for layer, pixels in self.for_bytes:
            low, high = _range_of(pixels)
            if _makes_noise(layer, pixels, (low, high)):
                ends: Any = layer.value_range
                raise BuildError(
                    f'has a layer for values from {ends[0]:g} to {ends[1]:g}, "{layer.name}", which is given values '
                    f"from {pixels.min():.4g} to {pixels.max():.4g}, and spoils them in training: make it with "
                    f"value_range=({low}, {high})"
                )
        if self.first is not None and self.first.nearly_one and _as_much(self.first, brighter().first):
            raise BuildError(
                f'makes nearly one number of its pixels, floats from 0 to 1: "{self.first.layer}", the first layer '
                f"with weights, is given {self.first}; leave out what is for bytes (Rescaling, / 255, "
                "preprocess_input) or begin with keras.layers.Rescaling(255)"
            )


@contextmanager
def given_to_layers() -> Iterator[Given]:
    """Take note of what layers are given while a model is called."""
    given, call = Given(), keras.Layer.__call__

    def noting(layer: keras.Layer, *arguments: Any, **options: Any) -> Any:
        values = next(iter((*arguments, *(value for value in options.values() if keras.ops.is_tensor(value)))), None)
        given.note(layer, values)
        return call(layer, *arguments, **options)

    keras.Layer.__call__ = noting
    try:
        yield given
    finally:
        keras.Layer.__call__ = call


def _range_of(pixels: NDArray[np.float32]) -> tuple[int, int]:
    """Return the whole numbers that values lie between."""
    return math.floor(pixels.min()), math.ceil(pixels.max())


def _makes_noise(layer: keras.Layer, pixels: NDArray[np.float32], ends: tuple[int, int]) -> bool:
    """Whether a layer's pictures in training are others than those that it makes with the range of what it is given.

    One that draws nothing does the same in the test, and one that cannot be made again from its configuration is let
    pass.
    """
    pictures = np.tile(pixels, (-(-_PICTURES // len(pixels)), *(1 for _ in pixels.shape[1:])))
    try:
        config = layer.get_config()
        for seed in range(_DRAWS if "seed" in config else 0):
            own = {name: value if name != "seed" else seed for name, value in config.items()}
            as_it_is, as_given = (
                keras.ops.convert_to_numpy(type(layer).from_config(one)(pictures, training=True)).clip(*ends)
                for one in (own, {**own, "value_range": ends})
            )
            if np.abs(as_it_is - as_given).max() > _NOISE * (ends[1] - ends[0]):
                return True
    except Exception:
        return False
    return False


def _as_much(values: _Values, brighter: _Values | None) -> bool:
    """Whether values grow with the pixels, as after a division, and not after one by their own size."""
    least, most = _AS_MUCH
    if brighter is None or brighter.spread.shape != values.spread.shape:
        return True
    varied = values.spread > 0
    # The median, as among the channels of a softmax some grow as much by chance.
    return bool(least <= np.median(brighter.spread[varied] / values.spread[varied]) <= most)
