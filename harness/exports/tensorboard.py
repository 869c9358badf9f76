"""A log folder for TensorBoard: scalars an epoch, and the HParams table with a variant's seeds as one session group."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.exports.runs import (
    Condition,
    Value,
    conditions_of,
    needed,
    refuse_existing,
    started_s,
    step_times_by_variant,
)
from harness.files import named
from harness.results import Results
from harness.results.records import EPOCH_METRICS, Record
from harness.tables.file_names import file_names, safe_file_name

_LONGEST_FOLDER = 150
_RESULTS = ("test/accuracy", "test/precision", "test/recall", "test/macro_f1", "step_time_ms", "train_time_s")


def export_tensorboard(results: Results, folder: Path) -> int:
    """Write a log folder: a run for each trial, CONDITIONS/VARIANT/seed-N; return how many.

    Tags are train/... and validation/... an epoch, and test/..., step_time_ms and train_time_s once, at the chosen
    epoch. A variant's name is its session group, so HParams averages over its seeds.

    Raises:
        InputError: The folder exists and is not empty, or there are no results.
        HarnessError: TensorBoard is not installed.
    """
    needed("tensorboard", "tensorboard", package="tensorboard")
    refuse_existing(folder)
    with named(folder), _scratch_beside(folder) as scratch:
        count = 0
        conditions = conditions_of(results)
        for condition, place in zip(conditions, _folder_names(one.label for one in conditions), strict=True):
            # TensorBoard looks for groups in the whole log folder: those of two datasets must not meet.
            ending = f" ({condition.label})" if len(conditions) > 1 else ""
            count += _write_condition(condition, results, scratch / place, ending)
        if folder.exists():
            folder.rmdir()
        scratch.replace(folder)
    return count


@contextmanager
def _scratch_beside(folder: Path) -> Iterator[Path]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write_condition(condition: Condition, results: Results, folder: Path, group_ending: str) -> int:
    first = min(started_s(results.provenances[record.trial.key]) for record in condition.records)
    with _events(folder, first) as events:
        events.summary(first, 0, [_experiment(condition, first)])
    times = step_times_by_variant(condition.trained)
    called = {variant: results.called(variant) for variant in condition.trained.records}
    places = dict(zip(called, _folder_names(called.values()), strict=True))
    for record in condition.records:
        variant = record.trial.variant
        name = called[variant]
        start = started_s(results.provenances[record.trial.key])
        run = folder / places[variant] / f"seed-{record.trial.seed}"
        with _events(run, start) as events:
            events.summary(start, 0, [_session_start(condition.fields[variant], name + group_ending, start)])
            end = _write_history(events, record, start)
            if record.status == "ok":
                values = {f"test/{name}": getattr(record, name) for name in ("accuracy", "precision", "recall")}
                values |= {"test/macro_f1": record.macro_f1, "train_time_s": record.train_time_s}
                if variant in times:
                    values["step_time_ms"] = times[variant][0]
                events.scalars(end, record.epoch, values)
            events.summary(end, record.epoch, [_session_end(record, end)])
    return len(condition.records)


def _write_history(events: _Events, record: Record, start: float) -> float:
    now = start
    for number, epoch in enumerate(record.history, start=1):
        now += epoch.seconds
        values = {f"train/{name}": getattr(epoch, name) for name in EPOCH_METRICS}
        values |= {f"validation/{name}": getattr(epoch, f"val_{name}") for name in EPOCH_METRICS}
        events.scalars(now, number, values)
    return now


class _Events:
    """An events file. Written record by record, since TensorBoard's own writer would start TensorFlow."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self._event = _part("compat.proto.event_pb2").Event
        self._summary = _part("compat.proto.summary_pb2").Summary

    def version(self, wall_s: float) -> None:
        self._writer.write(self._event(wall_time=wall_s, file_version="brain.Event:2").SerializeToString())

    def scalars(self, wall_s: float, step: int, values: dict[str, float]) -> None:
        self.summary(wall_s, step, [self._summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])

    def summary(self, wall_s: float, step: int, values: list[Any]) -> None:
        event = self._event(wall_time=wall_s, step=step, summary=self._summary(value=values))
        self._writer.write(event.SerializeToString())


@contextmanager
def _events(folder: Path, wall_s: float) -> Iterator[_Events]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"events.out.tfevents.{int(wall_s)}.harness.{os.getpid()}").open("wb") as file:
        events = _Events(_part("summary.writer.record_writer").RecordWriter(file))
        events.version(wall_s)
        yield events


def _experiment(condition: Condition, created_s: float) -> Any:
    api_pb2, metadata, plugin_data_pb2 = _hparams_parts()
    kinds = {bool: api_pb2.DATA_TYPE_BOOL, float: api_pb2.DATA_TYPE_FLOAT64, str: api_pb2.DATA_TYPE_STRING}
    first: dict[str, Value] = next(iter(condition.fields.values()))
    experiment = api_pb2.Experiment(
        description=condition.label,
        time_created_secs=created_s,
        hparam_infos=[api_pb2.HParamInfo(name=name, type=kinds[type(value)]) for name, value in first.items()],
        metric_infos=[api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag)) for tag in _RESULTS],
    )
    return _hparams(metadata.EXPERIMENT_TAG, plugin_data_pb2.HParamsPluginData(experiment=experiment))


def _session_start(fields: dict[str, Value], group: str, start_s: float) -> Any:
    _, metadata, plugin_data_pb2 = _hparams_parts()
    info = plugin_data_pb2.SessionStartInfo(group_name=group, start_time_secs=start_s)
    for name, value in fields.items():
        if isinstance(value, bool):
            info.hparams[name].bool_value = value
        elif isinstance(value, float):
            info.hparams[name].number_value = value
        else:
            info.hparams[name].string_value = value
    return _hparams(metadata.SESSION_START_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_start_info=info))


def _session_end(record: Record, end_s: float) -> Any:
    api_pb2, metadata, plugin_data_pb2 = _hparams_parts()
    status = api_pb2.STATUS_SUCCESS if record.status == "ok" else api_pb2.STATUS_FAILURE
    info = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=end_s)
    return _hparams(metadata.SESSION_END_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_end_info=info))


def _hparams(tag: str, data: Any) -> Any:
    _, metadata, _ = _hparams_parts()
    return _part("compat.proto.summary_pb2").Summary.Value(
        tag=tag, metadata=metadata.create_summary_metadata(data), tensor=metadata.NULL_TENSOR
    )


def _hparams_parts() -> tuple[Any, Any, Any]:
    parts = "plugins.hparams."
    return _part(parts + "api_pb2"), _part(parts + "metadata"), _part(parts + "plugin_data_pb2")


def _part(name: str) -> Any:
    return needed(f"tensorboard.{name}", "tensorboard", package="tensorboard")


def _folder_names(names: Iterable[str]) -> list[str]:
    return file_names(names, _folder_name)


def _folder_name(name: str) -> str:
    """Return a run's folder: as the name reads, but for what Windows or a path cannot hold."""
    # A variant's name never holds =, so that no two variants meet.
    plain = name.replace(":", "=").replace(", ", ",")
    bare = plain.replace("=", "").replace("+", "").replace(",", "").replace("#", "").replace(" ", "")
    readable = safe_file_name(bare) == bare and len(plain) <= _LONGEST_FOLDER
    return plain.replace(" ", "_") if readable else safe_file_name(name)
