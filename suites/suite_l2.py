"""An L2 penalty on every kernel, from light to heavy."""

from harness import BASELINE, Suite

SUITE = Suite(
    "l2",
    [
        BASELINE.replace(l2=0.0001),
        BASELINE.replace(l2=0.001),
        BASELINE.replace(l2=0.01),
    ],
)
