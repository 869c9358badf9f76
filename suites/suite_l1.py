"""An L1 penalty on every kernel: it drives weights to zero rather than small."""

from harness import BASELINE, Suite

SUITE = Suite(
    "l1",
    [
        # Light: its pull is constant, so it needs a smaller factor than L2.
        BASELINE.replace(l1=0.00001),
        # Moderate: many weights end near zero.
        BASELINE.replace(l1=0.0001),
        # Heavy: where does it begin to hurt?
        BASELINE.replace(l1=0.001),
    ],
    slow=True,
)
