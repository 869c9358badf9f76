"""One epoch as few compiled JAX loops: gather, augmentation and `model.train_step` without returning to Python.

`model.fit` returns to Python for every step, some 1.2 ms on a GPU that was busy for an eighth of it. Here images stay
on the device as uint8, and one executable serves epochs of every length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import keras
import numpy as np
from numpy.typing import NDArray

from harness.training.chunks import chunk_kinds, chunks
from harness.training.fit_epoch import EVALUATION_BATCH
from harness.training.measured import measured

State = tuple[list[jax.Array], ...]


class JaxEpoch:
    """Trains and evaluates one compiled model on the images of one dataset; arguments as for `TensorFlowEpoch`."""

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
        self._classes = classes
        self._batch_size = batch_size
        self.evaluation_batch = evaluation_batch
        self._data = jax.device_put((images, labels.astype(np.int32), np.float32(255)))
        self._step_count = 0
        self._sums = [
            keras.Variable(np.zeros(weight.shape, np.float32), trainable=False)
            for weight in (model.trainable_variables if averaging else ())
        ]
        step = self._train_and_add if averaging else model.train_step
        self._train = jax.jit(self._steps(step), static_argnames="size")
        self._evaluate = jax.jit(self._steps(model.test_step), static_argnames="size")
        self._predict = jax.jit(self._forward)
        self._block_state: State | None = None
        self._create_variables()

    def train(self, order: NDArray[np.integer]) -> dict[str, float]:
        """Train one epoch on the images `order` names, in that order; return loss and metrics over the epoch."""
        for total in self._sums:
            total.assign(np.zeros(total.shape, np.float32))
        self._step_count = -(-len(order) // self._batch_size)
        return self._run(self._train, order, self._batch_size, *self._training_state())

    def mean_weights(self) -> list[NDArray[np.float32]]:
        """Return the mean of each trainable variable over the steps of the last epoch trained."""
        return [np.asarray(total.value, np.float32) / np.float32(self._step_count) for total in self._sums]

    def evaluate(self, indices: NDArray[np.integer]) -> dict[str, float]:
        """Return loss and metrics on the images `indices` names."""
        groups = (*self._weights(), self.model.metrics_variables)
        return self._run(self._evaluate, indices, self.evaluation_batch, *groups)

    def predict(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Return the model's output for each image: float32 [N, classes]."""
        weights = _values(*self._weights())
        starts = range(0, len(images), self.evaluation_batch)
        outputs = [self._predict(weights, images[start : start + self.evaluation_batch]) for start in starts]
        return np.concatenate([np.asarray(output, np.float32) for output in outputs])

    def run_block(self, order: NDArray[np.integer]) -> None:
        """Train on the images `order` names and return when the device has finished; the model's variables stay."""
        if self._block_state is None:
            self._block_state = _values(*self._training_state())
        self._block_state = jax.block_until_ready(
            self._all_steps(self._train, self._block_state, order, self._batch_size)
        )

    def settle(self, limit_s: float) -> None:
        """Nothing: what slows the first steps is TensorFlow's executor."""

    def trace(self) -> None:
        """Nothing: JAX compiles when it knows the sizes."""

    def compile_for(self, trained: int, evaluated: int) -> None:
        """Compile what takes epochs of so many images, by taking no step of them."""
        self._compile(self._train, trained, self._batch_size, *self._training_state())
        self._compile(self._evaluate, evaluated, self.evaluation_batch, *self._weights(), self.model.metrics_variables)

    def _compile(self, function: Callable[..., State], images: int, size: int, *groups: Any) -> None:
        for indices, one in chunk_kinds(images, size):
            jax.block_until_ready(function(_values(*groups), self._data, indices.astype(np.int32), 0, size=one))

    def _run(
        self, function: Callable[..., State], order: NDArray[np.integer], size: int, *groups: Any
    ) -> dict[str, float]:
        self.model.reset_metrics()
        for variables, values in zip(groups, self._all_steps(function, _values(*groups), order, size), strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        return measured(self.model)

    def _all_steps(self, function: Callable[..., State], state: State, order: NDArray[np.integer], size: int) -> State:
        for indices, steps, images in chunks(order, size):
            state = function(state, self._data, indices.astype(np.int32), steps, size=images)
        return state

    def _steps(self, step: Callable[..., Any]) -> Callable[..., State]:
        def steps(state: State, data: tuple[jax.Array, ...], order: jax.Array, count: int, size: int) -> State:
            images, labels, white = data

            def one(number: jax.Array, state: State) -> State:
                batch = jax.lax.dynamic_slice_in_dim(order, number * size, size)
                x = _to_pixels(images[batch], white)
                stepped: State = step(state, (x, jax.nn.one_hot(labels[batch], self._classes)))[1]
                return stepped

            result: State = jax.lax.fori_loop(0, count, one, state)
            return result

        return steps

    def _forward(self, weights: State, images: jax.Array) -> jax.Array:
        pixels = _to_pixels(images, np.float32(255))
        output: jax.Array = self.model.stateless_call(*weights, pixels, training=False)[0]
        return output

    def _weights(self) -> tuple[Any, Any]:
        return self.model.trainable_variables, self.model.non_trainable_variables

    def _training_state(self) -> tuple[Any, ...]:
        model = self.model
        state = (*self._weights(), model.optimizer.variables, model.metrics_variables)
        return (*state, self._sums) if self._sums else state

    def _train_and_add(self, state: State, batch: tuple[jax.Array, jax.Array]) -> tuple[Any, State]:
        *before, sums = state
        logs, after = self.model.train_step(tuple(before), batch)
        sums = [total + weight.astype(np.float32) for total, weight in zip(sums, after[0], strict=True)]
        return logs, (*after, sums)

    def _create_variables(self) -> None:
        # Optimizer and metrics make their variables at first use, which a compiled loop does not allow.
        model, (images, labels, white) = self.model, self._data
        model.optimizer.build(model.trainable_variables)
        x, y = _to_pixels(images[:1], white), jax.nn.one_hot(labels[:1], self._classes)
        output = model(x, training=False)
        model.compute_loss(x, y, output)
        model.compute_metrics(x, y, output)
        model.reset_metrics()


def _values(*groups: Any) -> State:
    return tuple([variable.value for variable in variables] for variables in groups)


def _to_pixels(images: jax.Array, white: Any) -> jax.Array:
    return images.astype(np.float32) / white if images.dtype == np.uint8 else images
