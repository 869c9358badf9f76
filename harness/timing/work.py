"""Work and peak: floating-point operations of a model, and what this machine's matrix product reaches."""

from __future__ import annotations

import contextlib
import io
import time

import keras
import numpy as np

NAN = float("nan")
_GEMM_SIZE = 2048
_GEMM_REPEATS = 4


def forward_flops(model: keras.Model) -> float:
    """Return the floating-point operations to predict one image, by TensorFlow's profiler; nan elsewhere.

    A multiply-add counts as two. Operations that the profiler has no rule for count as none.
    """
    if keras.backend.backend() != "tensorflow":
        return NAN
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    forward = tf.function(lambda image: model(image, training=False))
    function = forward.get_concrete_function(tf.TensorSpec([1, *model.input_shape[1:]], tf.float32))
    frozen = convert_variables_to_constants_v2(function)
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    with contextlib.redirect_stdout(io.StringIO()):
        profile = tf.compat.v1.profiler.profile(frozen.graph, options=options)
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
