"""What an augmentation costs shows in the step time, since it runs inside the step."""

from statistics import median

import pytest

from harness import BASELINE, BUDGETS
from harness.devices import find_device, training_environment
from harness.timing.timer import Timer
from harness.variants.rules import AUGMENTATIONS


@pytest.fixture(scope="module")
def timer(digits):
    return Timer(digits, training_environment(find_device("cpu")))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*AUGMENTATIONS, "mixed"])
def test_every_augmentation_makes_the_step_longer(kind, timer):
    # So small a network that the pictures' own cost stands out.
    plain = BASELINE.replace(filters=(1,), kernel_size=1, dense=(), batch_size=128)
    times = timer.time(plain, plain.replace(augmentation=kind), BUDGETS["quick"], key="0123456789abcdef")
    blocks = [[value for build in builds for value in build] for builds in (times.baseline_ms, times.variant_ms)]
    assert median(blocks[1]) > median(blocks[0])
