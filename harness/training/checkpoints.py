"""A trial that goes on from an earlier, shorter run of itself: its whole state, kept in a file between the two.

Everything that decides the next epoch is in it: the model's variables (moving averages and seed generators among
them), the optimizer's, and the epochs behind it, from which the order of images follows. So a trial of 9 epochs that
goes on from its 3rd ends in the same bits as one that never stopped; where the file is missing or damaged the trial
starts from its first epoch, and still ends in them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from harness.files import replaced
from harness.results.records import EpochMetrics
from harness.results.trials import Trial
from harness.training.checkpoint_path import checkpoint_path
from harness.training.prepared import assign_values, variable_values

Arrays = list[NDArray[np.generic]]

_METRICS = tuple(column.name for column in dataclasses.fields(EpochMetrics))


@dataclass
class TrialState:
    """How far a trial has come.

    Attributes:
        history: Metrics of each epoch behind it.
        best: The epoch of them that would be tested, from 1; 0 before the first.
        weights: The weights that stand for that epoch.
        seconds: Time that the earlier runs took in all.
    """

    history: list[EpochMetrics] = field(default_factory=list)
    best: int = 0
    weights: Arrays | None = None
    seconds: float = 0.0


class Checkpoints:
    """States of trials in a folder, a file each, named after the trial and the epochs behind it.

    Files are NumPy archives of plain arrays, never pickled, and written whole or not at all.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, trial: Trial, model: keras.Model, progress: TrialState) -> None:
        """Keep the state of a trial that has trained all of its epochs.

        Where it cannot be written, as on a full disk, a longer run of the trial starts from the beginning: that costs
        time, and this one has its result.
        """
        arrays = {f"model_{n}": value for n, value in enumerate(variable_values(model.variables))}
        arrays |= {f"optimizer_{n}": value for n, value in enumerate(variable_values(model.optimizer.variables))}
        arrays |= {f"best_{n}": value for n, value in enumerate(progress.weights or [])}
        history = np.array([[getattr(epoch, name) for name in _METRICS] for epoch in progress.history], np.float64)
        path = checkpoint_path(self._folder, trial)
        best, seconds = np.int64(progress.best), np.float64(progress.seconds)
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            with replaced(path) as scratch:
                np.savez(scratch, allow_pickle=False, history=history, best=best, seconds=seconds, **arrays)

    def load(self, trial: Trial, model: keras.Model) -> TrialState:
        """Put a model into the furthest state kept of a trial, and return how far that is.

        Nothing is touched, and the progress is empty, where no shorter run of it was kept or its file is damaged.
        """
        for epochs in range(trial.budget.epochs - 1, 0, -1):
            path = checkpoint_path(self._folder, trial, epochs=epochs)
            if not path.is_file():
                continue
            # A damaged file costs time, not a wrong result.
            with contextlib.suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
                return _read(path, model, epochs)
        return TrialState()


def _read(path: Path, model: keras.Model, epochs: int) -> TrialState:
    with np.load(path, allow_pickle=False) as arrays:
        variables = _values(arrays, "model", model.variables)
        optimizer = _values(arrays, "optimizer", model.optimizer.variables)
        weights = _values(arrays, "best", model.weights)
        history = [EpochMetrics(**dict(zip(_METRICS, row, strict=True))) for row in arrays["history"].tolist()]
        best, seconds = int(arrays["best"]), float(arrays["seconds"])
    if len(history) != epochs or not 1 <= best <= epochs:
        raise ValueError("not the state of this trial")
    assign_values(model.variables, variables)
    assign_values(model.optimizer.variables, optimizer)
    return TrialState(history, best, weights, seconds)


def _values(arrays: np.lib.npyio.NpzFile, group: str, variables: list[keras.Variable]) -> Arrays:
    values = [arrays[f"{group}_{number}"] for number in range(len(variables))]
    if [value.shape for value in values] != [tuple(variable.shape) for variable in variables]:
        raise ValueError("another model's shapes")
    return values
