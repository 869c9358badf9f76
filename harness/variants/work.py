"""How long training a variant takes beside the baseline, reckoned without Keras: what a plan's estimate rests on.

Only the order of magnitude is meant: whether an evening or a week.
"""

from __future__ import annotations

from itertools import pairwise

from harness.variants.sizes import NETWORKS, backbone_input_size, block_sizes
from harness.variants.variant import Variant

_BASELINE_MULTIPLY_ADDS = 4_188_800
# Forward, and backward through activations and through weights.
_PASSES = 3


def epoch_work(variant: Variant, input_shape: tuple[int, int, int] = (32, 32, 3), classes: int = 10) -> float:
    """Return about how many times as long an image of an epoch takes as in the baseline's on pictures of 32x32.

    Half of that is taken to be the same for every model (gathering images, starting operations), half to grow with the
    multiply-adds of a step: half the filters were measured to take 0.53 of the baseline, twice the filters 2.3. A
    user's own builder is taken for the baseline.

    Raises:
        InputError: The picture is too small for the variant.

    >>> from harness.variants import BASELINE
    >>> epoch_work(BASELINE), round(epoch_work(BASELINE.replace(filters=(64, 128))), 1)
    (1.0, 2.2)
    """
    if variant.model:
        return 1.0
    body, head = _multiply_adds(variant, input_shape, classes)
    if variant.backbone and not variant.fine_tune:
        body = 0.0 if variant.reuses_features else body / _PASSES
    return 0.5 + 0.5 * (body + head) / _BASELINE_MULTIPLY_ADDS


def features_work(variant: Variant, input_shape: tuple[int, int, int] = (32, 32, 3)) -> float:
    """Return the same for the features of a frozen backbone, which each image is put through once.

    >>> from harness.variants import BASELINE
    >>> features_work(BASELINE), round(features_work(BASELINE.replace(backbone="VGG16")))
    (0.0, 112)
    """
    if not variant.reuses_features:
        return 0.0
    return 0.5 * _multiply_adds(variant, input_shape, 2)[0] / _BASELINE_MULTIPLY_ADDS / _PASSES


def _multiply_adds(variant: Variant, input_shape: tuple[int, int, int], classes: int) -> tuple[float, float]:
    """Return those of one picture, forward: of the convolutions or the backbone, and of the dense layers."""
    body = 0.0
    if variant.backbone:
        height, width = backbone_input_size(variant, input_shape)
        network = NETWORKS[variant.backbone]
        body = network.multiply_adds_at_96 * height * width / 96**2
        features = network.features
    else:
        channels, rows, columns = input_shape[2], *input_shape[:2]
        for filters, block in zip(variant.filters, block_sizes(variant, input_shape), strict=True):
            body += filters * channels * variant.kernel_size**2 * block.convolved[0] * block.convolved[1]
            channels, (rows, columns) = filters, block.pooled
        features = channels * rows * columns
    return body, float(sum(before * after for before, after in pairwise((features, *variant.dense, classes))))
