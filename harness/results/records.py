"""What a finished trial leaves behind: its record."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from harness.budgets import Budget
from harness.results.predictions import Predictions
from harness.results.trials import DeviceKind, Environment, Trial
from harness.variants import Variant

Status = Literal["ok", "diverged", "failed"]

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class EpochMetrics:
    """Metrics after one epoch, on training images (running means, as Keras shows them) and on validation.

    Fractions are 0..1; precision and recall are Keras's at threshold 0.5. `seconds` is the wall time of the
    training pass alone.
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


@dataclass(frozen=True, eq=False, slots=True)
class Record:
    """A finished trial, measured.

    Attributes:
        trial: What was run.
        status: ok; diverged (a loss or metric was not finite); failed (it raised, was killed or ran too long).
        message: Why it failed or diverged, else empty.
        epoch: The epoch, from 1, with the best validation accuracy; its weights made the test figures.
        history: Metrics of every epoch run.
        accuracy: On the test images, as are precision, recall (Keras's, threshold 0.5), macro_f1 and loss.
        params: Number of parameters.
        build_s: Seconds to build and trace the model; next to nothing when the worker had it already.
        train_time_s: Seconds of all training passes.
        total_s: Seconds of the whole trial, evaluation included.
        peak_memory_mib: Highest resident memory of the process (CPU) or of the device (GPU) in this trial.
        predictions: On the test images; None unless status is ok.
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

    def to_json(self) -> str:
        """Return everything but the predictions, as strict JSON (a number that is not finite is null)."""
        fields = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("trial", "history", "predictions")
        }
        fields["trial"] = trial_to_dict(self.trial)
        fields["history"] = [dataclasses.asdict(epoch) for epoch in self.history]
        return json.dumps(_without_nan(fields), allow_nan=False)

    @classmethod
    def from_json(cls, text: str, predictions: Predictions | None, *, history: bool = True) -> Record:
        """Read what `to_json` wrote, with or without the epochs' metrics."""
        fields = json.loads(text)
        trial = trial_from_dict(fields.pop("trial"))
        epochs = fields.pop("history")
        kept = tuple(EpochMetrics(**_with_nan(epoch)) for epoch in epochs) if history else ()
        return cls(trial=trial, history=kept, predictions=predictions, **_with_nan(fields))


def trial_to_dict(trial: Trial) -> dict[str, Any]:
    """Return a trial as plain JSON types."""
    fields = {field.name: getattr(trial, field.name) for field in dataclasses.fields(trial) if field.compare}
    return fields | {
        "variant": trial.variant.to_json(),
        "budget": dataclasses.asdict(trial.budget),
        "environment": trial.environment.to_dict(),
    }


def trial_from_dict(fields: dict[str, Any]) -> Trial:
    """Read what `trial_to_dict` wrote; what was written before there were recipes is of the first one."""
    fields = {"recipe": 1} | fields
    environment = dict(fields["environment"])
    versions = environment.pop("versions")
    return Trial(
        **fields
        | {
            "variant": Variant.from_json(fields["variant"]),
            "source": sys.intern(fields["source"]),
            "dataset": sys.intern(fields["dataset"]),
            "fingerprint": sys.intern(fields["fingerprint"]),
            "budget": _budget(tuple(fields["budget"].items())),
            "environment": _environment(*environment.values(), tuple(map(tuple, versions))),
        }
    )


# A store holds few different ones, and thousands of records: each is made and checked once.
@lru_cache(maxsize=256)
def _budget(fields: tuple[tuple[str, Any], ...]) -> Budget:
    return Budget(**dict(fields))


@lru_cache(maxsize=256)
def _environment(device: DeviceKind, backend: str, threads: int, versions: tuple[tuple[str, str], ...]) -> Environment:
    return Environment(device, backend, threads, versions)


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return value


def _with_nan(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: NAN if value is None else value for name, value in fields.items()}
