"""Seeds: one for each layer, from the trial's seed and the layer's name."""

from __future__ import annotations

import hashlib
import random

_SEED_BITS = 31  # what fits a signed 32-bit integer, which some backends want


def base_seed(seed: int | None) -> int:
    """Return the seed, or for None one from Python's generator, which `keras.utils.set_random_seed` sets."""
    return random.getrandbits(_SEED_BITS) if seed is None else seed


def layer_seed(seed: int, layer: str) -> int:
    """Return the seed of one layer.

    It depends on nothing else: not on what was built before, nor on the other layers, so two variants start
    from the same weights wherever they have the same layer.

    >>> layer_seed(1, "conv_1") == layer_seed(1, "conv_1") != layer_seed(2, "conv_1")
    True
    """
    digest = hashlib.sha256(f"{seed}/{layer}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> (32 - _SEED_BITS)
