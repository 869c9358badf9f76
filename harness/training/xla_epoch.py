"""One epoch as few programs that XLA compiled: for models that Keras compiles with it, as `fit` does on a GPU.

TensorFlow's own executor starts each operation of a step from the host, some 3 ms a step for the baseline on a GPU that
was busy for a third of it: step times were the host's. XLA fuses a step into few kernels, and loops over steps itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from harness.training.chunks import chunks
from harness.training.tensorflow_epoch import TensorFlowEpoch


class XlaEpoch(TensorFlowEpoch):
    """Trains and evaluates one compiled model on the images of one dataset; arguments as for `TensorFlowEpoch`."""

    _jit = True

    def settle(self, limit_s: float) -> None:
        """Nothing: what slows the first steps is TensorFlow's executor."""

    def trace(self) -> None:
        """Nothing: XLA compiles at the first call, when it knows the sizes."""

    def _epoch(self, step: Callable[..., Any], batch_size: int) -> Any:
        def steps(order: tf.Tensor, count: tf.Tensor, size: int) -> None:
            def body(number: tf.Tensor) -> tuple[tf.Tensor]:
                step(self._batch(tf.slice(order, [number * size], [size])))
                return (number + 1,)

            tf.while_loop(lambda number: number < count, body, (tf.constant(0),), parallel_iterations=1)

        program = tf.function(steps, jit_compile=True)

        def epoch(order: NDArray[np.int64]) -> None:
            for indices, count, size in chunks(order, batch_size):
                program(tf.constant(indices), tf.constant(count), size)

        return epoch
