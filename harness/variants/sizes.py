"""How large a variant's model is, reckoned without Keras: what cannot be built is refused before any work."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from harness.errors import InputError
from harness.variants.sources import builder_source, weights_path
from harness.variants.variant import Variant

POOL_SIZE = 2

_FLOAT_BYTES = 4
# Weight, gradient and two moments of Adam.
_COPIES_OF_A_WEIGHT = 4
# Each activation is kept for the backward pass, and its gradient beside it.
_COPIES_OF_AN_ACTIVATION = 2
_GIB = 2**30
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


BACKBONE_SIDES = (96, 224)
"""The sides, in pixels, between which pictures are resized for a backbone: 96 is the smallest that
MobileNetV2 has ImageNet weights for (InceptionV3 wants 75), 224 what most were trained on."""

SMALLEST_PICTURE = 32
"""The smallest side that keras.applications takes; less would be more enlargement than picture."""


@dataclass(frozen=True)
class BlockSize:
    """What one block of the CNN does to the picture; sides in pixels."""

    padding: Literal["valid", "same"]
    convolved: tuple[int, int]
    pooled: tuple[int, int]


@dataclass(frozen=True)
class ModelSize:
    """What a model has and does; activations and multiply-adds are those of one picture, forward.

    Attributes:
        parameters: Weights of all layers.
        activations: Numbers that training keeps.
        body_multiply_adds: Of the convolutions, or of the backbone.
        head_multiply_adds: Of the dense layers.
    """

    parameters: int
    activations: int
    body_multiply_adds: int
    head_multiply_adds: int


@dataclass(frozen=True)
class _Network:
    """A network of keras.applications without its top; what depends on the picture is that of one of 96x96."""

    parameters: int
    features: int
    activations_at_96: int
    multiply_adds_at_96: int


_NETWORKS = {
    "ResNet50": _Network(23_587_712, 2048, 6_826_732, 711_900_000),
    "MobileNetV2": _Network(2_257_984, 1280, 4_023_216, 56_300_000),
    "VGG16": _Network(14_714_688, 512, 2_797_056, 2_820_500_000),
    "EfficientNetB0": _Network(4_049_571, 1280, 4_675_775, 74_100_000),
    "InceptionV3": _Network(21_802_784, 2048, 2_276_240, 340_300_000),
}


def check_variant(variant: Variant, input_shape: tuple[int, int, int] = (32, 32, 3), classes: int = 10) -> int | None:
    """Return the number of parameters that the model will have; None for a user's own builder.

    Raises InputError where the picture is too small for the variant, the model too large for this machine, or
    a file that it needs (a builder's module, weights) missing.

    >>> from harness.variants import BASELINE
    >>> check_variant(BASELINE)
    315722
    """
    _check_shape(input_shape, classes)
    if variant.model:
        builder_source(variant.model)
        return None
    size = model_size(variant, input_shape, classes)
    if variant.weights and variant.weights != "imagenet":
        weights_path(variant.weights)
    _check_memory(variant, size.parameters, size.activations)
    return size.parameters


def model_size(variant: Variant, input_shape: tuple[int, int, int], classes: int) -> ModelSize:
    """Return the size of the model that the harness builds for a variant; a user's own builder is not asked.

    Raises InputError for a picture that is too small for it.
    """
    return (_backbone_size if variant.backbone else _cnn_size)(variant, input_shape, classes)


def block_sizes(variant: Variant, input_shape: tuple[int, int, int]) -> list[BlockSize]:
    """Return the size of each block; raises InputError naming the layer that leaves no pixel."""
    height, width, _ = input_shape
    kernel = variant.kernel_size
    blocks = []
    for number in range(1, len(variant.filters) + 1):
        # The tutorial's convolutions don't pad; a fourth block on 32x32 is only possible with padding.
        fits = min(height, width) >= kernel
        convolved = (height - kernel + 1, width - kernel + 1) if fits else (height, width)
        step = 1 if variant.pooling == "none" else POOL_SIZE
        pooled = (convolved[0] // step, convolved[1] // step)
        if min(pooled) < 1:
            raise InputError(
                f"{variant.name}: too deep for pictures of {input_shape[0]}x{input_shape[1]}: layer "
                f"pool_{number} would pool {convolved[0]}x{convolved[1]} below 1x1; allowed are at most "
                f'{number - 1} blocks (filters), or pooling "none"'
            )
        blocks.append(BlockSize("valid" if fits else "same", convolved, pooled))
        height, width = pooled
    return blocks


def _check_shape(input_shape: tuple[int, int, int], classes: int) -> None:
    if len(input_shape) != 3 or min(input_shape) < 1:
        raise InputError(
            f"input_shape: {input_shape!r} is not allowed; allowed: (height, width, channels), each from 1"
        )
    if classes < 2:
        raise InputError(f"classes: {classes!r} is not allowed; allowed: at least 2")


def _cnn_size(variant: Variant, input_shape: tuple[int, int, int], classes: int) -> ModelSize:
    parameters = activations = multiply_adds = 0
    channels = input_shape[2]
    rows, columns = input_shape[:2]
    for filters, block in zip(variant.filters, block_sizes(variant, input_shape), strict=True):
        # With batch norm there is no bias, but a scale, an offset, a mean and a variance.
        kernel = channels * variant.kernel_size**2
        pixels = block.convolved[0] * block.convolved[1]
        parameters += filters * (kernel + (4 if variant.batch_norm else 1))
        activations += filters * pixels * (3 if variant.batch_norm else 1)
        multiply_adds += filters * pixels * kernel
        rows, columns = block.pooled
        activations += filters * rows * columns
        channels = filters
    head, head_multiply_adds = _head_size(variant, channels * rows * columns, classes)
    return ModelSize(parameters + head, activations, multiply_adds, head_multiply_adds)


def backbone_input_size(variant: Variant, input_shape: tuple[int, int, int]) -> tuple[int, int]:
    """Return the height and width that pictures are resized to for the variant's backbone.

    Raises InputError for pictures that are too small or not in colour.
    """
    height, width, channels = input_shape
    if channels != 3:
        raise InputError(f"backbone: {variant.backbone} takes pictures of 3 channels; these have {channels}")
    if min(height, width) < SMALLEST_PICTURE:
        raise InputError(
            f"backbone: {variant.backbone} takes pictures of at least {SMALLEST_PICTURE}x{SMALLEST_PICTURE} "
            f"(it halves them five times); these are {height}x{width}"
        )
    low, high = BACKBONE_SIDES
    return min(max(height, low), high), min(max(width, low), high)


def _backbone_size(variant: Variant, input_shape: tuple[int, int, int], classes: int) -> ModelSize:
    network = _NETWORKS[str(variant.backbone)]
    height, width = backbone_input_size(variant, input_shape)
    head, head_multiply_adds = _head_size(variant, network.features, classes)
    # A frozen network keeps nothing for a backward pass; two of its activations are alive at a time.
    kept = network.activations_at_96 * height * width // 96**2 // (1 if variant.fine_tune else 20)
    multiply_adds = network.multiply_adds_at_96 * height * width // 96**2
    return ModelSize(network.parameters + head, kept, multiply_adds, head_multiply_adds)


def _head_size(variant: Variant, features: int, classes: int) -> tuple[int, int]:
    """Return the parameters and the multiply-adds of the dense layers: the weights, with biases and without."""
    widths = (features, *variant.dense, classes)
    weights = sum(before * after for before, after in pairwise(widths))
    return weights + sum(widths[1:]), weights


def _check_memory(variant: Variant, parameters: int, activations: int) -> None:
    weights = parameters * _COPIES_OF_A_WEIGHT
    batch = activations * _COPIES_OF_AN_ACTIVATION * variant.batch_size
    needed = (weights + batch) * _FLOAT_BYTES
    available = machine_memory_bytes()
    if needed > available:
        raise InputError(
            f"{variant.name}: too large for this machine: {parameters:,} parameters and batches of "
            f"{variant.batch_size} need about {needed / _GIB:.1f} GiB to train, and there are "
            f"{available / _GIB:.1f} GiB; take fewer filters or dense units, or a smaller batch_size"
        )


def machine_memory_bytes() -> int:
    """Return the machine's memory, or a container's limit where that is lower."""
    import psutil

    total = int(psutil.virtual_memory().total)
    try:
        limit = _CGROUP_LIMIT.read_text().strip()
    except OSError:
        return total
    return min(total, int(limit)) if limit.isdigit() else total
