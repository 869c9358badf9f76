"""The models that a job keeps: which trials have theirs, and what becomes of one that a trial brings along."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from harness.errors import InputError
from harness.files import unwritable
from harness.results.kept_models import KeptModel, kept_models, model_of, models_folder, write_model
from harness.results.records import Record
from harness.results.trials import Trial


def has_model(results: Path, beside: Path | None) -> Callable[[Trial], bool]:
    """Return what says of a trial whether its model is in a results folder, or in the one beside it."""
    kept = kept_models(results)
    if beside is not None:
        kept |= kept_models(beside)
    return lambda trial: model_of(trial, kept) is not None


def write_model_of(record: Record, variant: str, results: Path) -> Record:
    """Write the model that a record brings, and return the record without it, or with why it is not written."""
    kept = record.model
    if kept is None or not kept.data:
        return record
    trouble = ""
    try:
        write_model(results, record.trial, variant, kept)
    except OSError as error:
        trouble = str(unwritable(models_folder(results), error, elsewhere="make it a folder that can be written"))
    except InputError as error:
        trouble = str(error)
    return dataclasses.replace(record, model=KeptModel(ending=kept.ending, trouble=trouble))


def kept_lines(results: Path) -> list[str]:
    """Return a line that says where models are and how to load one."""
    folder = models_folder(results)
    return [f"models: {folder} ({len(kept_models(results)):,}); `harness model VARIANT` tells how to load one"]
