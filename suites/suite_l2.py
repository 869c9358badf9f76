"""An L2 penalty on every kernel, from light to heavy."""

from harness import BASELINE, Suite

SUITE = Suite(
    "l2",
    [
        # The usual weight decay of convolutional networks.
        BASELINE.replace(l2=0.0001),
        # What tutorials often take.
        BASELINE.replace(l2=0.001),
        # Heavy: where does it begin to hurt?
        BASELINE.replace(l2=0.01),
    ],
)
