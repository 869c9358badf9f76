"""Layers that Keras lacks."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="harness")
class SumPooling2D(keras.layers.AveragePooling2D):  # type: ignore[misc]
    """Sum over each window: the average times the window's area."""

    def call(self, inputs: Any) -> Any:
        """Return the sums, of shape (batch, rows, columns, channels)."""
        rows, columns = self.pool_size
        return super().call(inputs) * (rows * columns)
