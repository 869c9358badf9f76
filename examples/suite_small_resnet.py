"""Another baseline than the tutorial's: a small residual network, and what its options change."""

from harness import Suite, Variant

RESNET = Variant(model="examples.small_resnet:build", options={"blocks": 1, "width": 8})

SUITE = Suite(
    "small_resnet",
    [
        # Twice the blocks: deeper at the same width.
        RESNET.replace(options={"blocks": 2, "width": 8}),
        # Twice the width: four times the work.
        RESNET.replace(options={"blocks": 1, "width": 16}),
        # A field of the variant that the builder reads.
        RESNET.replace(dropout=0.3),
    ],
    baseline=RESNET,
)
