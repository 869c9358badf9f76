"""What may work better together: width with dropout, with augmentation, with both."""

from harness import BASELINE, Suite

SUITE = Suite(
    "combined",
    [
        BASELINE.replace(filters=(64, 128), dropout=0.4),
        BASELINE.replace(augmentation="shift", dropout=0.2),
        BASELINE.replace(filters=(64, 128), augmentation="shift", dropout=0.4),
    ],
)
