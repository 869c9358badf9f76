"""Dropout in front of the hidden dense layer, against overfitting."""

from harness import BASELINE, Suite

SUITE = Suite(
    "dropout",
    [
        BASELINE.replace(dropout=0.2),
        BASELINE.replace(dropout=0.4),
        BASELINE.replace(dropout=0.6),
    ],
)
