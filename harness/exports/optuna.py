"""An Optuna storage, so that optuna-dashboard opens the results: a study per suite and set of conditions."""

from __future__ import annotations

import math
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from harness.comparison.groups import plans_of
from harness.errors import InputError
from harness.exports.runs import (
    Condition,
    Value,
    conditions_of,
    differing_fields,
    needed,
    new_database,
    refuse_existing,
    started_s,
    step_times_by_variant,
)
from harness.results import Results
from harness.results.records import NAN, Record
from harness.suites import Suite


def export_optuna(results: Results, file: Path) -> int:
    """Write an Optuna storage as one SQLite file and return its number of trials.

    `optuna-dashboard sqlite:///FILE` shows it. A trial's value is its test accuracy, to be maximised; its intermediate
    values are validation accuracies; seed, variant and the other results are user attributes. Failed and diverged
    trials have the state FAIL.

    Raises:
        InputError: The file exists, there are no results, or the time zone is none that Optuna can store.
        HarnessError: Optuna is not installed.
    """
    optuna = needed("optuna", "optuna")
    refuse_existing(file)
    conditions = conditions_of(results)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    count = 0
    with new_database(file) as address:
        storage = optuna.storages.RDBStorage(address)
        planned = {(plan.suite.name, plan.conditions) for plan in plans_of(results)}
        for suite in results.suites:
            for condition in conditions:
                if (suite.name, condition.trained.conditions) in planned:
                    count += _write_study(optuna, storage, suite, condition, results)
    return count


def _write_study(optuna: Any, storage: Any, suite: Suite, condition: Condition, results: Results) -> int:
    records = [record for record in condition.records if record.trial.variant in suite.members]
    if not records:
        return 0
    study = optuna.create_study(storage=storage, study_name=f"{suite.name} ({condition.label})", direction="maximize")
    study.set_user_attr("baseline", suite.baseline.name)
    study.set_user_attr("dataset_fingerprint", condition.trained.conditions.fingerprint)
    fields = differing_fields(dict.fromkeys(record.trial.variant for record in records))
    distributions = _distributions(optuna, list(fields.values()))
    times = step_times_by_variant(condition.trained)
    for record in records:
        variant = record.trial.variant
        step_time_ms = times[variant][0] if variant in times else NAN
        study.add_trial(_trial(optuna, record, step_time_ms, results, fields[variant], distributions))
    return len(records)


def _distributions(optuna: Any, fields: list[dict[str, Value]]) -> dict[str, Any]:
    """Return a distribution a field: a range for numbers, the values seen for others."""
    found = {}
    for name in fields[0]:
        values = [one[name] for one in fields]
        numbers = [value for value in values if isinstance(value, float)]
        if len(numbers) == len(values):
            found[name] = optuna.distributions.FloatDistribution(min(numbers), max(numbers))
        else:
            found[name] = optuna.distributions.CategoricalDistribution(list(dict.fromkeys(values)))
    return found


def _trial(
    optuna: Any,
    record: Record,
    step_time_ms: float,
    results: Results,
    fields: dict[str, Value],
    distributions: dict[str, Any],
) -> Any:
    provenance = results.provenances[record.trial.key]
    done = record.status == "ok"
    attributes: dict[str, Any] = {
        "variant": results.called(record.trial.variant),
        "seed": record.trial.seed,
        "status": record.status,
        "message": record.message,
        "commit": provenance.commit,
        "command": provenance.command,
    }
    if done:
        attributes |= {name: getattr(record, name) for name in ("precision", "recall", "macro_f1", "train_time_s")}
        attributes |= {"params": record.params, "epoch": record.epoch}
    attributes["step_time_ms"] = step_time_ms
    trial = optuna.trial.create_trial(
        state=optuna.trial.TrialState.COMPLETE if done else optuna.trial.TrialState.FAIL,
        value=record.accuracy if done else None,
        params=fields,
        distributions=distributions,
        user_attrs={name: value for name, value in attributes.items() if value == value},
        intermediate_values={
            number: epoch.val_accuracy
            for number, epoch in enumerate(record.history, start=1)
            if math.isfinite(epoch.val_accuracy)
        },
    )
    start = _local(started_s(provenance))
    trial.datetime_start = start
    trial.datetime_complete = start + timedelta(seconds=record.total_s if record.total_s == record.total_s else 0)
    return trial


def _local(time_s: float) -> datetime:
    """Return a time as Optuna's are: local and bare."""
    try:
        return datetime.fromtimestamp(time_s, UTC).astimezone().replace(tzinfo=None)
    except ValueError:
        raise InputError(
            f"TZ={os.environ.get('TZ', '')} is a zone of a day or more beside UTC, which Optuna cannot store: set TZ "
            "to that of this place (TZ=UTC does)"
        ) from None
