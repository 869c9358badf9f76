"""A model's layers: output shape, parameters and work of each. Importing this imports Keras."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import altair as alt
import keras

from harness.charts.text import clean, unique_labels
from harness.charts.theme import BLUE, INK, MUTED, ORANGE, Rows, data, styled
from harness.models import layer_table
from harness.timing.flops import layer_flops

_ROW = 17
_NAME_LENGTH = 34
_BAR_WIDTH = 110


@dataclass(frozen=True)
class LayerSummary:
    """One layer.

    Attributes:
        name: Its name; of a layer inside a network, "network/name".
        kind: Its class.
        output_shape: Without the batch; a side that is free is None.
        params: Number of its parameters.
        flops: Floating-point operations for one image, by TensorFlow's profiler, a multiply-add as two; nan where
            the backend has no profiler or the layer belongs to no graph of layers.
    """

    name: str
    kind: str
    output_shape: tuple[int | None, ...]
    params: int
    flops: float


def model_summary(model: keras.Model, *, nested: bool = False) -> list[LayerSummary]:
    """Return a row a layer, in order; a network inside is one row, or its own layers with `nested`."""
    layers = list(_layers(model, nested))
    return [
        LayerSummary(row.name, row.kind, row.output_shape, row.params, layer_flops(layer))
        for row, layer in zip(layer_table(model, nested=nested), layers, strict=True)
    ]


def summary_chart(layers: list[LayerSummary], title: str) -> alt.TopLevelMixin:
    """Return a row a layer: name, kind and output shape as text, parameters and FLOPs as bars with their numbers."""
    names = unique_labels(tuple(layer.name for layer in layers), _NAME_LENGTH)
    rows: Rows = [
        {
            "layer": name,
            "kind": clean(layer.kind),
            "shape": shape_text(layer.output_shape),
            "params": layer.params,
            "flops": layer.flops if math.isfinite(layer.flops) else None,
            "params_text": count_text(layer.params),
            "flops_text": count_text(layer.flops),
        }
        for name, layer in zip(names, layers, strict=True)
    ]
    height = len(rows) * _ROW
    base = alt.Chart(data(rows)).encode(
        y=alt.Y("layer:N", sort=None, axis=None),
        tooltip=["layer:N", "kind:N", "shape:N", "params:Q", "flops:Q"],
    )
    columns = [
        _text(base, "layer", "layer", 190, height, INK),
        _text(base, "kind", "kind", 150, height, MUTED),
        _text(base, "shape", "output shape", 90, height, INK),
        _bars(base, "params", f"parameters: {count_text(sum(layer.params for layer in layers))}", BLUE, height),
        _bars(base, "flops", f"FLOPs: {count_text(_total(layers))}", ORANGE, height),
    ]
    return styled(alt.hconcat(*columns, spacing=4).properties(title=clean(title)))


def shape_text(shape: tuple[int | None, ...]) -> str:
    """Return a shape as people write it.

    >>> shape_text((30, 30, 32))
    '30 x 30 x 32'
    """
    return " x ".join("?" if side is None else str(side) for side in shape)


def count_text(value: float) -> str:
    """Return a number with three significant digits and its unit; nothing where it is not known.

    >>> count_text(315_722), count_text(128), count_text(4.19e6)
    ('316 k', '128', '4.19 M')
    """
    if not math.isfinite(value):
        return ""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            scaled = value / size
            return f"{scaled:.{max(0, 2 - int(math.log10(scaled)))}f}{unit}"
    return f"{value:.0f}"


def _total(layers: list[LayerSummary]) -> float:
    return sum(layer.flops for layer in layers if math.isfinite(layer.flops))


def _layers(model: keras.Model, nested: bool) -> Iterator[Any]:
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        if nested and isinstance(layer, keras.Model):
            yield from _layers(layer, nested)
        else:
            yield layer


def _text(base: alt.Chart, field: str, title: str, width: int, height: int, colour: str) -> alt.Chart:
    return (
        base.mark_text(align="left", baseline="middle", color=colour)
        .encode(x=alt.value(0), text=f"{field}:N")
        .properties(width=width, height=height, title=_title(title))
    )


def _bars(base: alt.Chart, field: str, title: str, colour: str, height: int) -> alt.LayerChart:
    x = alt.X(f"{field}:Q", axis=None, scale=alt.Scale(zero=True, nice=False))
    bars = base.mark_bar(color=colour, height=_ROW - 6).encode(x=x)
    numbers = base.mark_text(align="left", dx=3, fontSize=10, color=INK).encode(x=x, text=alt.Text(f"{field}_text:N"))
    return alt.layer(bars, numbers).properties(width=_BAR_WIDTH, height=height, title=_title(title))


def _title(text: str) -> alt.TitleParams:
    return alt.TitleParams(text, color=INK, fontSize=11, frame="group", offset=4)
