"""MobileNetV2 on classes it has never seen: weights of its other classes against from scratch.

To be run where `harness pretrain` wrote mobilenetv2.weights.h5; README.md beside this file has the commands.
"""

from harness import Suite, Variant

WEIGHTS = "mobilenetv2.weights.h5"

# Nothing but an output layer behind the backbone, so that what differs is where its weights come from.
SCRATCH = Variant(backbone="MobileNetV2", fine_tune=True, dense=())

SUITE = Suite(
    "pretrained",
    [
        # Frozen: only the output layer learns, on features computed once.
        SCRATCH.replace(weights=WEIGHTS, fine_tune=False),
        # Fine-tuned: all of it goes on learning, at a rate that does not spoil what it has learnt.
        SCRATCH.replace(weights=WEIGHTS, learning_rate=0.0003),
        # From scratch at that rate too: is it the weights or the rate?
        SCRATCH.replace(learning_rate=0.0003),
    ],
    baseline=SCRATCH,
    slow=True,
)
