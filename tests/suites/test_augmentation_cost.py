"""What an augmentation costs shows in the step time, since it runs inside the step."""

import pytest

from harness import BASELINE, BUDGETS
from harness.devices import find_device, training_environment
from harness.timing.timer import Timer
from harness.variants.rules import AUGMENTATIONS


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*AUGMENTATIONS, "mixed"])
def test_every_augmentation_makes_the_step_longer(kind, digits):
    plain = BASELINE.replace(filters=(4, 4), dense=())  # so small that the pictures' own cost stands out
    timer = Timer(digits, training_environment(find_device("cpu")))
    times = timer.time(plain, plain.replace(augmentation=kind), BUDGETS["smoke"], key="0123456789abcdef")
    assert min(times.variant_ms[0]) > min(times.baseline_ms[0])
