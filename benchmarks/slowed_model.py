"""The baseline with a pause of known length in each forward pass: what a timer must find."""

from __future__ import annotations

import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from harness.models.cnn import build_cnn
from harness.variants import BASELINE, Variant


def build(variant: Variant, input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build the baseline behind a layer that busy-waits `options={"pause_us": ...}`."""
    cnn = build_cnn(BASELINE, input_shape, classes, 1)
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, cnn(Pause(float(variant.option("pause_us", 0.0)))(inputs)))


class Pause(keras.layers.Layer):  # type: ignore[misc]
    """Passes its input on after a busy wait, in front of everything else in the graph."""

    def __init__(self, pause_us: float, **options: Any) -> None:
        super().__init__(**options)
        self.pause_us = pause_us

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Wait, then return the images."""
        with tf.control_dependencies([pause_op(self.pause_us)]):
            return tf.identity(images)


def pause_op(pause_us: float) -> tf.Tensor:
    """Return an operation that busy-waits inside Python."""
    return tf.numpy_function(lambda: _spin(pause_us), [], tf.float32)


def cost_us(pause_us: float, calls: int = 400) -> float:
    """Return what one such operation really costs in a graph, its way into Python included."""

    @tf.function
    def loop() -> tf.Tensor:
        def body(number: tf.Tensor) -> tuple[tf.Tensor]:
            with tf.control_dependencies([pause_op(pause_us)]):
                return (number + 1,)

        return tf.while_loop(lambda number: number < calls, body, (tf.constant(0),), parallel_iterations=1)

    loop()
    started = time.perf_counter()
    loop()
    return (time.perf_counter() - started) * 1e6 / calls


def _spin(pause_us: float) -> np.float32:
    until = time.perf_counter_ns() + int(pause_us * 1e3)
    while time.perf_counter_ns() < until:
        pass
    return np.float32(0)
