"""Test figures from a model's outputs: the tutorial's metrics, and what each image contributes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.results.predictions import Predictions

# Keras's Precision and Recall count a class as predicted above this probability, as the tutorial does.
THRESHOLD = 0.5
# Keras clips probabilities to this before the logarithm of the cross-entropy.
_EPSILON = 1e-7


@dataclass(frozen=True)
class TestMetrics:
    """Figures over all test images; fractions of 1, loss in nats."""

    __test__ = False

    accuracy: float
    precision: float
    recall: float
    macro_f1: float
    loss: float


def predictions_of(outputs: NDArray[np.float32], labels: NDArray[np.int64]) -> Predictions:
    """Return what the outputs, probabilities [N, classes], say about each image."""
    above = outputs > THRESHOLD
    return Predictions(
        predicted=outputs.argmax(axis=1).astype(np.uint16),
        positives=np.minimum(above.sum(axis=1), 255).astype(np.uint8),
        true_positive=above[np.arange(len(labels)), labels],
    )


def measure(predictions: Predictions, outputs: NDArray[np.float32], labels: NDArray[np.int64]) -> TestMetrics:
    """Return accuracy, Keras's precision and recall at threshold 0.5, macro-F1 (scikit-learn's) and loss.

    Precision is nan, not Keras's 0, where no class of any image has a probability above 0.5: it is not defined there.
    """
    from sklearn.metrics import f1_score

    true_positives = int(predictions.true_positive.sum())
    positives = int(predictions.positives.sum(dtype=np.int64))
    likelihood = np.clip(outputs[np.arange(len(labels)), labels].astype(np.float64), _EPSILON, 1 - _EPSILON)
    return TestMetrics(
        accuracy=float((predictions.predicted == labels).mean()),
        precision=true_positives / positives if positives else float("nan"),
        recall=true_positives / len(labels),
        macro_f1=float(f1_score(labels, predictions.predicted, average="macro", zero_division=0)),
        loss=float(-np.log(likelihood).mean()),
    )
