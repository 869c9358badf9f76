"""Transfer learning: a network of keras.applications with a head of its own."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from harness.datasets.network import silence_limit
from harness.errors import InputError
from harness.files import expanded
from harness.models.augmentation import augmentation_layers
from harness.models.cnn import BATCH_NORM_MOMENTUM, head_layers
from harness.models.compiling import make_metrics
from harness.models.layers import BackbonePixels, PixelForm
from harness.models.seeds import layer_seed
from harness.models.weights_file import check_weights_file
from harness.variants import Variant
from harness.variants.sizes import backbone_input_size
from harness.variants.sources import weights_path

# How each network's pixels were prepared when its weights were trained, as its own preprocess_input does.
_PIXELS: dict[str, PixelForm] = {
    "ResNet50": "caffe",
    "VGG16": "caffe",
    "MobileNetV2": "tf",
    "InceptionV3": "tf",
    "EfficientNetB0": "raw",
}

_FEATURES = "features"


def build_transfer(variant: Variant, input_shape: tuple[int, int, int], classes: int, seed: int) -> keras.Model:
    """Return the backbone between resizing and a dense head, not compiled: float pixels from 0 to 1 in.

    Frozen, the backbone runs in inference mode, batch norm and dropout too. Fine-tuned from weights, all of it
    trains but its batch norm, which stays frozen in inference mode, as Keras's transfer guide advises, since
    statistics of small batches would spoil what was learnt. Without weights and with fine_tune it trains from
    scratch, batch norm in training mode with momentum 0.9.
    """
    inputs = keras.Input(input_shape, name="pixels")
    x = inputs
    for layer in augmentation_layers(variant.augmentation, seed):
        x = layer(x)
    size = backbone_input_size(variant, input_shape)
    if size != input_shape[:2]:
        x = keras.layers.Resizing(*size, interpolation="bilinear", name="resize", dtype="float32")(x)
    x = BackbonePixels(_PIXELS[str(variant.backbone)], name="preprocess", dtype="float32")(x)
    x = _backbone(variant, size, seed)(x)
    x = keras.layers.GlobalAveragePooling2D(name=_FEATURES, dtype=variant.precision_policy)(x)
    for layer in head_layers(variant, classes, seed):
        x = layer(x)
    return keras.Model(inputs, x, name="transfer")


def build_head(variant: Variant, channels: int, classes: int, seed: int) -> keras.Model:
    """Return the head alone, not compiled: pooled features of that many channels in.

    It starts from the same weights as the head of the whole model of that seed.
    """
    inputs = keras.Input((channels,), name="features_in")
    x = inputs
    for layer in head_layers(variant, classes, seed):
        x = layer(x)
    return keras.Model(inputs, x, name="head")


def find_backbone(model: keras.Model) -> keras.Model:
    """Return the network of keras.applications inside a model, for saving or loading its weights."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            return layer
    raise InputError(f'model "{model.name}" has no backbone')


