"""Every column of a comparison, described once; tables, page, files, schema, gates and docs/columns.md read it here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.comparison.column import METRICS as METRICS
from harness.comparison.column import VERDICTS, against, epochs_to, new_column, some, towards, training
from harness.comparison.column import Column as Column
from harness.comparison.column import ColumnKind as ColumnKind
from harness.comparison.column import Place as Place
from harness.comparison.column import Row as Row
from harness.errors import nearest

_STATUS = ("ok", "partial", "diverged", "failed")


def _table(*columns: Column | Iterable[Column]) -> dict[str, Column]:
    listed = (one for part in columns for one in ((part,) if isinstance(part, Column) else part))
    return {column.name: column for column in listed}


_ACCURACY = against("accuracy", "the baseline's", "table")
_STEP_TIME = against("step_time", "the baseline's", "table")
_OTHERS = [against(metric, "the baseline's") for metric in METRICS if metric != "accuracy"]

_CONDITIONS = (
    new_column("dataset", "text", "Name or folder of the dataset."),
    new_column("budget", "text", "How much training a trial got: the budget, with what was changed of it."),
    new_column("device", "words", "What trained: cpu or gpu.", words=("cpu", "gpu")),
    new_column("backend", "text", "Keras backend: tensorflow, jax or torch."),
    new_column("precision_policy", "text", "Keras dtype policy that the layers computed in."),
)
_CALLED = (
    "What the variant is called: its label in the suite, or how it differs from the suite's baseline, which is called "
    "baseline. Beside no suite: a label that means no other variant; else its full name."
)
_VARIANT = new_column("variant", "text", _CALLED, "table")
_CHANGED = new_column("changed", "text", "How it differs from the suite's baseline, field:value joined with +.", "note")
_FULL_NAME = new_column("full_name", "text", "How it differs from the tutorial's CNN, whatever it is called.", "file")
_FINGERPRINT = new_column("fingerprint", "text", "Fingerprint of the dataset's content.", "file")
_FLAGS = new_column("step_time_flags", "text", "What disturbed the step times; empty where nothing did.", "note")
_MESSAGE = new_column("message", "text", "What went wrong or is missing; empty where nothing is.", "note")

_STEP = "Milliseconds of a training step: the baseline's median times the ratio."
_STATES = "ok; partial: seeds are missing or failed; diverged: a loss was not finite; failed: no seed has a result."
_TRAIN_TIME = (
    "Median seconds that a trial trained. Where every core has a worker, the first trials of a run, which are the "
    "baseline's, may take seconds longer: the harness imports keras-tuner and what draws the report beside them."
)
_FRONT = (
    "Whether no other variant is both more accurate and faster: yes, no, or perhaps, within the intervals; empty "
    "without step times."
)
_GEMM = "FLOPs per second while predicting, as a share of this machine's measured peak of matrix products."
_SAME = new_column(
    "near_duplicates",
    "text",
    "How many test images show the same picture as another, and as how many intervals count them; empty for none.",
    "note",
)
_LOOKS = (
    "At how many seeds the row is judged, each time at its share of alpha, until its accuracy is settled; one number: "
    "once, at all of it."
)
_EARLIER = "By which other looks earlier runs judged the same trials: each is an analysis of its own; empty for none."
_FEATURES = "Seconds that a frozen backbone took, once, for the features that the head trains on; empty for none."
_HEAD_ONLY = "Says that steps and training are a head's alone, on kept features, and what those took."
_MEAN = "Mean over seeds; where the baseline has other seeds, the baseline's plus their difference."
_EPOCHS_TO = (
    "After how many epochs the seeds' mean validation accuracy is what the baseline's is after its whole training, "
    "straight between epochs; infinite (never) where it is not in those trained. The baseline's: all of them."
)
_TIME_TO = (
    "Training time until then over that of the baseline's whole training: the share of epochs times the ratio of an "
    "epoch's time, from the step times."
)
_COST = "Training time of a whole trial over that of the baseline's: the ratio of an epoch's time, from the step times."
_CHANCE = "Says that no variant of the suite is surely better than always guessing the most frequent class, or nothing."
_RECIPE = "Version of the training code; trials of two versions never share a row."

SUITE_TABLE: Mapping[str, Column] = _table(
    new_column("suite", "text", "Name of the suite."),
    _VARIANT,
    new_column("baseline", "text", "What the suite's baseline is called.", "note"),
    _CONDITIONS,
    new_column("seeds", "count", "Number of trials, one per seed, that ended with a result."),
    new_column(
        "epoch",
        "count",
        "Median of the epochs tested: chosen on the validation images, or the last.",
        head="chosen epoch",
    ),
    new_column("params", "count", "Number of the model's parameters.", head="parameters"),
    new_column("flops", "count", "Floating-point operations to predict one image.", head="FLOPs per image"),
    new_column("accuracy", "fraction", f"Share of the test images classified right. {_MEAN}", "table"),
    new_column("accuracy_std", "fraction", "Standard deviation over seeds: what stands after ±.", "cell", "accuracy ±"),
    some(_ACCURACY, "delta", "ci_low", "ci_high", "p", "verdict"),
    new_column("precision", "fraction", f"Keras's precision at threshold 0.5. {_MEAN}"),
    new_column("recall", "fraction", f"Keras's recall at threshold 0.5. {_MEAN}"),
    new_column("macro_f1", "fraction", f"Mean over classes of the F1 score. {_MEAN}"),
    new_column("step_time_ms", "measure", _STEP, "table"),
    some(_STEP_TIME, "ratio", "ci_low", "ci_high", "p", "verdict"),
    new_column("predict_time_ms", "measure", "Median milliseconds to predict one image.", head="predict one"),
    new_column("build_s", "measure", "Seconds to build and compile the model."),
    new_column("first_step_s", "measure", "Seconds of the first training step, tracing and compiling included."),
    new_column("train_time_s", "measure", _TRAIN_TIME, head="training"),
    new_column("peak_memory_mib", "measure", "Median over seeds of the most memory in use, MiB."),
    new_column("pareto", "words", _FRONT, "table", "Pareto", words=("yes", "perhaps", "no", "")),
    new_column("status", "words", _STATES, words=_STATUS),
    some(_ACCURACY, "hint"),
    some(_STEP_TIME, "hint"),
    _FLAGS,
    new_column("predict_batch_time_ms", "measure", "Median milliseconds to predict 128 images.", head="predict 128"),
    new_column("images_per_s", "measure", "Images trained per second.", head="images per s"),
    new_column("gemm_share", "fraction", _GEMM, head="share of GEMM peak"),
    [column for part in _OTHERS for column in some(part, "delta", "ci_low", "ci_high", "verdict")],
    _MESSAGE,
    _FINGERPRINT,
    new_column("versions", "text", "Versions of the libraries that trained.", "file"),
    new_column("threads", "count", "Threads that a trial trained with; 0 on a GPU."),
    new_column("machine", "text", "Where the step times were measured.", "note"),
    new_column("search", "text", "How a search found the variant; empty for one that was declared.", "note"),
    new_column("recipe", "count", _RECIPE, "file"),
    [column for part in _OTHERS for column in some(part, "p", "hint")],
    _SAME,
    new_column("looks", "text", _LOOKS),
    new_column("judged_before", "text", _EARLIER, "note"),
    epochs_to("baseline", _EPOCHS_TO),
    new_column(
        "seeds_to_baseline",
        "count",
        "How many seeds reach the final validation accuracy that the baseline has with that seed.",
        head="seeds to baseline",
    ),
    new_column(
        "time_to_baseline_s",
        "measure",
        "Seconds of training until then: the ratio times the baseline's median train_time_s.",
        head="time to baseline",
        infinite="never",
    ),
    training(
        "time_to_baseline",
        "time to baseline",
        _TIME_TO,
        "sooner",
        "for new seeds and new builds",
        infinite="never",
    ),
    training("training_cost", "training cost", _COST, "cheaper", "for new builds"),
    towards("accuracy"),
    towards("step_time"),
    new_column("features_s", "measure", _FEATURES, head="kept features"),
    new_column("head_only", "text", _HEAD_ONLY, "note"),
    _CHANGED,
    _FULL_NAME,
    new_column("chance", "text", _CHANCE, "note"),
    new_column("trained_at", "text", "When the newest run of its trials began, UTC.", "file"),
)
"""Columns of `comparison.csv` and of every table of suites, in order."""


def _both(metric: str) -> Iterable[Column]:
    noun = METRICS[metric]
    place: Place = "table" if metric == "accuracy" else "page"
    yield new_column(f"{metric}_old", "fraction", f"Mean {noun} in the old folder.", place, f"old {noun}")
    yield new_column(metric, "fraction", f"Mean {noun} in the new folder.", place, f"new {noun}")
    yield from against(metric, "the old folder's", place).values()


_TO_OLD = (
    "After how many epochs the new folder's mean validation accuracy is what the old one's is in the end, as "
    "epochs_to_baseline."
)
_EPOCHS_TO_OLD = (
    *epochs_to("old", _TO_OLD),
    new_column(
        "epochs_to_old_p", "p", "p-value of their share of all epochs, corrected likewise.", head="p, epochs to old"
    ),
    new_column(
        "epochs_to_old_verdict",
        "words",
        "better (sooner), worse, same (the same trainings) or unresolved; empty where nothing is compared.",
        head="epochs to old verdict",
        words=VERDICTS,
    ),
    new_column(
        "epochs_to_old_hint", "text", "Why they have no verdict, or what would settle an unresolved one.", "note"
    ),
    new_column("seeds_to_old", "count", "How many seeds reach what the old folder's has in the end with that seed."),
)

_PRESENT = ("both", "old", "new")
_OLD_STEP, _NEW_STEP = (f"Milliseconds of a training step in the {which} folder." for which in ("old", "new"))
_ENDED = (*_STATUS, "missing")

FOLDER_TABLE: Mapping[str, Column] = _table(
    _VARIANT,
    _CONDITIONS,
    new_column("present", "words", "Which folder has the variant: both, old or new.", words=_PRESENT),
    new_column("seeds", "count", "Number of seeds that both folders have."),
    new_column("seeds_old", "count", "Number of seeds with a result in the old folder."),
    new_column("seeds_new", "count", "Number of seeds with a result in the new folder."),
    new_column("status_old", "words", "Status in the old folder; missing: not there.", words=_ENDED),
    new_column("status", "words", "Status in the new folder; missing: not there.", words=_ENDED),
    [column for metric in METRICS for column in _both(metric)],
    new_column("step_time_old_ms", "measure", _OLD_STEP, "table", "old step time"),
    new_column("step_time_ms", "measure", _NEW_STEP, "table", "new step time"),
    some(against("step_time", "the old folder's", "table"), "ratio", "ci_low", "ci_high", "verdict", "hint"),
    _FLAGS,
    _MESSAGE,
    new_column("differences", "text", "What else differs between both: versions, commit, machine, seeds.", "note"),
    _SAME,
    _EPOCHS_TO_OLD,
    _FINGERPRINT,
    _FULL_NAME,
)
"""Columns of the comparison of two results folders, in order. Differences are new less old, ratios new over old."""

_BEFORE = {name: against(name, "the folder before's", "table") for name in ("accuracy", "step_time")}

_BEFORE_FOLDER = "The folder that it is compared with, the last one before it that has the variant; empty for none."

TREND_TABLE: Mapping[str, Column] = _table(
    new_column("folder", "text", "The results folder.", "table"),
    new_column("commit", "text", "Commit that made it; + where files differed from it.", "table"),
    new_column("started_at", "text", "When its newest run began, UTC.", "page", "date"),
    new_column("before", "text", _BEFORE_FOLDER, "note"),
    _VARIANT,
    _CONDITIONS[:4],
    new_column("seeds", "count", "Number of seeds with a result in this folder."),
    new_column("accuracy", "fraction", "Mean accuracy in this folder.", "table"),
    some(_BEFORE["accuracy"], "delta", "ci_low", "ci_high", "p", "verdict", "hint"),
    new_column("step_time_ms", "measure", "Milliseconds of a training step in this folder.", "table", "step time"),
    some(_BEFORE["step_time"], "ratio", "ci_low", "ci_high", "verdict", "hint"),
    new_column("status", "words", "Status in this folder.", words=_ENDED),
    new_column("differences", "text", "What else differs from the folder before: versions, commit, machine.", "note"),
)
"""Columns of `harness trend`, in order."""

TREND_OF = ("variant", "dataset", "budget", "device", "backend")
"""Those of them that say of what a trend is: its rows share them."""

COLUMNS: tuple[str, ...] = tuple(SUITE_TABLE)
"""Names of the columns of `comparison.csv`. Fractions are 0..1, differences fractions of 1, p-values corrected."""

FOLDER_COLUMNS: tuple[str, ...] = tuple(FOLDER_TABLE)
"""Names of the columns of the comparison of two folders. What is not called old is the new folder's."""


def column_of(name: str) -> Column:
    """Return what a column of either table holds."""
    return next(table[name] for table in (SUITE_TABLE, FOLDER_TABLE, TREND_TABLE) if name in table)


def unknown_column(name: str, table: Iterable[str]) -> str:
    """Return a message about a column that there is not: the nearest name, and where all are explained.

    >>> unknown_column("acc", SUITE_TABLE)
    'column "acc" is unknown; did you mean "accuracy"? `harness tables --columns help` explains every column'
    """
    names = list(table)
    holding = [one for one in names if name and name in one]
    close = nearest(name, names) or (f'; did you mean "{holding[0]}"?' if holding else ":")
    return f'column "{name}" is unknown{close} `harness tables --columns help` explains every column'
