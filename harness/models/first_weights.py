"""The weights a user's model starts from: each trial draws its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from harness.variants.sources import BuildError

Seeded = list[tuple[keras.Variable, Any]]
"""Variables with the initializer of each, which has a number for a seed."""


def check_first_weights(model: keras.Model, seeded: Seeded, other: Callable[[], list[str]]) -> None:
    """Refuse weights that an initializer draws from one seed in every trial: all trials would start from the same ones.

    Args:
        model: A new one, built.
        seeded: What `seeded_variables` noted meanwhile.
        other: Returns what is `drawn_from_a_seed` in the model of another trial; called only where something is in
            this one.

    Raises:
        BuildError: Says which, in words that go on from the model's name.
    """
    drawn = drawn_from_a_seed(model, seeded)
    fixed = drawn and [one for one in other() if one in drawn]
    if fixed:
        raise BuildError(
            f"draws the {fixed[0]}: all seeds of a variant would start from the same weights; leave seed out, as a "
            "trial's own is set before"
        )


def drawn_from_a_seed(model: keras.Model, seeded: Seeded) -> list[str]:
    """Return which weights to be trained are what an initializer with a number for a seed draws."""
    owners = {id(weight): layer.name for layer in model._flatten_layers() for weight in layer._trainable_variables}
    trained = {id(weight) for weight in model.trainable_variables}
    found = []
    for weight, initializer in seeded:
        if id(weight) not in trained:
            continue
        drawn = keras.ops.convert_to_numpy(initializer(weight.shape, weight.dtype))
        if np.array_equal(drawn, keras.ops.convert_to_numpy(weight)):  # and not loaded since
            owner = owners.get(id(weight), model.name)
            kind, seed = type(initializer).__name__, initializer._init_seed
            found.append(f'{weight.name} of "{owner}" from a seed of its own, {kind}({seed=})')
    return found


@contextmanager
def seeded_variables() -> Iterator[Seeded]:
    """Take note of the variables that are made with such an initializer, by whatever layer and under whatever name."""
    noted: Seeded = []
    own, make = "__init__" in vars(keras.Variable), keras.Variable.__init__

    def noting(variable: keras.Variable, initializer: Any, *arguments: Any, **options: Any) -> None:
        make(variable, initializer, *arguments, **options)
        if isinstance(getattr(initializer, "_init_seed", None), int):
            noted.append((variable, initializer))

    setattr(keras.Variable, "__init__", noting)  # noqa: B010  # mypy takes no method's place
    try:
        yield noted
    finally:
        if own:
            setattr(keras.Variable, "__init__", make)  # noqa: B010
        else:
            delattr(keras.Variable, "__init__")
