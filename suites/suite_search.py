"""What a search finds that nobody thought of: width, dropout, L2 and the learning rate together."""

from harness import BASELINE
from harness.search import Float, Search

# Sixteen times around the tutorial's learning rate, where Adam still trains; widths that stay affordable.
SEARCH = Search(
    "regularised",
    {
        "filters": [(16, 32), (32, 64), (64, 64), (64, 128)],
        "dropout": Float(0, 0.6, step=0.1),
        "l2": Float(0, 0.001, step=0.00025),
        "learning_rate": Float(0.00025, 0.004, step=2, sampling="log"),
    },
    oracle="bayesian",
    tries=20,
    baseline=BASELINE,
)
