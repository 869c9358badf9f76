"""`run_trial`: one trial from Python, without a store."""

from __future__ import annotations

import dataclasses

from harness.budgets import BUDGETS, Budget
from harness.datasets import Dataset
from harness.errors import InputError
from harness.results.records import Record
from harness.results.trials import Trial
from harness.training.devices import configure_process, find_device, training_environment
from harness.variants import Variant
from harness.variants.sizes import check_variant
from harness.variants.sources import source_fingerprint


def run_trial(variant: Variant, dataset: Dataset, *, seed: int, budget: Budget) -> Record:
    """Train one variant with one seed in this process and return its record.

    Trains on one thread where TensorFlow has not started yet in this process, else on as many as it has; the record
    says how many.

    Args:
        variant: What to train.
        dataset: From `load_dataset`.
        seed: 1 or more.
        budget: Epochs and cap on images; `BUDGETS["quick"].override(epochs=2)`.

    Raises:
        InputError: An argument is of another type, the seed is below 1, or the model is too small or too large for the
            images.
        HarnessError: A user's own builder failed.
    """
    if not isinstance(variant, Variant):
        raise InputError(f"variant is {variant!r}: give a Variant, as BASELINE.replace(dropout=0.5)")
    if not isinstance(dataset, Dataset):
        raise InputError(f"dataset is {dataset!r}: give a Dataset, as load_dataset({str(dataset)!r})")
    if not isinstance(budget, Budget):
        raise InputError(f'budget is {budget!r}: give a Budget, as BUDGETS["quick"]; presets: {", ".join(BUDGETS)}')
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InputError(f"seed is {seed!r}: give a whole number, 1 or more")
    check_variant(variant, dataset.input_shape, len(dataset.classes))
    device = find_device("auto")
    configure_process(device.kind, threads=training_environment(device).threads)
    from harness.training.threads import threads_in_use
    from harness.training.trial import Trainer

    environment = dataclasses.replace(training_environment(device), threads=threads_in_use(device.kind))
    source = source_fingerprint(variant) or ""
    trial = Trial(variant, source, dataset.name, dataset.fingerprint, seed, budget, environment)
    return Trainer().run(trial, dataset)
