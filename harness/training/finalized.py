"""The weights that training ends with, where an optimizer keeps others than it trains: a moving average (`use_ema`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np

from harness.training.prepared import assign_values, variable_values
from harness.variants.sources import BuildError


@contextmanager
def finalized(model: keras.Model) -> Iterator[None]:
    """Give the model the weights that `model.fit` would leave if it ended here; afterwards it trains on from its own.

    What an epoch is measured by is then what a training of so many epochs gives. What measuring itself moves, as random
    numbers that a layer draws there too, stays moved, as in `fit`.
    """
    optimizer = model.optimizer
    if _ends_as_trained(optimizer):
        yield
        return
    variables = [*model.trainable_variables, *optimizer.variables]
    own = variable_values(variables)
    optimizer.finalize_variable_values(model.trainable_weights)
    try:
        yield
    finally:
        assign_values(variables, own)


def check_one_mean(target: str, model: keras.Model) -> None:
    """Refuse, where the mean of an epoch's weights is to be tested, an optimizer that ends with weights of its own.

    Args:
        target: The user's "package.module:function".
        model: After an epoch of training.

    Raises:
        BuildError: Says that there are two.
    """
    if _ends_as_trained(model.optimizer):
        return
    trained = variable_values(model.trainable_variables)
    with finalized(model):
        ends_with = variable_values(model.trainable_variables)
    if not all(map(np.array_equal, trained, ends_with)):
        raise BuildError(
            f'model "{target}" has an optimizer that ends with other weights than it trains, as use_ema does, and '
            "--weights averaged tests a mean of its own: leave out one of the two"
        )


def _ends_as_trained(optimizer: object) -> bool:
    """Whether training is sure to end with what the optimizer trains: then nothing has to be copied to find out."""
    if not isinstance(optimizer, keras.Optimizer):  # as `fit` asks
        return True
    ending = getattr(optimizer.finalize_variable_values, "__func__", None)
    if ending is keras.optimizers.LossScaleOptimizer.finalize_variable_values:
        return _ends_as_trained(optimizer.inner_optimizer)
    return ending is keras.Optimizer.finalize_variable_values and not optimizer.use_ema
