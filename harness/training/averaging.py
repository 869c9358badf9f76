"""The mean of a model's weights over an epoch's steps, put into the model for as long as it is measured.

Steps of one size move the weights about a valley whose middle is better than most places on its sides, so that their
mean depends less on where the last step ended (Polyak and Juditsky 1992; Izmailov et al. 2018). A mean that begins
anew in each epoch needs no correction for its start and no state between epochs, and a trial's first epochs are those
of a longer one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
from numpy.typing import NDArray

from harness.noise import quiet_libraries
from harness.training.fit_epoch import to_pixels
from harness.training.inputs import Inputs
from harness.training.prepared import Epoch, assign_values, variable_values

# Enough for statistics of a channel, which are taken over places too, and a small part of a large epoch.
_STATISTICS_IMAGES = 4_000


@contextmanager
def mean_of_epoch(epoch: Epoch, inputs: Inputs, order: NDArray[np.int64]) -> Iterator[None]:
    """Give the model the mean of its weights over the epoch it has just trained; afterwards it has its own again.

    Args:
        epoch: Made with averaging.
        inputs: What it trains on.
        order: The epoch's rows of them.
    """
    variables = epoch.model.variables
    own = variable_values(variables)
    try:
        assign_values(epoch.model.trainable_variables, epoch.mean_weights())
        _renew_statistics(epoch.model, inputs, order[:_STATISTICS_IMAGES], epoch.evaluation_batch)
        yield
    finally:
        assign_values(variables, own)


@quiet_libraries()
def _renew_statistics(model: keras.Model, inputs: Inputs, rows: NDArray[np.int64], batch_size: int) -> None:
    """Give batch normalization the mean over batches of what these weights see in training.

    Its moving statistics are those of the weights that were left behind: with them the mean of the weights is some
    four points worse on CIFAR-10 after four short epochs.
    """
    layers = [layer for layer in model._flatten_layers() if _moves_statistics(layer)]
    if not layers:
        return
    statistics = [variable for layer in layers for variable in (layer.moving_mean, layer.moving_variance)]
    momenta = [layer.momentum for layer in layers]
    seen = []
    try:
        for layer in layers:
            layer.momentum = 0.0  # each batch leaves its own statistics
        for batch in np.array_split(rows, math.ceil(len(rows) / batch_size)):
            model(to_pixels(inputs.values[batch]), training=True)
            seen.append(variable_values(statistics))
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
    # Doubles: statistics that no batch moved, as in a part that is called without training, come out as they were.
    assign_values(statistics, [np.mean(values, axis=0, dtype=np.float64) for values in zip(*seen, strict=True)])


def _moves_statistics(layer: keras.Layer) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
