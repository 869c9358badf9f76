"""Whether a user's own steps measure what the tables are made of."""

from __future__ import annotations

import keras
import numpy as np

from harness.variants.sources import BuildError

MEASURED = ("loss", "accuracy", "precision", "recall")
"""Names of what a step of training or validation measures."""


def measured(model: keras.Model) -> dict[str, float]:
    """Return the loss and metrics of a model since they were last reset, whatever its own steps return."""
    return {name: float(value) for name, value in model.get_metrics_result().items()}


def check_measured(target: str | None, model: keras.Model, step: str) -> None:
    """Refuse a user's model whose own step left the loss or a metric as it was: that would be shown as 0.

    Args:
        target: The user's "package.module:function"; None for no user's model, of which nothing is asked.
        model: Just after that step, its metrics not yet reset.
        step: The method that makes it: "train_step" or "test_step".

    Raises:
        BuildError: Says what is missing, and how a step of one's own measures it.
    """
    if target is None:
        return
    missing: list[str] = []
    for metric in model.metrics:
        if metric.name in ("loss", "compile_metrics"):
            values = [keras.ops.convert_to_numpy(variable.value) for variable in metric.variables]
            if not any(np.any(value) for value in values):  # there are none before its first use
                missing += ["loss"] if metric.name == "loss" else MEASURED[1:]
    if not missing:
        known = model.get_metrics_result()
        missing = [name for name in MEASURED if name not in known]
    if missing:
        raise BuildError(
            f'model "{target}" has a {step} or metrics of its own that measure no {", ".join(dict.fromkeys(missing))}: '
            f"let {step} end in `self._loss_tracker.update_state(loss)` and `return self.compute_metrics(x, y, "
            "predictions)`, and a `metrics` of its own return super().metrics too"
        )
