"""A small residual network as a model of one's own: `model="examples.small_resnet:build"`.

After He et al. 2015, "Deep residual learning for image recognition", section 4.2: stages of blocks whose input is added
to their output, the picture halved and the filters doubled between stages. Two options: `blocks` a stage, and `width`,
the filters of the first stage. What a variant's own fields say (activation, dropout) it may read or leave.
"""

from __future__ import annotations

from typing import Any

import keras

from harness import Variant

STAGES = 3


def build(variant: Variant, input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Return the network: pixels from 0 to 1 in, one probability a class out; the harness compiles it."""
    blocks, width = variant.option("blocks", 1), variant.option("width", 16)
    inputs = keras.Input(input_shape)
    x = _convolution(inputs, width)
    for stage in range(STAGES):
        for block in range(blocks):
            x = _block(x, width * 2**stage, stride=2 if stage and not block else 1, activation=variant.activation)
    x = keras.layers.GlobalAveragePooling2D()(x)
    if variant.dropout:
        x = keras.layers.Dropout(variant.dropout)(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x), name="small_resnet")


def _block(x: Any, filters: int, *, stride: int, activation: str) -> Any:
    shortcut = x
    if stride > 1 or x.shape[-1] != filters:
        shortcut = _convolution(x, filters, kernel=1, stride=stride)
    y = keras.layers.Activation(activation)(_convolution(x, filters, stride=stride))
    y = _convolution(y, filters)
    return keras.layers.Activation(activation)(keras.layers.Add()([shortcut, y]))


def _convolution(x: Any, filters: int, *, kernel: int = 3, stride: int = 1) -> Any:
    x = keras.layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False)(x)
    return keras.layers.BatchNormalization(momentum=0.9)(x)
