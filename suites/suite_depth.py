"""How many blocks, one to four (the baseline has two)."""

from harness import BASELINE, Suite

SUITE = Suite(
    "depth",
    [
        # One block: most of the weights then stand in the dense layer.
        BASELINE.replace(filters=(32,)),
        # Three blocks: a wider view before the dense layer.
        BASELINE.replace(filters=(32, 64, 64)),
        # Four blocks: about all that a picture of 32x32 can be halved.
        BASELINE.replace(filters=(32, 64, 64, 64)),
    ],
    slow=True,
)
