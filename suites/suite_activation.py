"""The nonlinearity of every hidden layer."""

from harness import BASELINE, Suite

SUITE = Suite(
    "activation",
    [
        # Negative values keep a tenth or so: no unit can die.
        BASELINE.replace(activation="leaky_relu"),
        # Smooth, with mean activations nearer to zero.
        BASELINE.replace(activation="elu"),
        # Smooth gate, as in transformers.
        BASELINE.replace(activation="gelu"),
        # Smooth gate, as in EfficientNet (swish).
        BASELINE.replace(activation="silu"),
        # What came before relu: it saturates on both sides.
        BASELINE.replace(activation="tanh"),
    ],
    slow=True,
)
