"""What may work better together: width with dropout, with augmentation, with both."""

from harness import BASELINE, Suite

SUITE = Suite(
    "combined",
    [
        # A wider network overfits sooner: dropout against it.
        BASELINE.replace(filters=(64, 128), dropout=0.4),
        # Augmentation regularises already, so dropout is light.
        BASELINE.replace(augmentation="shift", dropout=0.2),
        # All three: the width that both regularisers pay for.
        BASELINE.replace(filters=(64, 128), augmentation="shift", dropout=0.4),
    ],
)
