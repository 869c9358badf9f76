"""The baseline with extra work of known cost in each forward pass: what a timer must find."""

from __future__ import annotations

import time
from typing import Any

import keras
import tensorflow as tf

from harness.models.cnn import build_cnn
from harness.variants import BASELINE, Variant

_SIZE = 96  # of a matrix; one product takes some 10 us


def build(variant: Variant, input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build the baseline behind a layer that multiplies matrices `options={"products": ...}` times."""
    cnn = build_cnn(BASELINE, input_shape, classes, 1)
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, cnn(Extra(int(variant.option("products", 0)))(inputs)))


class Extra(keras.layers.Layer):  # type: ignore[misc]
    """Passes its input on after a chain of matrix products, in front of everything else in the graph."""

    def __init__(self, products: int, **options: Any) -> None:
        super().__init__(**options)
        self.products = products

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Work, then return the images."""
        with tf.control_dependencies([extra_work(tf.reduce_sum(images[0, 0, 0]), self.products)]):
            return tf.identity(images)


def extra_work(start: tf.Tensor, products: int) -> tf.Tensor:
    """Return a chain of matrix products that starts from a number, so that it is no constant to fold."""
    matrix = tf.eye(_SIZE) * (0.5 + 1e-6 * start)
    result = matrix
    for _ in range(products):
        result = tf.matmul(result, matrix)
    return result


def cost_us(products: int, calls: int = 300) -> float:
    """Return what such a chain really costs inside a graph."""

    @tf.function
    def loop(start: tf.Tensor) -> tf.Tensor:
        def body(number: tf.Tensor) -> tuple[tf.Tensor]:
            with tf.control_dependencies([extra_work(start + tf.cast(number, tf.float32), products)]):
                return (number + 1,)

        return tf.while_loop(lambda number: number < calls, body, (tf.constant(0),), parallel_iterations=1)

    loop(tf.constant(0.0))
    started = time.perf_counter()
    loop(tf.constant(1.0))
    return (time.perf_counter() - started) * 1e6 / calls
