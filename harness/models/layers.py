"""Layers that Keras lacks."""

from __future__ import annotations

from typing import Any, Literal

import keras

PixelForm = Literal["tf", "raw", "caffe"]

# The mean colour of ImageNet, blue first, which Caffe's networks were trained without.
_MEAN_BGR = (103.939, 116.779, 123.68)


@keras.saving.register_keras_serializable(package="harness")
class SumPooling2D(keras.layers.AveragePooling2D):  # type: ignore[misc]
    """Sum over each window: the average times the window's area."""

    def call(self, inputs: Any) -> Any:
        """Return the sums, of shape (batch, rows, columns, channels)."""
        rows, columns = self.pool_size
        return super().call(inputs) * (rows * columns)


@keras.saving.register_keras_serializable(package="harness")
class BackbonePixels(keras.layers.Layer):  # type: ignore[misc]
    """Pixels from 0 to 1 as a network of keras.applications wants them.

    "tf": from -1 to 1. "raw": from 0 to 255. "caffe": from 0 to 255, blue first, less ImageNet's mean colour.
    """

    def __init__(self, form: PixelForm, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.form = form

    def call(self, inputs: Any) -> Any:
        """Return the prepared pixels, of the same shape."""
        if self.form == "tf":
            return inputs * 2.0 - 1.0
        if self.form == "raw":
            return inputs * 255.0
        return keras.ops.flip(inputs, axis=-1) * 255.0 - keras.ops.array(_MEAN_BGR, dtype=inputs.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {**super().get_config(), "form": self.form}
