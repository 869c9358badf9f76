"""L1 and L2 penalties together (elastic net)."""

from harness import BASELINE, Suite

SUITE = Suite(
    "l1_l2",
    [
        # Both light.
        BASELINE.replace(l1=0.00001, l2=0.0001),
        # Mostly L2, with a little sparsity.
        BASELINE.replace(l1=0.00001, l2=0.001),
        # Mostly L1, with large weights held down.
        BASELINE.replace(l1=0.0001, l2=0.0001),
    ],
    slow=True,
)
