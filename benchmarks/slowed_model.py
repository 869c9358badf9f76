"""The baseline with extra work in each forward pass: what a timer must find."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from harness.models.cnn import build_cnn
from harness.variants import BASELINE, Variant

_SINES = 8


def build(variant: Variant, input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build the baseline behind a layer that takes sines of `options={"rounds": ...}` thousand numbers."""
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
        values = tf.linspace(0.0, 1.0, 1000 * self.rounds) + tf.reduce_sum(images[0, 0, 0])
        for _ in range(_SINES):
            values = tf.sin(values)
        return images + tf.stop_gradient(1e-30 * tf.reduce_sum(values))
