"""The models that a job keeps: which trials have theirs, and what becomes of one that a trial brings along."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from harness.errors import InputError
from harness.files import unwritable
from harness.results.kept_models import (
    NOT_KEPT,
    KeptModel,
    kept_models,
    model_of,
    models_folder,
    not_kept,
    write_model,
)
from harness.results.records import Record
from harness.results.trials import Trial
from harness.wording import at_results, counted


def has_model(results: Path, beside: Path | None) -> Callable[[Trial], bool]:
    """Return what says of a trial whether its model, or why there is none, is in a results folder or the one beside."""
    kept: dict[str, Path] = {}
    for folder in filter(None, (results, beside)):
        kept |= not_kept(folder) | kept_models(folder)
    return lambda trial: model_of(trial, kept) is not None


def write_model_of(record: Record, variant: str, results: Path) -> Record:
    """Write the model that a record brings, and return the record without it, or with why it is not written.

    That a model cannot be saved is written too: the trial is not trained again for it.
    """
    kept = record.model
    if kept is None or not (kept.data or kept.lasting):
        return record
    trouble = kept.trouble
    try:
        write_model(results, record.trial, variant, kept)
    except OSError as error:
        trouble = str(unwritable(models_folder(results), error, elsewhere="make it a folder that can be written"))
    except InputError as error:
        trouble = str(error)
    return dataclasses.replace(record, model=KeptModel(ending=kept.ending, trouble=trouble))


def kept_lines(results: Path) -> list[str]:
    """Return a line that says where models are and how to load one."""
    folder, kept, without = models_folder(results), kept_models(results), not_kept(results)
    lines = [f"models: {folder} ({len(kept):,}); `harness model VARIANT{at_results(results)}` tells how to load one"]
    if without:
        why = f"Keras cannot save them, as {folder}/*{NOT_KEPT} say; --retrain tries again"
        lines.append(f"no models of {counted(len(without), 'trial')}: {why}")
    return lines
