"""The quick check of a variant: it builds, its shapes fit, its loss falls on one batch, everything stays finite."""

from __future__ import annotations

import math
from statistics import fmean

import keras
import numpy as np

from harness.datasets import Dataset
from harness.errors import HarnessError
from harness.models.builders import user_errors
from harness.models.state import known_state
from harness.noise import quiet_libraries
from harness.training.measured import check_measured, measured
from harness.training.prepared import build_for, weight_values
from harness.training.repeated import unlike_its_twin
from harness.variants import Variant
from harness.variants.reads import Reads
from harness.variants.sizes import check_variant
from harness.variants.user_code import contained

_BATCH = 32
_SEED = 1
# Some optimizers, and strong dropout, need more than a few steps before the loss of a batch falls for good.
_STEPS = (12, 48)
_WINDOW = 3


class CheckError(HarnessError):
    """A variant that cannot be trained as it is."""


@quiet_libraries()
def check_trains(variant: Variant, dataset: Dataset, *, baseline: Variant | None = None) -> str:
    """Build a variant and train it for a few steps on one batch; return what to warn of, empty for nothing.

    With `baseline`, what a user's own model differs in must be read by its builder. Such a model is built twice: it is
    warned of where the second is not the first.

    Raises:
        InputError, HarnessError: The variant cannot be built on these images.
        CheckError: The output has the wrong shape, a weight or the loss is not finite, no weight moves, or the loss
            does not fall.
    """
    with known_state(_SEED if variant.model else None), contained(), user_errors(variant.model):
        return _check(variant, dataset, baseline)


def _check(variant: Variant, dataset: Dataset, baseline: Variant | None) -> str:
    check_variant(variant, dataset.input_shape, len(dataset.classes))
    reads = Reads()
    model = build_for(variant, dataset, seed=_SEED, reads=reads)
    chosen = np.random.default_rng(_SEED).permutation(len(dataset.train_labels))[:_BATCH]
    x = dataset.train_images[chosen].astype(np.float32) / 255
    y = np.eye(len(dataset.classes), dtype=np.float32)[dataset.train_labels[chosen]]
    # Before any other call: some layers draw whether they train or not.
    unlike = unlike_its_twin(model, build_for(variant, dataset, seed=_SEED), x[:2]) if variant.model else ""
    output = np.asarray(model(x[:2], training=False))
    if output.shape != (len(x[:2]), len(dataset.classes)):
        raise CheckError(f"{variant.name}: the output for 2 images has shape {output.shape}, not {y[:2].shape}")
    if variant.model and model._compile_metrics is not None:
        model._compile_metrics.update_state(y[: len(output)], output)  # makes their variables
        model.reset_metrics()
    before = weight_values(model)
    epochs: list[dict[str, float]] = []
    measuring = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(measured(model)))
    for steps in _STEPS:
        # Epochs of one batch: a step of one's own is given (x, y), as in a trial; `train_on_batch` adds weights.
        first, more = not epochs, steps - len(epochs)
        model.fit(x, y, batch_size=len(x), epochs=more, shuffle=False, verbose=0, callbacks=[measuring])
        if first:
            check_measured(variant.model, model, "train_step")
            if variant.model and baseline is not None:
                reads.check(variant, baseline)
        losses = [epoch["loss"] for epoch in epochs]
        for number, loss in enumerate(losses, 1):
            if not math.isfinite(loss):
                raise CheckError(f"{variant.name}: the loss of step {number} is {loss}: gradients explode")
        if fmean(losses[-_WINDOW:]) < fmean(losses[:_WINDOW]):
            break
    else:
        raise CheckError(
            f"{variant.name}: the loss of one batch does not fall in {len(losses)} steps "
            f"({fmean(losses[:_WINDOW]):.4g} first, {fmean(losses[-_WINDOW:]):.4g} last): check the learning rate"
        )
    if variant.model:
        model.evaluate(x, y, batch_size=len(x), verbose=0)
        check_measured(variant.model, model, "test_step")
    outputs = np.asarray(model(x, training=False))
    if np.ptp(outputs, axis=0).max() == 0:
        raise CheckError(
            f"{variant.name}: every picture has the same output: are its pixels, floats from 0 to 1, cut to integers?"
        )
    after = weight_values(model)
    if not all(np.isfinite(weights).all() for weights in after):
        raise CheckError(f"{variant.name}: a weight is not finite after {len(losses)} steps")
    if all(np.array_equal(old, new) for old, new in zip(before, after, strict=True)):
        raise CheckError(f"{variant.name}: no weight moved in {len(losses)} steps: is everything frozen?")
    return f"{variant.name}: {unlike}" if unlike else ""
