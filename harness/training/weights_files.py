"""Files of weights alone, in HDF5 as Keras writes it."""

from __future__ import annotations

import math
import os
from pathlib import Path

import keras

# HDF5 keeps, beside each variable's values, its name and place; of the backbones it takes less than half of this.
_BESIDE_A_VARIABLE = 2**12
_BESIDE_ALL = 2**16


def write_weights(model: keras.Model, path: Path) -> None:
    """Write the weights of a model without an optimizer.

    Raises:
        OSError: The disk has no room for them. That is found out first: where a disk gets full amid its work, HDF5
            ends the process by SIGSEGV.
    """
    numbers = sum(math.prod(variable.shape) for variable in model.weights)
    make_room(path, 4 * numbers + _BESIDE_A_VARIABLE * len(model.weights) + _BESIDE_ALL)
    model.save_weights(path)


def make_room(path: Path, size: int) -> None:
    """Make a file of so many bytes, which its disk has for it; OSError where it has not."""
    with path.open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.write(bytes(size))
