"""Images a step: smaller, larger, and larger with a learning rate to match."""

from harness import BASELINE, Suite

SUITE = Suite(
    "batch_size",
    [
        # Half: twice the steps an epoch, with noisier gradients.
        BASELINE.replace(batch_size=16),
        # Twice: fewer steps, a better use of the machine in each.
        BASELINE.replace(batch_size=64),
        # Four times: too few steps in a short budget?
        BASELINE.replace(batch_size=128),
        # Four times, its rate raised by the square root, as suits Adam.
        BASELINE.replace(batch_size=128, learning_rate=0.002),
    ],
    slow=True,
)
