"""Where the state of a trial is kept. Imports no Keras: who cleans up needs the names alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from harness.results.trials import Trial


def checkpoint_path(folder: Path, trial: Trial, *, epochs: int | None = None) -> Path:
    """Return the file of a trial's state after some epochs (default: all of its own)."""
    epochs = epochs or trial.budget.epochs
    budget = dataclasses.replace(trial.budget, epochs=epochs)
    return folder / f"{dataclasses.replace(trial, budget=budget).key[:32]}-{epochs}.npz"
