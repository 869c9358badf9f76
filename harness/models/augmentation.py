"""Random changes to training pictures: layers at the front of the model, idle at test time."""

from __future__ import annotations

from typing import Any

import keras

from harness.models.seeds import layer_seed
from harness.variants.rules import AUGMENTATIONS

# Pixels are 0..1; Keras's layers take 0..255 unless told, and would clip or fill accordingly.
_PIXELS = (0.0, 1.0)

# Strengths usual for 32x32 pictures: a shift of 4 pixels (He et al. 2015, CIFAR-10), small turns that keep
# the object in the picture, one erased box of up to a fifth of it (DeVries and Taylor 2017 cut a quarter).
_SHIFT = 4 / 32
_TURN = 15 / 360
_ZOOM = 0.15
_CONTRAST = 0.3
_BRIGHTNESS = 0.2
_ERASED = (0.02, 0.2)
# Two numbers, since Keras takes a single one as the top of a range to draw the chance itself from.
_ERASE_CHANCE = (0.5, 0.5)
# Grey; Keras's own choice, noise over the whole batch, takes twice the time.
_ERASE_FILL = 0.5

_MIXED = ("flip", "shift", "contrast", "erasing")
"""The mixed policy: what doesn't change a class, one of each nature (mirror, place, light, occlusion)."""


def augmentation_layers(augmentation: str, seed: int) -> list[Any]:
    """Return the layers of a policy in their fixed order; none for "none".

    Each draws from its own seed, so the same seed gives the same pictures; each call draws anew.
    """
    if augmentation == "none":
        return []
    kinds = _MIXED if augmentation == "mixed" else augmentation.split("+")
    return [_layer(kind, seed) for kind in AUGMENTATIONS if kind in kinds]


def _layer(kind: str, seed: int) -> Any:
    layers = keras.layers
    own = {"seed": layer_seed(seed, kind), "name": kind, "dtype": "float32"}
    match kind:
        case "flip":
            return layers.RandomFlip("horizontal", **own)
        case "shift":
            return layers.RandomTranslation(_SHIFT, _SHIFT, fill_mode="reflect", **own)
        case "rotation":
            return layers.RandomRotation(_TURN, fill_mode="reflect", **own)
        case "zoom":
            return layers.RandomZoom(_ZOOM, fill_mode="reflect", **own)
        case "contrast":
            return layers.RandomContrast(_CONTRAST, value_range=_PIXELS, **own)
        case "brightness":
            return layers.RandomBrightness(_BRIGHTNESS, value_range=_PIXELS, **own)
        case "erasing":
            return layers.RandomErasing(
                _ERASE_CHANCE, scale=_ERASED, fill_value=_ERASE_FILL, value_range=_PIXELS, **own
            )
    raise AssertionError(f"no layer for {kind}")
