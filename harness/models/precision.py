"""In which precision a model computes, whatever it was asked for."""

from __future__ import annotations

import keras


def computed_in(model: keras.Model) -> str:
    """Return the dtype policy of the layers that are trained; several are joined by +.

    Layers in float32 go unsaid beside others: of a mixed model the output, at least, is one.
    """
    names = {layer.dtype_policy.name for layer in model._flatten_layers() if layer._trainable_variables}
    return "+".join(sorted(names - {"float32"})) or "float32"
