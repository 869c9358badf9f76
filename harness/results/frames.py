"""What a results folder holds as tidy DataFrames: a row per trial, per epoch, per predicted image, per timed block.

Every frame begins with the columns that say what a row is of; fractions are 0 to 1, times carry their units. Of these
`fingerprint` tells sets of images of one name apart, and `source` states of the files that a variant is made of (empty
where it is of none): group by them too, or results from before and after an edit are one mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.results.conditions import Conditions
from harness.results.records import EPOCH_METRICS, Record
from harness.results.trials import Trial

if TYPE_CHECKING:
    import pandas as pd

    from harness.results.snapshot import Results
    from harness.results.step_times import StepTimes

_UNDER = ("dataset", "fingerprint", "budget", "device", "backend")

OF_TRIAL = (*_UNDER, "variant", "source", "seed")
"""What every row of a trial begins with."""

_MEASURES = ("accuracy", "precision", "recall", "macro_f1", "loss")
_KEPT = ("file", "probability", "label_probability")
_COSTS = ("params", "build_s", "train_time_s", "total_s", "features_s", "peak_memory_mib")


def trials_frame(results: Results) -> pd.DataFrame:
    """Return a row per trial: its status, chosen epoch, test measures and costs; `key` finds its record."""
    names = (*OF_TRIAL, "status", "message", "epoch", *_MEASURES, *_COSTS, "key")

    def row(record: Record) -> tuple[Any, ...]:
        found = (record.status, record.message, record.epoch, *(getattr(record, name) for name in _MEASURES + _COSTS))
        return (*_of(results, record.trial), *found, record.trial.key)

    return _frame(map(row, _ordered(results)), names)


def history_frame(results: Results) -> pd.DataFrame:
    """Return a row per trial and epoch: metrics on training and, with `val_`, on validation images, and seconds."""
    metrics = (*EPOCH_METRICS, *(f"val_{name}" for name in EPOCH_METRICS), "seconds")
    rows = (
        (*_of(results, record.trial), number, number == record.epoch, *(getattr(epoch, name) for name in metrics))
        for record in _ordered(results)
        for number, epoch in enumerate(record.history, start=1)
    )
    return _frame(rows, (*OF_TRIAL, "epoch", "chosen", *metrics))


def predictions_frame(results: Results, chosen: Callable[[Trial], bool] = lambda trial: True) -> pd.DataFrame:
    """Return a row per trial and test image: its place in the test set, true and predicted class, and whether equal.

    `file` is the image's path in the dataset's folder, `probability` and `label_probability` what the model gave the
    predicted and the true class where --save-models kept it; missing where they are not known. A thousand trials of
    10,000 images are ten million rows: `chosen` takes those of some trials.
    """
    import pandas as pd

    parts = []
    for record in _ordered(results):
        if record.predictions is None or not chosen(record.trial):
            continue
        test_set = results.test_set(Conditions.of(record.trial))
        classes, found = pd.CategoricalDtype(list(test_set.classes)), record.predictions.unpacked()
        part = pd.DataFrame(
            dict(zip(OF_TRIAL, _of(results, record.trial), strict=True)), index=range(len(found.predicted))
        )
        part["image"] = range(len(part))
        part["label"] = pd.Categorical.from_codes(test_set.labels, dtype=classes)
        part["predicted"] = pd.Categorical.from_codes(found.predicted, dtype=classes)
        part["correct"] = found.predicted == test_set.labels
        part["label_above_half"] = found.true_positive
        part["file"] = list(test_set.files) or None
        given, rows = results.probabilities(record.trial), np.arange(len(part))
        for name, codes in (("probability", found.predicted), ("label_probability", test_set.labels)):
            part[name] = np.float32(np.nan) if given is None else given[rows, codes].astype(np.float32)
        parts.append(part)
    if not parts:
        return _frame((), (*OF_TRIAL, "image", "label", "predicted", "correct", "label_above_half", *_KEPT))
    return pd.concat(parts, ignore_index=True)


def steps_frame(results: Results) -> pd.DataFrame:
    """Return a row per timed block: whose arm it is (baseline, control, variant), in which build, and its ms per step.

    Blocks with one build and block number ran one after the other: compare them within a row's build and block.
    """
    pair = ("baseline", "baseline_source", "variant", "source")
    names = (*_UNDER, *pair, "arm", "build", "block", "step_time_ms")
    rows = (
        (*_under(times), *_pair(results, times), arm, build, block, ms)
        for times in results.step_times.values()
        for arm in ("baseline", "control", "variant")
        for build, blocks in enumerate(getattr(times, f"{arm}_ms"), start=1)
        for block, ms in enumerate(blocks, start=1)
    )
    return _frame(rows, names)


def _ordered(results: Results) -> Iterator[Record]:
    yield from sorted(results.records.values(), key=lambda record: _of(results, record.trial))


def _of(results: Results, trial: Trial) -> tuple[Any, ...]:
    return (*_under(trial), results.called(trial.variant), trial.source, trial.seed)


def _pair(results: Results, times: StepTimes) -> tuple[str, str, str, str]:
    baseline, variant = results.called(times.baseline), results.called(times.variant)
    return baseline, times.sources[0], variant, times.sources[1]


def _under(held: Any) -> tuple[str, str, str, str, str]:
    environment = held.environment
    return held.dataset, held.fingerprint, held.budget.label, environment.device, environment.backend


def _frame(rows: Iterable[tuple[Any, ...]], names: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame.from_records(list(rows), columns=list(names))
