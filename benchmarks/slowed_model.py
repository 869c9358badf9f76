"""The baseline with extra work in each forward pass: what a timer must find."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from harness.models.cnn import build_cnn
from harness.variants import BASELINE, Variant

# So few numbers stay in one core's nearest cache and are not shared out among threads.
_NUMBERS = 2048


def build(variant: Variant, input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build the baseline behind a layer that takes sines over and over, `options={"rounds": ...}` times."""
    cnn = build_cnn(BASELINE, input_shape, classes, 1)
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, cnn(Extra(int(variant.option("rounds", 0)))(inputs)))


class Extra(keras.layers.Layer):  # type: ignore[misc]
    """Passes its input on after a chain of work that everything else in the graph has to wait for."""

    def __init__(self, rounds: int, **options: Any) -> None:
        super().__init__(**options)
        self.rounds = rounds

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Work, then return the images."""
        # Starts from an image, so that it is no constant to fold, and is used, if only for next to nothing: work that
        # nobody reads is pruned from the graph.
        start = tf.linspace(0.0, 1.0, _NUMBERS) + tf.reduce_sum(images[0, 0, 0])
        # A loop, not a chain of that many operations, which would take seconds to trace.
        _, end = tf.while_loop(
            lambda number, _: number < self.rounds,
            lambda number, values: (number + 1, tf.sin(values)),
            (tf.constant(0), start),
            parallel_iterations=1,
        )
        return images + tf.stop_gradient(1e-30 * tf.reduce_sum(end))
