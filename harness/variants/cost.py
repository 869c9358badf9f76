"""How long training a variant takes beside the baseline, reckoned without Keras: what a plan's estimate rests on.

Only the order of magnitude is meant: whether an evening or a week.
"""

from __future__ import annotations

from harness.variants.sizes import model_size
from harness.variants.variant import Variant

_BASELINE_MULTIPLY_ADDS = 4_188_800
_BASELINE_ACTIVATIONS = 49_120
_ARITHMETIC, _OUTPUTS, _AUGMENTED = 0.65, 0.25, 1.2
# Forward, and backward through activations and through weights.
_PASSES = 3


def epoch_work(variant: Variant, input_shape: tuple[int, int, int] = (32, 32, 3), classes: int = 10) -> float:
    """Return about how many times as long an image of an epoch takes as in the baseline's on pictures of 32x32.

    A tenth of that is taken to be the same for every model (gathering images, starting operations), a quarter to grow
    with what the layers put out, the rest with the multiply-adds of a step: filters (8, 16) were measured to take 0.25
    of the baseline, (16, 32) 0.5, (64, 128) 2.9, batch normalisation 1.6. An augmented image takes a fifth more. A
    user's own builder is taken for the baseline.

    Raises:
        InputError: The picture is too small for the variant.

    >>> from harness.variants import BASELINE
    >>> epoch_work(BASELINE), round(epoch_work(BASELINE.replace(filters=(64, 128))), 1)
    (1.0, 2.9)
    """
    if variant.model:
        return 1.0
    size = model_size(variant, input_shape, classes)
    body = float(size.body_multiply_adds)
    if variant.backbone and not variant.fine_tune:
        body = 0.0 if variant.reuses_features else body / _PASSES
    multiply_adds = (body + size.head_multiply_adds) / _BASELINE_MULTIPLY_ADDS
    # What a backbone puts out is not known so well, and taken to go with its arithmetic.
    outputs = multiply_adds if variant.backbone else size.activations / _BASELINE_ACTIVATIONS
    work = 1 - _ARITHMETIC - _OUTPUTS + _OUTPUTS * outputs + _ARITHMETIC * multiply_adds
    return work * (1 if variant.augmentation == "none" else _AUGMENTED)


def features_work(variant: Variant, input_shape: tuple[int, int, int] = (32, 32, 3)) -> float:
    """Return the same for the features of a frozen backbone, which each image is put through once.

    >>> from harness.variants import BASELINE
    >>> features_work(BASELINE), round(features_work(BASELINE.replace(backbone="VGG16")))
    (0.0, 146)
    """
    if not variant.reuses_features:
        return 0.0
    body = model_size(variant, input_shape, classes=2).body_multiply_adds
    return _ARITHMETIC * body / _BASELINE_MULTIPLY_ADDS / _PASSES
