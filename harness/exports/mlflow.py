"""An MLflow store: an experiment per set of conditions, a run per variant, and in it a run per trial."""

from __future__ import annotations

import hashlib
import logging
import math
import re
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from harness.exports.runs import (
    Condition,
    conditions_of,
    needed,
    new_database,
    refuse_existing,
    started_s,
    step_times_by_variant,
)
from harness.results import Results
from harness.results.records import EPOCH_METRICS, Record
from harness.results.step_times import StepTimes
from harness.variants import Variant

RESULTS = ("accuracy", "precision", "recall", "macro_f1", "loss")
# What MLflow takes of a tag's or parameter's text, of a name, and of a key.
_MAX_TEXT = 5000
_MAX_NAME = 450
_MAX_KEY = 200
_NO_KEY = re.compile(r"[^A-Za-z0-9_\-. :/]|^[./]|(?<=[./])[./]|/$")


def export_mlflow(results: Results, file: Path) -> int:
    """Write an MLflow store as one SQLite file and return its number of trials.

    `mlflow ui --backend-store-uri sqlite:///FILE` shows it. Metrics an epoch are named train_... and validation_...,
    a trial's results test_...; a variant's run has their means and standard deviations over seeds.

    Raises:
        InputError: The file exists, or there are no results.
        HarnessError: MLflow, or SQLAlchemy and Alembic, which its SQLite store needs, are not installed.
    """
    needed("mlflow", "mlflow", package="mlflow-skinny")
    for module in ("sqlalchemy", "alembic"):
        needed(module, "mlflow")
    refuse_existing(file)
    conditions = conditions_of(results)
    # Its migrations talk of every table they make.
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
    artifacts = file.resolve().with_name(file.name + ".artifacts").as_uri()
    with new_database(file) as address:
        client = needed("mlflow.tracking", "mlflow").MlflowClient(tracking_uri=address)
        for condition in conditions:
            experiment = client.create_experiment(_cut(condition.label, _MAX_NAME), artifact_location=artifacts)
            times = step_times_by_variant(condition.trained)
            for variant, seeds in condition.trained.records.items():
                records = [seeds[seed] for seed in sorted(seeds)]
                _write_variant(client, experiment, condition, variant, records, results, times)
    return sum(len(condition.records) for condition in conditions)


def _write_variant(
    client: Any,
    experiment: str,
    condition: Condition,
    variant: Variant,
    records: list[Record],
    results: Results,
    times: dict[Variant, tuple[float, StepTimes]],
) -> None:
    starts = [started_s(results.provenances[record.trial.key]) for record in records]
    tags = {"suite": ", ".join(suite.name for suite in results.suites if variant in suite.members)}
    parent = client.create_run(
        experiment, start_time=_ms(min(starts)), run_name=_cut(results.called(variant), _MAX_NAME), tags=_cut_all(tags)
    ).info.run_id
    good = [record for record in records if record.status == "ok"]
    values: dict[str, float] = {"seeds": len(good)}
    for name in RESULTS:
        found = [getattr(record, name) for record in good]
        if not all(map(math.isfinite, found)):
            continue  # a precision of no predicted class: the mean of the others would be of other seeds
        if found:
            values[f"test_{name}"] = fmean(found)
        if len(found) > 1:
            values[f"test_{name}_std"] = stdev(found)
    if variant in times:
        values["step_time_ms"] = times[variant][0]
    end = min(starts)
    for record, start in zip(records, starts, strict=True):
        end = max(end, _write_trial(client, experiment, condition, record, results, parent, start))
    _log(client, parent, condition, variant, [(name, value, end, 0) for name, value in values.items()])
    client.set_terminated(parent, status="FINISHED" if good else "FAILED", end_time=_ms(end))


def _write_trial(
    client: Any, experiment: str, condition: Condition, record: Record, results: Results, parent: str, start: float
) -> float:
    trial, provenance = record.trial, results.provenances[record.trial.key]
    tags = {
        "mlflow.parentRunId": parent,
        "seed": str(trial.seed),
        "status": record.status,
        "message": record.message,
        "mlflow.source.git.commit": provenance.commit,
        "command": provenance.command,
        "machine": provenance.machine,
        "dataset_fingerprint": trial.fingerprint,
    }
    run = client.create_run(
        experiment,
        start_time=_ms(start),
        run_name=_cut(trial.called(results.called(trial.variant)), _MAX_NAME),
        tags=_cut_all(tags),
    ).info.run_id
    points: list[tuple[str, float, float, int]] = []
    now = start
    for number, epoch in enumerate(record.history, start=1):
        now += epoch.seconds
        points += [(f"train_{name}", getattr(epoch, name), now, number) for name in EPOCH_METRICS]
        points += [(f"validation_{name}", getattr(epoch, f"val_{name}"), now, number) for name in EPOCH_METRICS]
    if record.status == "ok":
        points += [(f"test_{name}", getattr(record, name), now, record.epoch) for name in RESULTS]
        points.append(("train_time_s", record.train_time_s, now, record.epoch))
    _log(client, run, condition, trial.variant, points, seed=trial.seed)
    client.set_terminated(run, status="FINISHED" if record.status == "ok" else "FAILED", end_time=_ms(now))
    return now


def _log(
    client: Any,
    run: str,
    condition: Condition,
    variant: Variant,
    points: list[tuple[str, float, float, int]],
    *,
    seed: int | None = None,
) -> None:
    entities = needed("mlflow.entities", "mlflow")
    fields = {"variant": variant.name, **{name: str(value) for name, value in condition.fields[variant].items()}}
    if seed is not None:
        fields["seed"] = str(seed)
    metrics = [entities.Metric(name, value, _ms(at), step) for name, value, at, step in points if value == value]
    client.log_batch(run, params=[entities.Param(_key(name), value[:_MAX_TEXT]) for name, value in fields.items()])
    for start in range(0, len(metrics), 1000):  # the most that MLflow takes at once
        client.log_batch(run, metrics=metrics[start : start + 1000])


def _key(name: str) -> str:
    """Return a name that MLflow takes: that of an option may be any text."""
    plain = _NO_KEY.sub("_", name)
    return name if plain == name and len(name) <= _MAX_KEY else _marked(plain, name, _MAX_KEY)


def _cut(text: str, longest: int) -> str:
    """Return a text that MLflow takes; one that is cut stays unlike any other."""
    return text if len(text) <= longest else _marked(text, text, longest)


def _cut_all(tags: dict[str, str]) -> dict[str, str]:
    return {name: text[:_MAX_TEXT] for name, text in tags.items()}


def _marked(start: str, whole: str, longest: int) -> str:
    mark = "-" + hashlib.sha256(whole.encode(errors="surrogatepass")).hexdigest()[:8]
    return start[: longest - len(mark)] + mark


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
