"""Batch normalisation, alone and with what it is said to allow or replace."""

from harness import BASELINE, Suite

SUITE = Suite(
    "batch_norm",
    [
        # Alone: steadier activations, more work a step.
        BASELINE.replace(batch_norm=True),
        # It is said to bear higher learning rates.
        BASELINE.replace(batch_norm=True, learning_rate=0.003),
        # Its noise regularises too: is dropout still of use?
        BASELINE.replace(batch_norm=True, dropout=0.4),
    ],
    slow=True,
)
