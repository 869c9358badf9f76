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

from harness.training.chunks import chunk_kinds, chunks
from harness.training.tensorflow_epoch import TensorFlowEpoch


class XlaEpoch(TensorFlowEpoch):
    """Trains and evaluates one compiled model on the images of one dataset; arguments as for `TensorFlowEpoch`."""

    _jit = True

    def settle(self, limit_s: float) -> None:
        """Nothing: what slows the first steps is TensorFlow's executor."""

    def trace(self) -> None:
        """Nothing: XLA compiles when it knows the sizes."""

    def compile_for(self, trained: int, evaluated: int) -> None:
        """Compile what takes epochs of so many images, by taking no step of them."""
        self._train.compile_for(trained)
        self._evaluate.compile_for(evaluated)

    def _epoch(self, step: Callable[..., Any], batch_size: int) -> _Program:
        def steps(order: tf.Tensor, count: tf.Tensor, size: int) -> None:
            def body(number: tf.Tensor) -> tuple[tf.Tensor]:
                step(self._batch(tf.slice(order, [number * size], [size])))
                return (number + 1,)

            tf.while_loop(lambda number: number < count, body, (tf.constant(0),), parallel_iterations=1)

        return _Program(tf.function(steps, jit_compile=True), batch_size)


class _Program:
    """Takes the steps of an order of images; XLA compiles it once for whole steps, and once for each rest."""

    def __init__(self, steps: Callable[[tf.Tensor, tf.Tensor, int], None], batch_size: int) -> None:
        self._steps = steps
        self._batch_size = batch_size

    def __call__(self, order: NDArray[np.int64]) -> None:
        for indices, count, size in chunks(order, self._batch_size):
            self._steps(tf.constant(indices), tf.constant(count), size)

    def compile_for(self, images: int) -> None:
        for indices, size in chunk_kinds(images, self._batch_size):
            self._steps(tf.constant(indices), tf.constant(0), size)
