"""One epoch as one TensorFlow graph: gather, augmentation and `model.train_step` without returning to Python.

`model.fit` pays some 3 ms of Python and tf.data for every step of the baseline; here the images stay on the
device as uint8 and the loop over steps is part of the graph. The bits are those of `fit(x[order], shuffle=False)`
of a model compiled with `jit_compile=False`: the graph holds no XLA. With it, `xla_epoch.py` does the same.

For a GPU three things matter, which tests/training/test_device_placement.py holds: images lie in a variable, since
a gather from a variable has a GPU kernel for uint8 and one from a tensor has none (the whole array would go to the
host in every step); labels and the order are int64, since TensorFlow keeps int32 in the host's memory; and nothing in
the loop waits for the device, whose counter of steps lies on the host.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from harness.training.fit_epoch import EVALUATION_BATCH
from harness.training.measured import measured

_SETTLING_STEPS = 96
_SETTLING_CHUNK = 4


class TensorFlowEpoch:
    """Trains and evaluates one compiled model on the images of one dataset.

    Args:
        model: Compiled with the metrics to report.
        images: uint8 [N, H, W, C], or float32 features [N, channels] for a head; copied to the device once.
        labels: int [N].
        classes: Number of classes; labels become one-hot rows of that length.
        batch_size: Images a training step; the last step of an epoch takes what is left.
        evaluation_batch: Images at once where nothing is trained.
        averaging: Whether the weights after each step are summed up, for `mean_weights`.
    """

    _jit = False

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
        self._images = tf.Variable(images, trainable=False)
        self._labels = tf.Variable(labels.astype(np.int64), trainable=False)
        self._classes = classes
        # A variable: dividing by a constant is rewritten as multiplying by its reciprocal, which gives other bits.
        self._white = tf.Variable(255.0, trainable=False)
        self._create_variables()
        _sum_nothing_over_devices(model.optimizer)
        self._batch_size = batch_size
        self._steps = 0
        self._sums: list[tf.Variable] = []
        if averaging:
            self._sums = [tf.Variable(tf.zeros(weight.shape), trainable=False) for weight in model.trainable_variables]
        step = self._train_and_add if averaging else model.train_step
        self._train = self._epoch(step, batch_size)
        self._evaluate = self._epoch(model.test_step, evaluation_batch)
        pictures = tf.TensorSpec([None, *images.shape[1:]], self._images.dtype)
        self._predict = tf.function(self._forward, input_signature=[pictures], jit_compile=self._jit)

    def train(self, order: NDArray[np.integer]) -> dict[str, float]:
        """Train one epoch on the images `order` names, in that order; return loss and metrics over the epoch."""
        for total in self._sums:
            total.assign(tf.zeros_like(total))
        self._steps = -(-len(order) // self._batch_size)
        return self._run(self._train, order)

    def mean_weights(self) -> list[NDArray[np.float32]]:
        """Return the mean of each trainable variable over the steps of the last epoch trained."""
        return [total.numpy() / np.float32(self._steps) for total in self._sums]

    def evaluate(self, indices: NDArray[np.integer]) -> dict[str, float]:
        """Return loss and metrics on the images `indices` names."""
        return self._run(self._evaluate, indices)

    def predict(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Return the model's output for each image: float32 [N, classes]."""
        batch = self.evaluation_batch
        outputs = [self._predict(images[start : start + batch]).numpy() for start in range(0, len(images), batch)]
        return np.concatenate(outputs)

    def run_block(self, order: NDArray[np.integer]) -> None:
        """Train on the images `order` names and return when the device has finished; metrics are not read."""
        self._train(order.astype(np.int64))
        # Reading a value back waits for the device: on a GPU the call above only queues the work.
        self.model.optimizer.iterations.numpy()

    def settle(self, limit_s: float) -> None:
        """Train until the executor knows which operations are cheap, or the limit has passed.

        TensorFlow takes every operation to cost 1e8 cycles at first, queues the costly ones for a thread, and moves
        its estimate by a tenth a step: some 90 steps until 8,000 cycles, its threshold (tensorflow/core/common_runtime,
        KernelStats). Steps before that are 1 % slower, more where operations run at once. They are whole batches: after
        smaller ones, which take half of the time, builds differ by some 2 % for hundreds of steps (docs/statistics.md).
        """
        started = time.perf_counter()
        for _ in range(_SETTLING_STEPS // _SETTLING_CHUNK):
            if time.perf_counter() - started >= limit_s:
                break
            self.run_block(np.zeros(_SETTLING_CHUNK * self._batch_size, np.int64))

    def trace(self) -> None:
        """Trace the training and evaluation graphs now, so that the first epoch's time holds none of it."""
        self._train.get_concrete_function()
        self._evaluate.get_concrete_function()

    def compile_for(self, trained: int, evaluated: int) -> None:
        """Nothing: a graph serves any number of images."""

    def _run(self, function: Callable[[NDArray[np.int64]], Any], order: NDArray[np.integer]) -> dict[str, float]:
        self.model.reset_metrics()
        function(order.astype(np.int64))
        return measured(self.model)

    def _epoch(self, step: Callable[..., Any], batch_size: int) -> Any:
        """Return what takes a step for each batch of an order of images."""
        return tf.function(self._loop(step, batch_size), input_signature=[tf.TensorSpec([None], tf.int64)])

    def _loop(self, step: Callable[..., Any], batch_size: int) -> Callable[..., None]:
        def epoch(order: tf.Tensor) -> None:
            count = tf.shape(order)[0]

            def body(start: tf.Tensor) -> tuple[tf.Tensor]:
                step(self._batch(order[start : start + batch_size]))
                return (start + batch_size,)

            tf.while_loop(lambda start: start < count, body, (tf.constant(0),), parallel_iterations=1)

        return epoch

    def _batch(self, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x = self._to_pixels(tf.gather(self._images, indices))
        return x, tf.one_hot(tf.gather(self._labels, indices), self._classes)

    def _train_and_add(self, batch: tuple[tf.Tensor, tf.Tensor]) -> None:
        self.model.train_step(batch)
        for total, weight in zip(self._sums, self.model.trainable_variables, strict=True):
            total.assign_add(tf.cast(weight.value, tf.float32))

    def _forward(self, images: tf.Tensor) -> tf.Tensor:
        return self.model(self._to_pixels(images), training=False)

    def _create_variables(self) -> None:
        # Optimizer and metrics make their variables at first use, which a graph's loop does not allow.
        self.model.optimizer.build(self.model.trainable_variables)
        x = self._to_pixels(self._images[:1])
        self.model.test_step((x, tf.one_hot(self._labels[:1], self._classes)))
        self.model.reset_metrics()

    def _to_pixels(self, images: tf.Tensor) -> tf.Tensor:
        return tf.cast(images, tf.float32) / self._white if images.dtype == tf.uint8 else images


def _sum_nothing_over_devices(optimizer: Any) -> None:
    """Let an optimizer, and the one it wraps, take gradients as they are: a trial has one device.

    Keras sums them over devices by TensorFlow's `all_reduce`, which registers a gradient of its own that is never
    taken out again, and holds the whole graph: 8 MiB for each model that is built, however small. The sum over one
    device changes no bit. A method of the user's own in its place stays: it may do more.
    """
    seen: list[Any] = []  # an own one may lead back to itself
    while optimizer is not None and all(optimizer is not one for one in seen):
        method = getattr(optimizer, "_all_reduce_sum_gradients", None)
        if method is not None and getattr(method, "__func__", None) is keras.Optimizer._all_reduce_sum_gradients:
            optimizer._all_reduce_sum_gradients = list
        seen.append(optimizer)
        optimizer = getattr(optimizer, "inner_optimizer", None)
