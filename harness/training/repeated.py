"""Whether a user's own model is the same when it is built again: what draws from a generator without a seed is not."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

_CLOSE = 1e-3  # outputs are probabilities; sums in another order differ by less
_WHY = "so that no trial of it can be repeated: something draws from a generator of its own without a seed"
_INSTEAD = "seed it from NumPy's, which is set before, as numpy.random.default_rng(numpy.random.randint(2**31))"


def unlike_its_twin(model: keras.Model, twin: keras.Model, pictures: NDArray[Any]) -> str:
    """Return in one sentence where two builds of one seed differ, naming the layer; empty where they are the same.

    Their first weights, states of random numbers included, are compared bit for bit; then what they give while
    training, which a rate or a noise of one's own changes. pictures: [N, height, width, channels], 0..1.
    """
    where = _unlike_weights(model, twin)
    if not where and _unlike_outputs(model, twin, pictures):
        where = "what it gives while training is another"
    return f"built twice with one seed, {where}, {_WHY}; {_INSTEAD}" if where else ""


def _unlike_outputs(model: keras.Model, twin: keras.Model, pictures: NDArray[Any]) -> bool:
    try:
        first, second = (keras.ops.convert_to_numpy(one(pictures, training=True)) for one in (model, twin))
    except Exception:
        return False  # it fails in training too, which says at which line
    return first.shape != second.shape or not np.allclose(first, second, rtol=0, atol=_CLOSE, equal_nan=True)


def _unlike_weights(model: keras.Model, twin: keras.Model) -> str:
    # A layer's own come after those of what holds it.
    owners = {id(weight): layer.name for layer in model._flatten_layers() for weight in layer.variables}
    pairs = list(zip_longest(model.variables, twin.variables))
    for one, other in pairs:
        if one is None or other is None or (one.path, one.shape) != (other.path, other.shape):
            return f'its layers are others from "{owners.get(id(one), model.name)}" on'
    unlike = [
        owners.get(id(one), model.name)
        for one, other in pairs
        if not np.array_equal(keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(other))
    ]
    layers = list(dict.fromkeys(unlike))
    more = f" (and {len(layers) - 1} more)" if len(layers) > 1 else ""
    return f'layer "{layers[0]}"{more} starts from other numbers' if layers else ""
