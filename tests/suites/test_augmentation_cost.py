"""What an augmentation costs shows in the step time, since it runs inside the step."""

from statistics import median

import numpy as np
import pytest

from harness import BASELINE
from harness.timing.blocks import Blocks
from harness.timing.build import build_arm
from harness.variants.rules import AUGMENTATIONS

# So small a network that the pictures' own cost stands out.
PLAIN = BASELINE.replace(filters=(1,), kernel_size=1, dense=(), batch_size=128)


@pytest.mark.slow
def test_every_augmentation_makes_the_step_longer(digits):
    kinds = (*AUGMENTATIONS, "mixed")
    variants = [PLAIN, *(PLAIN.replace(augmentation=kind) for kind in kinds)]
    arms = [build_arm(variant, digits, settle_s=0.5) for variant in variants]
    blocks = Blocks(len(digits.train_labels), np.random.default_rng(1))
    blocks.run(arms, steps=2, turns=2, overhead_ms=0.0)  # warms up
    plain, *others = (median(times) for times in blocks.run(arms, steps=2, turns=20, overhead_ms=0.0))
    assert [kind for kind, step_ms in zip(kinds, others, strict=True) if step_ms <= plain] == []
