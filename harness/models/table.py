"""A model as a table: one row a layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class LayerInfo:
    """One layer: its output's shape without the batch (None where a side is free), and its parameters."""

    name: str
    kind: str
    output_shape: tuple[int | None, ...]
    params: int


def layer_table(model: keras.Model, *, nested: bool = False) -> list[LayerInfo]:
    """Return the layers in order; a model inside is one row, or its own layers if `nested`."""
    return list(_rows(model, nested, ""))


def _rows(model: keras.Model, nested: bool, prefix: str) -> Iterator[LayerInfo]:
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        if nested and isinstance(layer, keras.Model):
            yield from _rows(layer, nested, f"{prefix}{layer.name}/")
            continue
        yield LayerInfo(prefix + layer.name, type(layer).__name__, _shape(layer), layer.count_params())


def _shape(layer: Any) -> tuple[int | None, ...]:
    try:
        output = layer.output
    except (AttributeError, ValueError):  # a layer of a subclassed model, which belongs to no graph
        return ()
    first = output[0] if isinstance(output, (list, tuple)) else output
    return tuple(first.shape[1:])
