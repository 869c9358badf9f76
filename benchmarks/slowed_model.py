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
        # Used, if only for next to nothing: work that nobody reads is pruned from the graph.
        return images + 1e-30 * extra_work(tf.reduce_sum(images[0, 0, 0]), self.products)


def extra_work(start: tf.Tensor, products: int) -> tf.Tensor:
    """Return the sum of a chain of matrix products that starts from a number, so that it is no constant to fold."""
    matrix = tf.eye(_SIZE) * (0.5 + 1e-6 * start)
    result = matrix
    for _ in range(products):
        result = tf.matmul(result, matrix)
    return tf.reduce_sum(result)


def cost_us(products: int, calls: int = 300) -> float:
    """Return what such a chain really costs inside a graph."""

    @tf.function
    def loop(start: tf.Tensor) -> tf.Tensor:
        def body(number: tf.Tensor, value: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return number + 1, 1e-30 * extra_work(value, products) + start

        return tf.while_loop(lambda number, _: number < calls, body, (tf.constant(0), start), parallel_iterations=1)

    loop(tf.constant(0.0))
    started = time.perf_counter()
    loop(tf.constant(1.0))
    return (time.perf_counter() - started) * 1e6 / calls
