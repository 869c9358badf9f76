"""Training images changed at random: mirrored, moved, both."""

from harness import BASELINE, Suite

SUITE = Suite(
    "augmentation",
    [
        # Mirrored: right for objects, wrong for digits, which have a handedness.
        BASELINE.replace(augmentation="flip"),
        # Moved by up to an eighth: the place in the picture should not matter.
        BASELINE.replace(augmentation="shift"),
        # Both: what most CIFAR-10 recipes start from.
        BASELINE.replace(augmentation="flip+shift"),
    ],
)
