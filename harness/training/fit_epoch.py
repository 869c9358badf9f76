"""One epoch through `model.fit`: for PyTorch, and for JAX on a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from harness.training.measured import measured

EVALUATION_BATCH = 250


class FitEpoch:
    """Trains and evaluates one compiled model on the images of one dataset; any Keras backend.

    Arguments as for `TensorFlowEpoch`, which gives the same numbers faster.
    """

    def __init__(
        self,
        model: keras.Model,
        images: NDArray[Any],
        labels: NDArray[np.int64],
        *,
        classes: int,
        batch_size: int,
        evaluation_batch: int = EVALUATION_BATCH,
        averaging: bool = False,
    ) -> None:
        self.model = model
        self.evaluation_batch = evaluation_batch
        self._images = images
        self._one_hot = np.eye(classes, dtype=np.float32)[labels]
        self._batch_size = batch_size
        self._mean = _MeanWeights() if averaging else None
        model.optimizer.build(model.trainable_variables)
        self.evaluate(np.arange(1))  # makes the metrics' variables
        model.reset_metrics()

    def train(self, order: NDArray[np.integer]) -> dict[str, float]:
        """Train one epoch on the images `order` names, in that order; return loss and metrics over the epoch."""
        x, y = to_pixels(self._images[order]), self._one_hot[order]
        callbacks = [self._mean] if self._mean else None
        with _trained_on(self.model.optimizer):
            self.model.fit(x, y, batch_size=self._batch_size, shuffle=False, verbose=0, callbacks=callbacks)
        return measured(self.model)

    def mean_weights(self) -> list[NDArray[np.float32]]:
        """Return the mean of each trainable variable over the steps of the last epoch trained."""
        return self._mean.values() if self._mean else []

    def run_block(self, order: NDArray[np.integer]) -> None:
        """Train on the images `order` names and return when the device has finished."""
        self.train(order)

    def settle(self, limit_s: float) -> None:
        """Nothing: what slows the first steps is TensorFlow's executor; whether others do was not measured."""

    def trace(self) -> None:
        """Go through the model's training once without numbers; `fit` traces at its first call."""
        self.model(keras.Input(self._images.shape[1:]), training=True)

    def compile_for(self, trained: int, evaluated: int) -> None:
        """Nothing: Keras compiles at the first step."""

    def evaluate(self, indices: NDArray[np.integer]) -> dict[str, float]:
        """Return loss and metrics on the images `indices` names."""
        x, y = to_pixels(self._images[indices]), self._one_hot[indices]
        self.model.evaluate(x, y, batch_size=self.evaluation_batch, verbose=0)
        return measured(self.model)

    def predict(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Return the model's output for each image: float32 [N, classes]."""
        output = self.model.predict(to_pixels(images), batch_size=self.evaluation_batch, verbose=0)
        return np.asarray(output, np.float32)


@contextmanager
def _trained_on(optimizer: keras.Optimizer) -> Iterator[None]:
    """Let a `fit` of one epoch among several leave the weights that the next one trains on from: see `finalized`."""
    optimizer.finalize_variable_values = lambda trainable_weights: None
    try:
        yield
    finally:
        del optimizer.finalize_variable_values


class _MeanWeights(keras.callbacks.Callback):  # type: ignore[misc]
    """Sums up the trainable variables after every step of an epoch, where they lie."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._steps = 0
        self._sums: list[Any] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # `self.model` puts JAX's state of the step into the variables.
        weights = [
            keras.ops.cast(keras.ops.stop_gradient(variable.value), "float32")
            for variable in self.model.trainable_variables
        ]
        self._sums = [
            keras.ops.add(*pair) for pair in zip(self._sums or map(keras.ops.zeros_like, weights), weights, strict=True)
        ]
        self._steps += 1

    def values(self) -> list[NDArray[np.float32]]:
        return [keras.ops.convert_to_numpy(total) / np.float32(self._steps) for total in self._sums]


def to_pixels(images: NDArray[Any]) -> NDArray[np.float32]:
    """Return uint8 pictures as fractions of 1; features as they are."""
    return images.astype(np.float32) / np.float32(255) if images.dtype == np.uint8 else images
