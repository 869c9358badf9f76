"""The weights a user's model starts from: each trial draws its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from harness.variants.sources import BuildError


def check_first_weights(model: keras.Model, other: Callable[[], keras.Model]) -> None:
    """Refuse weights that an initializer draws from one seed in every trial: all trials would start from the same ones.

    Args:
        model: A new one, built.
        other: Makes the model of another trial; called only where this one has initializers with a seed.

    Raises:
        BuildError: Says which, in words that go on from the model's name.
    """
    drawn = _drawn_from_a_seed(model)
    fixed = drawn and [one for one in _drawn_from_a_seed(other()) if one in drawn]
    if fixed:
        raise BuildError(
            f"draws the {fixed[0]}: all seeds of a variant would start from the same weights; leave seed out, as a "
            "trial's own is set before"
        )


def _drawn_from_a_seed(model: keras.Model) -> list[str]:
    """Return which weights to be trained are what an initializer with a number for a seed draws."""
    found = []
    for layer in model._flatten_layers():
        for attribute, initializer in vars(layer).items() if layer.trainable else ():
            name = attribute.removesuffix("_initializer")
            weight: Any = getattr(layer, name, None)
            seed = getattr(initializer, "_init_seed", None)
            if name == attribute or not isinstance(seed, int) or not hasattr(weight, "shape"):
                continue
            drawn = keras.ops.convert_to_numpy(initializer(weight.shape, weight.dtype))
            if np.array_equal(drawn, keras.ops.convert_to_numpy(weight)):
                found.append(f'{name} of "{layer.name}" from a seed of its own, {type(initializer).__name__}({seed=})')
    return found
