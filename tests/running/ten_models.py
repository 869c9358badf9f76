"""Ten builders of a user who thinks of the next model alone: most leave something behind, or take from outside."""

import functools
import os
import random
import sys
import zlib

import keras
import numpy as np

L = keras.layers
CALLS: list[int] = []
DRAWN = np.random.default_rng(7)
INITIALIZER = keras.initializers.HeNormal()
OPTIMIZER = keras.optimizers.Adam(0.01)


def net(shape, classes, *middle, width=4, **kernel):
    x = keras.Input(shape)
    y = L.MaxPooling2D(4)(L.Conv2D(width, 3, activation="relu", **kernel)(x))
    for layer in middle:
        y = layer(y)
    return keras.Model(x, L.Dense(classes, "softmax", dtype="float32")(L.Flatten()(y)))


class Noise(L.Layer):
    def __init__(self, draw):
        super().__init__()
        self.draw = draw

    def call(self, x, training=False):
        return x + 0.3 * self.draw(x) if training else x


class Counting(keras.Model):
    """Counts its calls and divides by their number: a trace keeps that of the call that it was traced in."""

    def __init__(self, classes):
        super().__init__()
        self.calls = 0
        self.out = L.Dense(classes, "softmax")

    def call(self, x):
        self.calls += 1
        return self.out(keras.ops.reshape(x, (-1, 32 * 32 * 3)) / self.calls)


def tensorflow_noise(x):
    import tensorflow as tf

    return tf.random.normal(tf.shape(x))


def plain(variant, shape, classes):
    return net(shape, classes)


def tf_random(variant, shape, classes):
    return net(shape, classes, Noise(tensorflow_noise))


def keras_random(variant, shape, classes):
    return net(shape, classes, Noise(lambda x: keras.random.normal(keras.ops.shape(x))))


def policy(variant, shape, classes):
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.config.set_floatx("bfloat16")
    keras.config.set_epsilon(0.1)
    return net(shape, classes, L.BatchNormalization())


def eager(variant, shape, classes):
    keras.config.set_image_data_format("channels_first")
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.run_functions_eagerly(True)
        tf.config.optimizer.set_experimental_options({"constant_folding": False})
    return net(shape, classes, data_format="channels_last")


def growing(variant, shape, classes):
    CALLS.append(1)
    return net(shape, classes, width=4 + len(CALLS))


@functools.cache
def kept(shape, classes):
    return net(shape, classes, L.Dropout(0.3))


def cached(variant, shape, classes):
    return kept(shape, classes)


def drawn(variant, shape, classes):
    model = net(shape, classes, L.Rescaling(float(DRAWN.random())), kernel_initializer=INITIALIZER)
    model.compile(OPTIMIZER, "categorical_crossentropy")
    return model


def outside(variant, shape, classes):
    times = int(os.environ.get("TIMES_BUILT", "0")) + 1
    os.environ["TIMES_BUILT"] = str(times)
    sys.argv.append("again")
    keras.layers.kept_by_a_builder = times
    found = zlib.crc32(L.Dense(1).name.encode()) + len(sys.argv) + times
    return net(shape, classes, kernel_initializer=keras.initializers.HeNormal(seed=found + random.randrange(1000)))


def counting(variant, shape, classes):
    return Counting(classes)
