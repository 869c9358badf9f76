"""The hidden dense layers: how many units, how many layers, none."""

from harness import BASELINE, Suite

SUITE = Suite(
    "dense",
    [
        # None: the convolutions must do it alone, with few weights.
        BASELINE.replace(dense=()),
        # Half the units: most of the baseline's weights stand here.
        BASELINE.replace(dense=(64,)),
        # Four times the units: more room, also to overfit.
        BASELINE.replace(dense=(512,)),
        # Two layers: deeper rather than wider.
        BASELINE.replace(dense=(128, 128)),
    ],
    slow=True,
)
