"""Dropout in front of the hidden dense layer, against overfitting."""

from harness import BASELINE, Suite

SUITE = Suite(
    "dropout",
    [
        # Light: hardly slows learning in few epochs.
        BASELINE.replace(dropout=0.2),
        # Between the usual convolutional and dense rates.
        BASELINE.replace(dropout=0.4),
        # Heavy: may need more epochs than a quick budget has.
        BASELINE.replace(dropout=0.6),
    ],
)
