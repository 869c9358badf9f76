"""What is compared: a baseline, and variants of it, a line each; `pytest suites` checks them in seconds."""

from harness import BASELINE, Suite

# BASELINE is a small CNN: two blocks of 32 and 64 filters, a dense layer of 128, Adam, batches of 32.
# A variant says what it does otherwise: `python -c "import harness; help(harness.Variant)"` explains every field.
FIRST = Suite(
    "first",
    [
        # Half the filters: faster, but how much worse?
        BASELINE.replace(filters=(16, 32)),
        # Against overfitting.
        BASELINE.replace(dropout=0.4),
        BASELINE.replace(augmentation="flip"),
    ],
)

# A model of your own: a function in a module of this project, called as build(variant, input_shape, classes). It
# returns a keras.Model for pixels from 0 to 1 that ends in a softmax. Then:
#
#     from harness import Variant
#
#     NET = Variant(model="nets:build", options={"width": 16})  # nets.py beside pyproject.toml
#     OWN = Suite("own", [NET.replace(options={"width": 32}), NET.replace(dropout=0.3)], baseline=NET)
#
# `harness init --example small_resnet` writes one that runs.
