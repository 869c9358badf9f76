"""Training images changed at random: mirrored, moved, both."""

from harness import BASELINE, Suite

SUITE = Suite(
    "augmentation",
    [
        BASELINE.replace(augmentation="flip"),
        BASELINE.replace(augmentation="shift"),
        BASELINE.replace(augmentation="flip+shift"),
    ],
)
