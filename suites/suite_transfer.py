"""Networks of keras.applications with a head of their own, against the tutorial's CNN.

TRANSFER_WEIGHTS names the weights: "imagenet" (downloads them) or, for MobileNetV2 alone, a file that
`harness pretrain` wrote. Without it the backbones are random: it shows that all runs, and what the head can do alone.
"""

import os

from harness import BASELINE, Suite

WEIGHTS = os.environ.get("TRANSFER_WEIGHTS")

MOBILE = BASELINE.replace(backbone="MobileNetV2", weights=WEIGHTS)

VARIANTS = [
    # Small and frozen: its features are computed once, so a trial costs a head's training.
    MOBILE,
    # The same, but the head alone decides: how good are the features as they are?
    MOBILE.replace(dense=()),
    # Fine-tuned from its weights (without weights: from scratch), at a rate that does not spoil them at once.
    MOBILE.replace(fine_tune=True, learning_rate=0.0003),
]

if not WEIGHTS or WEIGHTS == "imagenet":
    VARIANTS += [
        # The usual first choice, 23.6 million parameters.
        BASELINE.replace(backbone="ResNet50", weights=WEIGHTS),
        # Plain 3x3 convolutions: the baseline's idea, twelve layers deeper.
        BASELINE.replace(backbone="VGG16", weights=WEIGHTS),
        # Found by search for the best accuracy at a given amount of work.
        BASELINE.replace(backbone="EfficientNetB0", weights=WEIGHTS),
        # Several kernel sizes side by side.
        BASELINE.replace(backbone="InceptionV3", weights=WEIGHTS),
    ]

SUITE = Suite("transfer", VARIANTS, slow=True)
