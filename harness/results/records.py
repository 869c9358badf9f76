"""What a finished trial leaves behind: its record."""

from __future__ import annotations

import dataclasses
import math
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from harness.budgets import MAX_EPOCHS
from harness.results.kept_models import KeptModel
from harness.results.predictions import Predictions
from harness.results.provenance import Hardware
from harness.results.reading import LONGEST_S, check_range, parse_json, read_as, read_value, refuse
from harness.results.trials import HIGHEST_SEED, Trial
from harness.results.writing import to_json

Status = Literal["ok", "diverged", "failed"]

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class EpochMetrics:
    """Metrics after one epoch, on training images (running means, as Keras shows them) and on validation.

    Validation is of the weights that stand for the epoch: its last, or the mean of those after its steps. Fractions
    are 0..1; precision and recall are Keras's at threshold 0.5. `seconds` is the wall time of the training pass alone.
    """

    accuracy: float
    precision: float
    recall: float
    loss: float
    val_accuracy: float
    val_precision: float
    val_recall: float
    val_loss: float
    seconds: float


EPOCH_METRICS = ("accuracy", "loss", "precision", "recall")
"""Metrics of an epoch, in the order in which they are drawn and exported; with val_ before them on validation."""


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Record:
    """A finished trial, measured.

    Attributes:
        trial: What was run.
        status: ok; diverged (a loss or metric was not finite); failed (it raised, was killed or ran too long).
        message: Why it failed or diverged, else empty.
        epoch: The epoch, from 1, whose weights, as the budget counts them, made the test figures.
        history: Metrics of every epoch run; empty where they were left unread.
        accuracy: On the test images, as are precision, recall (Keras's, threshold 0.5), macro_f1 and loss.
        params: Number of parameters.
        build_s: Seconds to build and trace the model; next to nothing when the worker had it already.
        train_time_s: Seconds of all training passes.
        total_s: Seconds of the whole trial, evaluation included.
        peak_memory_mib: Highest resident memory of the process (CPU) or of the device (GPU) in this trial.
        predictions: On the test images; None unless status is ok.
        val_accuracies: Those of the history, also where it was left unread.
        features_s: Seconds that a frozen backbone took to compute the features that the head trains on, once and
            whenever that was; nan where none are kept, or it is not known.
        precision_policy: What the layers of a user's own model computed in, where that is not what its variant says;
            else empty.
        model: Where its trial was to keep it, until it is written beside the store, which has none of it.
        trained_on: The machine, where that was another than the command's; in the store it is that of the row's run.
    """

    trial: Trial
    status: Status
    message: str = ""
    epoch: int = 0
    history: tuple[EpochMetrics, ...] = ()
    accuracy: float = NAN
    precision: float = NAN
    recall: float = NAN
    macro_f1: float = NAN
    loss: float = NAN
    params: int = 0
    build_s: float = NAN
    train_time_s: float = NAN
    total_s: float = NAN
    peak_memory_mib: float = NAN
    predictions: Predictions | None = None
    val_accuracies: tuple[float, ...] = ()
    features_s: float = NAN
    precision_policy: str = ""
    model: KeptModel | None = None
    trained_on: Hardware | None = None

    def __post_init__(self) -> None:
        if self.history:
            object.__setattr__(self, "val_accuracies", tuple(epoch.val_accuracy for epoch in self.history))

    def __repr__(self) -> str:
        what = f"accuracy {self.accuracy:.4f} at epoch {self.epoch}" if self.status == "ok" else self.message
        return f"Record({self.trial.label} on {self.trial.dataset}: {self.status}, {what})"

    def to_json(self) -> str:
        """Return all but predictions, model and machine, as strict JSON (a number that is not finite is null)."""
        fields = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("trial", "history", "val_accuracies", "predictions", "model", "trained_on")
        }
        if math.isnan(self.features_s):
            del fields["features_s"]  # the text of every trial without kept features stays what it was
        if not self.precision_policy:
            del fields["precision_policy"]
        fields["trial"] = trial_to_dict(self.trial)
        fields["history"] = [{name: getattr(epoch, name) for name in EpochMetrics.__slots__} for epoch in self.history]
        return to_json(_without_nan(fields), allow_nan=False)

    @classmethod
    def from_json(cls, text: str, predictions: Predictions | None, *, history: bool = True) -> Record:
        """Read what `to_json` wrote, with or without the epochs' metrics; InputError says what of it is wrong."""
        content = parse_json(text)
        if not isinstance(content, dict):
            refuse("a record", content, "an object")
        trial, epochs = trial_from_dict(content.pop("trial", None)), content.pop("history", None)
        kept = read_value(tuple[EpochMetrics, ...], epochs, "history") if history else ()
        known = {
            "trial": trial,
            "history": kept,
            "val_accuracies": _curve(epochs),
            "predictions": predictions,
            "model": None,
            "trained_on": None,
        }
        record = read_as(cls, content, "record", **known)
        for name in ("accuracy", "precision", "recall", "macro_f1"):
            check_range(f"record.{name}", getattr(record, name), 0, 1)
        if record.status == "ok" and math.isnan(record.accuracy):
            refuse("record.accuracy", None, "a number, of a trial that is ok,")
        for name in ("build_s", "train_time_s", "total_s", "features_s"):
            check_range(f"record.{name}", getattr(record, name), 0, LONGEST_S)
        check_range("record.epoch", record.epoch, 0, MAX_EPOCHS)
        for epoch in kept:
            check_range("history.seconds", epoch.seconds, 0, LONGEST_S)
        return record


def _curve(epochs: object) -> tuple[float, ...]:
    """Read the validation accuracies alone: a table needs no more of thousands of histories."""
    if not isinstance(epochs, list):
        refuse("history", epochs, "a list")
    values = [epoch.get("val_accuracy") if isinstance(epoch, dict) else epoch for epoch in epochs]
    curve: tuple[float, ...] = read_value(tuple[float, ...], values, "history.val_accuracy")
    return curve


def trial_to_dict(trial: Trial) -> dict[str, Any]:
    """Return a trial as plain JSON types."""
    fields = {field.name: getattr(trial, field.name) for field in dataclasses.fields(trial) if field.compare}
    return fields | {
        "variant": trial.variant.to_json(),
        "budget": trial.budget.to_dict(),
        "environment": trial.environment.to_dict(),
    }


def trial_from_dict(content: object) -> Trial:
    """Read what `trial_to_dict` wrote; what was written before there were recipes is of the first one."""
    if not isinstance(content, dict):
        refuse("trial", content, "an object")
    trial = read_as(Trial, {"recipe": 1} | content, "trial", against=(), keep_model=False)
    check_range("trial.seed", trial.seed, 0, HIGHEST_SEED)
    shared: dict[str, Any] = {name: sys.intern(getattr(trial, name)) for name in ("source", "dataset", "fingerprint")}
    return dataclasses.replace(trial, budget=_only(trial.budget), environment=_only(trial.environment), **shared)


# A store holds few different budgets and environments, and thousands of records: each is kept once.
@lru_cache(maxsize=256)
def _only(one: Any) -> Any:
    return one


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return value
