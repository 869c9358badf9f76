"""Whether a user's own model is the same when it is built again: what draws from a generator without a seed is not."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from harness.models.state import set_seeds

_SEED = 1
# Of a layer's largest output: sums in another order differ by less, those of a GPU in TF32 too, with its 10 bits.
_CLOSE = 2**-8
_CLOSE_BFLOAT16 = 2**-5  # which has 7
_WHY = "so that no trial of it can be repeated: something draws from a generator of its own without a seed"
_INSTEAD = "seed it from NumPy's, which is set before, as numpy.random.default_rng(numpy.random.randint(2**31))"


def unlike_its_twin(model: keras.Model, twin: keras.Model, pictures: NDArray[Any]) -> str:
    """Return in one sentence where two builds of one seed differ, naming the layer; empty where they are the same.

    Their first weights, states of random numbers included, are compared bit for bit, then the settings of their
    optimizers, then what each layer gives while training, with all seeds set before: a rate or a noise of one's own
    changes it. pictures: [N, height, width, channels], 0..1.
    """
    where = _unlike_weights(model, twin) or _unlike_optimizers(model, twin) or _unlike_outputs(model, twin, pictures)
    return f"built twice with one seed, {where}, {_WHY}; {_INSTEAD}" if where else ""


def _unlike_optimizers(model: keras.Model, twin: keras.Model) -> str:
    one, other = (getattr(built, "optimizer", None) for built in (model, twin))
    if one is None or other is None:
        return ""
    first, second = (built.get_config() for built in (one, other))
    unlike = [name for name, value in first.items() if isinstance(value, (int, float)) and value != second.get(name)]
    return f"its optimizer's {unlike[0]} is another" if unlike else ""


def _unlike_outputs(model: keras.Model, twin: keras.Model, pictures: NDArray[Any]) -> str:
    try:
        first, second = (_given_by_layers(one, pictures) for one in (model, twin))
    except Exception:
        return ""  # it fails in training too, which says at which line
    halves = any(layer.compute_dtype == "bfloat16" for layer in model._flatten_layers())
    close = _CLOSE_BFLOAT16 if halves else _CLOSE
    for (layer, values), (_, others) in zip(first, second, strict=False):
        size = np.abs(values, where=np.isfinite(values), out=np.zeros_like(values)).max(initial=0)
        if values.shape != others.shape or not np.allclose(values, others, rtol=0, atol=close * size, equal_nan=True):
            return f'what layer "{layer}" gives while training is another'
    return ""


def _given_by_layers(model: keras.Model, pictures: NDArray[Any]) -> list[tuple[str, NDArray[np.float32]]]:
    """Return the floats that each layer gives, in the order in which they are done: a model comes after its layers."""
    given: list[tuple[str, NDArray[np.float32]]] = []
    call = keras.Layer.__call__

    def noting(layer: keras.Layer, *arguments: Any, **options: Any) -> Any:
        outputs = call(layer, *arguments, **options)
        for output in keras.tree.flatten(outputs):
            if keras.ops.is_tensor(output) and keras.backend.is_float_dtype(output.dtype):
                given.append((layer.name, np.asarray(keras.ops.convert_to_numpy(output), np.float32)))
        return outputs

    set_seeds(_SEED)
    keras.Layer.__call__ = noting
    try:
        model(pictures, training=True)
    finally:
        keras.Layer.__call__ = call
    return given


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
