"""From a variant to a compiled Keras model."""

from __future__ import annotations

import keras

from harness.models.backbones import build_head, build_transfer
from harness.models.builders import build_custom
from harness.models.cnn import build_cnn
from harness.models.compiling import compile_model
from harness.models.seeds import base_seed
from harness.models.state import known_state
from harness.variants import Variant
from harness.variants.reads import Reads
from harness.variants.sizes import check_variant


def build_model(
    variant: Variant,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    *,
    seed: int | None = None,
    reads: Reads | None = None,
) -> keras.Model:
    """Return the variant's model, compiled.

    It takes float pixels from 0 to 1 of shape (batch, height, width, channels) and gives one probability a
    class, float32 of shape (batch, classes); its labels are one-hot. The same seed gives the same weights,
    dropout and augmentation bit for bit, whatever was built before; None draws a seed. `reads` takes note of what a
    user's own builder reads of the variant, also later, while the model is traced.

    Raises InputError where the picture is too small for the variant or the machine for the model, and
    BuildError where a user's own builder fails.
    """
    check_variant(variant, input_shape, classes)
    if variant.model:
        return build_custom(variant, input_shape, classes, seed, reads or Reads())
    with known_state(None):
        builder = build_transfer if variant.backbone else build_cnn
        return compile_model(builder(variant, input_shape, classes, base_seed(seed)), variant)


def build_head_model(variant: Variant, channels: int, classes: int, *, seed: int) -> keras.Model:
    """Return the head of a variant's backbone, compiled: it takes the backbone's pooled features, (batch, channels).

    Trained on features computed once, it is what `build_model` would train with the backbone frozen in front.
    """
    with known_state(None):
        return compile_model(build_head(variant, channels, classes, seed), variant)
