"""What is kept of each 2x2 window, or no pooling at all."""

from harness import BASELINE, Suite

SUITE = Suite(
    "pooling",
    [
        # The mean: smoother, also where only one pixel tells.
        BASELINE.replace(pooling="average"),
        # The sum, average times area: the same but for the scale, so it shows what scale does.
        BASELINE.replace(pooling="sum"),
        # None: the picture stays large, and so does the dense layer.
        BASELINE.replace(pooling="none"),
    ],
    slow=True,
)
