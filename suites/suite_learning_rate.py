"""Adam's learning rate around its default of 0.001."""

from harness import BASELINE, Suite

SUITE = Suite(
    "learning_rate",
    [
        # A third: steadier, but slow for few epochs.
        BASELINE.replace(learning_rate=0.0003),
        # Three times: faster while it holds.
        BASELINE.replace(learning_rate=0.003),
        # Ten times: near where training breaks.
        BASELINE.replace(learning_rate=0.01),
    ],
    slow=True,
)