def split_backbone(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Return the part up to the pooled features, and the head, compiled like the model.

    Both share their layers with the model: train the head on features computed once, then the whole model
    predicts with it. Features are of shape (batch, channels). Only of use while the backbone is frozen and
    nothing before it is random (`Variant.reuses_features`).
    """
    names = [layer.name for layer in model.layers]
    if _FEATURES not in names:
        raise InputError(f'model "{model.name}" has no backbone, so no features to keep')
    cut = names.index(_FEATURES)
    features = keras.Model(model.inputs[0], model.layers[cut].output, name="backbone_features")
    inputs = keras.Input(features.output_shape[1:], name="features_in")
    x = inputs
    for layer in model.layers[cut + 1 :]:
        x = layer(x)
    head = keras.Model(inputs, x, name="head")
    if model.compiled:
        optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
        head.compile(optimizer=optimizer, loss=model.loss, metrics=make_metrics(), jit_compile=model.jit_compile)
    return features, head


def _backbone(variant: Variant, size: tuple[int, int], seed: int) -> keras.Model:
    application = getattr(keras.applications, str(variant.backbone))
    with _precision(variant.precision_policy):
        if variant.weights == "imagenet":
            backbone = _imagenet(variant, application, size)
        else:
            backbone = application(include_top=False, weights=None, input_shape=(*size, 3))
    if not variant.weights:
        _start_weights(backbone, seed)
    elif variant.weights != "imagenet":
        _load(backbone, variant)
    _start_generators(backbone, seed)
    _set_mode(backbone, variant)
    return backbone


def _set_mode(backbone: keras.Model, variant: Variant) -> None:
    # Not by calling the backbone with training=False, as Keras's guide does: the outer model's training=True
    # overrides that in Keras 3, and only what is not trainable stays in inference mode.
    backbone.trainable = variant.fine_tune
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            if variant.weights:
                layer.trainable = False
            layer.momentum = min(layer.momentum, BATCH_NORM_MOMENTUM)
        if isinstance(layer, keras.layers.Dropout) and not variant.fine_tune:
            layer.rate = 0.0


@contextmanager
def _precision(policy: str) -> Iterator[None]:
    """Build under a dtype policy: keras.applications takes it from nowhere but the global one."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _start_weights(backbone: keras.Model, seed: int) -> None:
    """Draw every kernel anew from the trial's seed: keras.applications takes no seed."""
    for number, layer in enumerate(backbone.layers):
        kernel = getattr(layer, "kernel", None)
        if kernel is None:
            continue
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        initializer = layer.depthwise_initializer if depthwise else layer.kernel_initializer
        # By number, since some layers of InceptionV3 are named by a global counter.
        config = {**initializer.get_config(), "seed": layer_seed(seed, f"backbone/{number}")}
        kernel.assign(type(initializer).from_config(config)(kernel.shape, dtype=kernel.dtype))


def _start_generators(backbone: keras.Model, seed: int) -> None:
    """Seed EfficientNet's dropout."""
    for number, layer in enumerate(backbone.layers):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            generator.state.assign([layer_seed(seed, f"backbone/{number}"), 0])


def _load(backbone: keras.Model, variant: Variant) -> None:
    path = weights_path(str(variant.weights))
    try:
        check_weights_file(path, backbone.count_params())
        with warnings.catch_warnings():
            # Keras only warns where a group is missing, once a layer, and leaves that layer at random.
            warnings.simplefilter("ignore")
            backbone.load_weights(path)
    except Exception as error:  # Keras and h5py raise many kinds
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise InputError(
            f'weights: "{path}" does not hold weights of backbone {variant.backbone}; allowed is a file '
            f"that `harness pretrain` or the backbone's own save_weights wrote ({reason[:200]})"
        ) from error


def _imagenet(variant: Variant, application: Any, size: tuple[int, int]) -> keras.Model:
    try:
        with silence_limit(), warnings.catch_warnings():
            # MobileNetV2 has weights for a few square sizes, and warns that it takes those of 224 for others.
            warnings.simplefilter("ignore")
            return application(include_top=False, weights="imagenet", input_shape=(*size, 3))
    except Exception as error:
        place = imagenet_path(variant, size)
        raise InputError(
            f'weights: "imagenet" could not be loaded for backbone {variant.backbone} '
            f"({' '.join(str(error).split())[:200]}); without a network, put {place.name} from "
            f"{_STORE}{_ORIGINS[str(variant.backbone)]}{place.name} into {place.parent}"
        ) from error


_STORE = "https://storage.googleapis.com/"
_ORIGINS = {
    "ResNet50": "tensorflow/keras-applications/resnet/",
    "MobileNetV2": "tensorflow/keras-applications/mobilenet_v2/",
    "VGG16": "tensorflow/keras-applications/vgg16/",
    "EfficientNetB0": "keras-applications/",
    "InceptionV3": "tensorflow/keras-applications/inception_v3/",
}
_FILES = {
    "ResNet50": "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "MobileNetV2": "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{side}_no_top.h5",
    "VGG16": "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "EfficientNetB0": "efficientnetb0_notop.h5",
    "InceptionV3": "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
}
_MOBILENET_SIDES = (96, 128, 160, 192, 224)


def imagenet_path(variant: Variant, size: tuple[int, int]) -> Path:
    """Return where Keras keeps the ImageNet weights of the variant's backbone, for its input of this size."""
    rows, columns = size
    side = rows if rows == columns and rows in _MOBILENET_SIDES else max(_MOBILENET_SIDES)
    home = os.environ.get("KERAS_HOME") or expanded("~/.keras")
    return Path(home) / "models" / _FILES[str(variant.backbone)].format(side=side)
