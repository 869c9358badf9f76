"""How large a patch each convolution sees."""

from harness import BASELINE, Suite

SUITE = Suite(
    "kernel_size",
    [
        # The smallest patch that has neighbours.
        BASELINE.replace(kernel_size=2),
        # As the first networks on small pictures: 2.8 times the weights of 3x3.
        BASELINE.replace(kernel_size=5),
        # Large patches early: fewer pixels left after each block.
        BASELINE.replace(kernel_size=7),
    ],
    slow=True,
)
