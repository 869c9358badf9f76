"""Work and peak: floating-point operations of a model, and what this machine's matrix product reaches."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from harness.results.records import NAN

_GEMM_SIZE = 2048
_GEMM_REPEATS = 4


def forward_flops(model: keras.Model, input_shape: Sequence[int]) -> float:
    """Return the floating-point operations to predict one image, by TensorFlow's profiler; nan elsewhere.

    A multiply-add counts as two. Operations that the profiler has no rule for count as none. The shape is asked for,
    since a model of a class of one's own knows none. nan where a model of one's own takes no single image.
    """
    try:
        return _profiled(lambda image: model(image, training=False), [(None, *input_shape)])
    except Exception:  # of the user's code; a figure beside step times is not to cost them
        return NAN


def layer_flops(layer: keras.Layer) -> float:
    """Return the same for one layer of a built model; nan where the layer belongs to no graph of layers."""
    try:
        inputs = layer.input
    except (AttributeError, ValueError):
        return NAN
    several = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]

    def forward(*values: Any) -> Any:
        return layer(list(values) if len(values) > 1 else values[0])

    return _profiled(forward, [tensor.shape for tensor in several])


def _profiled(forward: Callable[..., Any], shapes: Sequence[Sequence[int | None]]) -> float:
    if keras.backend.backend() != "tensorflow":
        return NAN
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    specs = [tf.TensorSpec([1, *shape[1:]], tf.float32) for shape in shapes]
    traced = tf.function(forward).get_concrete_function(*specs)
    if traced.graph.as_graph_def().library.function:
        # The profiler does not look into functions that a graph calls. This writes them out, and copies every weight
        # into the graph: seconds for a large backbone.
        traced = convert_variables_to_constants_v2(traced)
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    with contextlib.redirect_stdout(io.StringIO()):
        profile = tf.compat.v1.profiler.profile(traced.graph, options=options)
    return float(profile.total_float_ops)


def gemm_peak_flops_per_s() -> float:
    """Return what a square float32 matrix product of this process reaches: the best of a few, in FLOP/s."""
    rng = np.random.default_rng(0)
    matrix = keras.ops.convert_to_tensor(rng.standard_normal((_GEMM_SIZE, _GEMM_SIZE), dtype=np.float32))
    best = float("inf")
    for _ in range(_GEMM_REPEATS):
        started = time.perf_counter()
        # Reading one value back waits for the device.
        float(keras.ops.matmul(matrix, matrix)[0, 0])
        best = min(best, time.perf_counter() - started)
    return 2.0 * _GEMM_SIZE**3 / best
