"""The plain CNN: blocks of convolution and pooling, dense layers, softmax."""

from __future__ import annotations

from typing import Any

import keras

from harness.models.augmentation import augmentation_layers
from harness.models.layers import SumPooling2D
from harness.models.seeds import layer_seed
from harness.variants import Variant
from harness.variants.sizes import POOL_SIZE, block_sizes

# Keras's own default, 0.99, needs hundreds of steps before its averages are any use in validation; short
# trials have fewer. 0.9 is what PyTorch takes.
BATCH_NORM_MOMENTUM = 0.9


def build_cnn(variant: Variant, input_shape: tuple[int, int, int], classes: int, seed: int) -> keras.Model:
    """Return the network, not compiled: float pixels from 0 to 1 in, one probability a class out."""
    layers = [keras.Input(input_shape), *augmentation_layers(variant.augmentation, seed)]
    for number, block in enumerate(block_sizes(variant, input_shape), start=1):
        layers += _block(variant, number, block.padding, seed)
    layers.append(keras.layers.Flatten(name="flatten", dtype=variant.precision_policy))
    layers += head_layers(variant, classes, seed)
    return keras.Sequential(layers, name="cnn")


def _block(variant: Variant, number: int, padding: str, seed: int) -> list[Any]:
    dtype = variant.precision_policy
    normalised = variant.batch_norm
    layers = [
        keras.layers.Conv2D(
            variant.filters[number - 1],
            variant.kernel_size,
            padding=padding,
            activation=None if normalised else variant.activation,
            use_bias=not normalised,
            name=f"conv_{number}",
            dtype=dtype,
            **_kernel(variant, seed, f"conv_{number}"),
        )
    ]
    if normalised:
        layers += [
            keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name=f"batch_norm_{number}", dtype=dtype),
            keras.layers.Activation(variant.activation, name=f"activation_{number}", dtype=dtype),
        ]
    if variant.pooling != "none":
        pool = {
            "max": keras.layers.MaxPooling2D,
            "average": keras.layers.AveragePooling2D,
            "sum": SumPooling2D,
        }[variant.pooling]
        layers.append(pool(POOL_SIZE, name=f"pool_{number}", dtype=dtype))
    return layers


def head_layers(variant: Variant, classes: int, seed: int) -> list[Any]:
    """Return the hidden dense layers with their dropout, and the softmax output in float32."""
    layers = []
    for number, units in enumerate(variant.dense, start=1):
        layers += _dropout(variant, number, seed)
        layers.append(
            keras.layers.Dense(
                units,
                activation=variant.activation,
                name=f"dense_{number}",
                dtype=variant.precision_policy,
                **_kernel(variant, seed, f"dense_{number}"),
            )
        )
    if not variant.dense:
        layers += _dropout(variant, 1, seed)
    layers.append(
        keras.layers.Dense(
            classes,
            activation="softmax",
            name="output",
            dtype="float32",
            **_kernel(variant, seed, "output"),
        )
    )
    return layers


def _dropout(variant: Variant, number: int, seed: int) -> list[Any]:
    if not variant.dropout:
        return []
    name = f"dropout_{number}"
    return [
        keras.layers.Dropout(variant.dropout, seed=layer_seed(seed, name), name=name, dtype=variant.precision_policy)
    ]


def _kernel(variant: Variant, seed: int, name: str) -> dict[str, Any]:
    penalised = variant.l1 or variant.l2
    return {
        "kernel_initializer": keras.initializers.GlorotUniform(seed=layer_seed(seed, name)),
        "kernel_regularizer": keras.regularizers.L1L2(variant.l1, variant.l2) if penalised else None,
    }
