"""Every column of a comparison, described once; tables, page, files, schema, gates and docs/columns.md read it here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.comparison.verdicts import Verdict
from harness.errors import nearest

Row = Mapping[Any, Any]
"""A row of a table: column names and values."""

ColumnKind = Literal["text", "words", "count", "fraction", "difference", "ratio", "p", "measure"]
Place = Literal["table", "page", "cell", "note", "file"]

METRICS: Mapping[str, str] = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "macro_f1": "macro F1",
}
"""What is read off the test images, and its name in words."""

_RANGES: Mapping[ColumnKind, tuple[float, float]] = {
    "count": (0.0, math.inf),
    "fraction": (0.0, 1.0),
    "difference": (-1.0, 1.0),
    "ratio": (0.0, math.inf),
    "p": (0.0, 1.0),
    "measure": (0.0, math.inf),
}
_UNITS: Mapping[ColumnKind, str] = {"fraction": "%", "difference": "points"}
_ENDINGS = {"_ms": "ms", "_s": "s", "_mib": "MiB"}
_VERDICTS = (*(str(verdict) for verdict in Verdict), "")
_LEANINGS = (*(str(verdict) for verdict in Verdict if verdict is not Verdict.UNRESOLVED), "")
_LEANS = (
    "As what more of the same would settle the {}, were its present figures the true ones; empty where nothing would."
)
_SETTLED_BY = "What to add to the command of a run that would settle the {}; empty where none is worth its time."
_STATUS = ("ok", "partial", "diverged", "failed")


@dataclass(frozen=True)
class Column:
    """A column of a comparison.

    Attributes:
        name: In files, gates and options.
        kind: What its cells hold, which says how they are rounded: free text, one of a few words, whole numbers,
            fractions of 1 (people read per cent), differences of fractions (points), ratios to the baseline,
            p-values, or measures of a unit.
        meaning: What it holds, in a sentence.
        head: What stands above it, without its unit.
        unit: In which people read it; empty where there is none.
        place: Where people meet it: in every `table`; on the `page`, among all columns; within another column's
            `cell`; in a `note` below the table; or in the `file` only.
        words: The only texts it can hold; empty for any.
        quantity: Whose interval tells its digits; empty where none does.
        gate: Whether a gate may ask for it.
        infinite: What an infinite number of it means, in a word; empty where none is infinite.
    """

    name: str
    kind: ColumnKind
    meaning: str
    head: str
    unit: str = ""
    place: Place = "page"
    words: tuple[str, ...] = ()
    quantity: str = ""
    gate: bool = True
    infinite: str = ""

    @property
    def is_text(self) -> bool:
        """Whether its cells are texts."""
        return self.kind in ("text", "words")

    @property
    def title(self) -> str:
        """Its head with the unit."""
        return f"{self.head}, {self.unit}" if self.unit else self.head

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest number that it can hold."""
        return _RANGES.get(self.kind, (-math.inf, math.inf))


def _column(
    name: str,
    kind: ColumnKind,
    meaning: str,
    place: Place = "page",
    head: str = "",
    unit: str = "",
    words: tuple[str, ...] = (),
    quantity: str = "",
    infinite: str = "",
) -> Column:
    own = kind == "measure" and not name.endswith("_per_s")  # a rate, which says so itself
    ending = next((one for one in _ENDINGS if own and name.endswith(one)), "")
    head = head or name.removesuffix(ending).replace("_", " ").replace("macro f1", "macro F1")
    unit = unit or _ENDINGS.get(ending, "") or _UNITS.get(kind, "")
    return Column(name, kind, meaning, head, unit, place, words, quantity, not name.endswith("_hint"), infinite)


def _against(quantity: str, whom: str, place: Place = "page") -> dict[str, Column]:
    """Return the columns of one comparison by their ending: how much it differs from whom, how surely, in a word."""
    other = next((word for word in ("before", "old") if word in whom), "baseline")
    if quantity == "step_time":
        noun, change, kind, unit = "step time", "ratio", "ratio", f"x {other}"
        what, head, best, new = f"ratio of the step time to {whom}", noun, "shorter", "for new builds"
    else:
        noun, change, kind, unit = METRICS[quantity], "delta", "difference", "points"
        what, best, new = f"difference of {noun} from {whom}", "higher", "for new seeds and new test images"
        head = f"vs {other}" if quantity == "accuracy" else f"{noun} vs {other}"
    size: ColumnKind = "ratio" if kind == "ratio" else "difference"
    full = f"The {what}{'' if kind == 'ratio' else ', a fraction of 1'}; its cell also has the interval."
    low = f"Lower end of the interval of the {what}: {new}, corrected for the number of variants."
    words = f"better ({best}), worse, same (within the margin) or unresolved; empty where nothing is compared."
    hint = f"Why the {noun} has no verdict, or what would settle an unresolved one."
    if quantity == "accuracy" and other == "baseline":
        hint += " With --seeds auto, at which look the row stopped and why."
    name = f"{quantity}_"
    return {
        change: _column(name + change, size, full, place, head, unit, quantity=quantity),
        "ci_low": _column(f"{name}ci_low", size, low, "cell", f"{noun} interval from", unit, quantity=quantity),
        "ci_high": _column(
            f"{name}ci_high",
            size,
            "Upper end of that interval.",
            "cell",
            f"{noun} interval to",
            unit,
            quantity=quantity,
        ),
        "p": _column(f"{name}p", "p", f"p-value of the {what}, corrected likewise.", head=f"p, {noun}"),
        "verdict": _column(f"{name}verdict", "words", words, place, f"{noun} verdict", words=_VERDICTS),
        "hint": _column(f"{name}hint", "text", hint, "note"),
    }


def _training(name: str, noun: str, what: str, best: str, new: str, infinite: str = "") -> Iterable[Column]:
    """Return the columns of a ratio to the baseline's whole training, with interval, p, verdict and hint."""
    of_it: dict[str, Any] = {"unit": "x baseline", "quantity": name, "infinite": infinite}
    low = f"Lower end of that ratio's interval: {new}, corrected for the number of variants."
    words = f"better ({best}), worse, same (within the margin of time) or unresolved; empty where nothing is compared."
    hint = f"Why the {noun} has no verdict, or what would settle an unresolved one."
    yield _column(f"{name}_ratio", "ratio", f"{what} Its cell also has the interval.", "page", noun, **of_it)
    yield _column(f"{name}_ci_low", "ratio", low, "cell", f"{noun} interval from", **of_it)
    yield _column(f"{name}_ci_high", "ratio", "Upper end of that interval.", "cell", f"{noun} interval to", **of_it)
    yield _column(f"{name}_p", "p", f"p-value of the {noun}'s ratio, corrected likewise.", head=f"p, {noun}")
    yield _column(f"{name}_verdict", "words", words, "page", f"{noun} verdict", words=_VERDICTS)
    yield _column(f"{name}_hint", "text", hint, "note")


def _table(*columns: Column | Iterable[Column]) -> dict[str, Column]:
    listed = (one for part in columns for one in ((part,) if isinstance(part, Column) else part))
    return {column.name: column for column in listed}


def _some(parts: Mapping[str, Column], *endings: str) -> list[Column]:
    return [column for ending, column in parts.items() if ending in endings]


def _towards(quantity: str) -> Iterable[Column]:
    """Yield what is said of an unresolved comparison: how it would end, and which run would end it."""
    noun = quantity.replace("_", " ")
    yield _column(f"{quantity}_leans", "words", _LEANS.format(noun), "file", words=_LEANINGS)
    yield _column(f"{quantity}_settled_by", "text", _SETTLED_BY.format(noun), "file")


_ACCURACY = _against("accuracy", "the baseline's", "table")
_STEP_TIME = _against("step_time", "the baseline's", "table")
_OTHERS = [_against(metric, "the baseline's") for metric in METRICS if metric != "accuracy"]

_CONDITIONS = (
    _column("dataset", "text", "Name or folder of the dataset."),
    _column("budget", "text", "How much training a trial got: the budget, with what was changed of it."),
    _column("device", "words", "What trained: cpu or gpu.", words=("cpu", "gpu")),
    _column("backend", "text", "Keras backend: tensorflow, jax or torch."),
    _column("precision_policy", "text", "Keras dtype policy: the precision that the layers compute in."),
)
_VARIANT = _column("variant", "text", "Name of the variant: how it differs from the tutorial's CNN.", "table")
_FLAGS = _column("step_time_flags", "text", "What disturbed the step times; empty where nothing did.", "note")
_MESSAGE = _column("message", "text", "What went wrong or is missing; empty where nothing is.", "note")

_STEP = "Milliseconds of a training step: the baseline's median times the ratio."
_STATES = "ok; partial: seeds are missing or failed; diverged: a loss was not finite; failed: no seed has a result."
_FRONT = (
    "Whether no other variant is both more accurate and faster: yes, no, or perhaps, within the intervals; empty "
    "without step times."
)
_GEMM = "FLOPs per second while predicting, as a share of this machine's measured peak of matrix products."
_SAME = _column(
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
_MEAN = "Mean over seeds; where the baseline has other seeds, the baseline's plus their difference."
_EPOCHS: dict[str, Any] = {"quantity": "epochs_to_baseline", "infinite": "never"}
_EPOCHS_TO = (
    "After how many epochs the seeds' mean validation accuracy is what the baseline's is after its whole training, "
    "straight between epochs; infinite (never) where it is not in those trained. The baseline's: all of them."
)
_TIME_TO = (
    "Training time until then over that of the baseline's whole training: the share of epochs times the ratio of an "
    "epoch's time, from the step times."
)
_COST = "Training time of a whole trial over that of the baseline's: the ratio of an epoch's time, from the step times."
_RECIPE = "Version of the training code; trials of two versions never share a row."

SUITE_TABLE: Mapping[str, Column] = _table(
    _column("suite", "text", "Name of the suite."),
    _VARIANT,
    _column("baseline", "text", "Name of the suite's baseline.", "note"),
    _CONDITIONS,
    _column("seeds", "count", "Number of trials, one per seed, that ended with a result."),
    _column(
        "epoch",
        "count",
        "Median of the epochs tested: chosen on the validation images, or the last.",
        head="chosen epoch",
    ),
    _column("params", "count", "Number of the model's parameters.", head="parameters"),
    _column("flops", "count", "Floating-point operations to predict one image.", head="FLOPs per image"),
    _column("accuracy", "fraction", f"Share of the test images classified right. {_MEAN}", "table"),
    _column("accuracy_std", "fraction", "Standard deviation over seeds: what stands after ±.", "cell", "accuracy ±"),
    _some(_ACCURACY, "delta", "ci_low", "ci_high", "p", "verdict"),
    _column("precision", "fraction", f"Keras's precision at threshold 0.5. {_MEAN}"),
    _column("recall", "fraction", f"Keras's recall at threshold 0.5. {_MEAN}"),
    _column("macro_f1", "fraction", f"Mean over classes of the F1 score. {_MEAN}"),
    _column("step_time_ms", "measure", _STEP, "table"),
    _some(_STEP_TIME, "ratio", "ci_low", "ci_high", "p", "verdict"),
    _column("predict_time_ms", "measure", "Median milliseconds to predict one image.", head="predict one"),
    _column("build_s", "measure", "Seconds to build and compile the model."),
    _column("first_step_s", "measure", "Seconds of the first training step, tracing and compiling included."),
    _column("train_time_s", "measure", "Median seconds that a trial trained.", head="training"),
    _column("peak_memory_mib", "measure", "Median over seeds of the most memory in use, MiB."),
    _column("pareto", "words", _FRONT, "table", "Pareto", words=("yes", "perhaps", "no", "")),
    _column("status", "words", _STATES, words=_STATUS),
    _some(_ACCURACY, "hint"),
    _some(_STEP_TIME, "hint"),
    _FLAGS,
    _column("predict_batch_time_ms", "measure", "Median milliseconds to predict 128 images.", head="predict 128"),
    _column("images_per_s", "measure", "Images trained per second.", head="images per s"),
    _column("gemm_share", "fraction", _GEMM, head="share of GEMM peak"),
    [column for part in _OTHERS for column in _some(part, "delta", "ci_low", "ci_high", "verdict")],
    _MESSAGE,
    _column("fingerprint", "text", "Fingerprint of the dataset's content.", "file"),
    _column("versions", "text", "Versions of the libraries that trained.", "file"),
    _column("threads", "count", "Threads that a trial trained with; 0 on a GPU."),
    _column("machine", "text", "Where the step times were measured.", "note"),
    _column("search", "text", "How a search found the variant; empty for one that was declared.", "note"),
    _column("recipe", "count", _RECIPE, "file"),
    [column for part in _OTHERS for column in _some(part, "p", "hint")],
    _SAME,
    _column("looks", "text", _LOOKS),
    _column("judged_before", "text", _EARLIER, "note"),
    _column("epochs_to_baseline", "measure", _EPOCHS_TO, "page", "epochs to baseline", **_EPOCHS),
    _column(
        "epochs_to_baseline_ci_low",
        "measure",
        "Until this epoch it is surely not there, for new seeds; corrected for the number of variants.",
        "cell",
        "epochs to baseline from",
        **_EPOCHS,
    ),
    _column(
        "epochs_to_baseline_ci_high",
        "measure",
        "From this epoch on it surely is, corrected likewise; infinite (never) where not in those trained.",
        "cell",
        "epochs to baseline to",
        **_EPOCHS,
    ),
    _column(
        "seeds_to_baseline",
        "count",
        "How many seeds reach the final validation accuracy that the baseline has with that seed.",
        head="seeds to baseline",
    ),
    _column(
        "time_to_baseline_s",
        "measure",
        "Seconds of training until then: the ratio times the baseline's median train_time_s.",
        head="time to baseline",
        infinite="never",
    ),
    _training(
        "time_to_baseline",
        "time to baseline",
        _TIME_TO,
        "sooner",
        "for new seeds and new builds",
        infinite="never",
    ),
    _training("training_cost", "training cost", _COST, "cheaper", "for new builds"),
    _towards("accuracy"),
    _towards("step_time"),
)
"""Columns of `comparison.csv` and of every table of suites, in order."""


def _both(metric: str) -> Iterable[Column]:
    noun = METRICS[metric]
    place: Place = "table" if metric == "accuracy" else "page"
    yield _column(f"{metric}_old", "fraction", f"Mean {noun} in the old folder.", place, f"old {noun}")
    yield _column(metric, "fraction", f"Mean {noun} in the new folder.", place, f"new {noun}")
    yield from _against(metric, "the old folder's", place).values()


_TO_OLD: dict[str, Any] = {"quantity": "epochs_to_old", "infinite": "never"}
_EPOCHS_TO_OLD = (
    _column(
        "epochs_to_old",
        "measure",
        "After how many epochs the new folder's mean validation accuracy is what the old one's is in the end, as "
        "epochs_to_baseline.",
        head="epochs to old accuracy",
        **_TO_OLD,
    ),
    _column(
        "epochs_to_old_ci_low",
        "measure",
        "Until this epoch it is surely not there, for new seeds; corrected for the number of variants.",
        "cell",
        "epochs to old accuracy from",
        **_TO_OLD,
    ),
    _column(
        "epochs_to_old_ci_high",
        "measure",
        "From this epoch on it surely is, corrected likewise; infinite (never) where not in those trained.",
        "cell",
        "epochs to old accuracy to",
        **_TO_OLD,
    ),
    _column(
        "epochs_to_old_p", "p", "p-value of their share of all epochs, corrected likewise.", head="p, epochs to old"
    ),
    _column(
        "epochs_to_old_verdict",
        "words",
        "better (sooner), worse, same (the same trainings) or unresolved; empty where nothing is compared.",
        head="epochs to old verdict",
        words=_VERDICTS,
    ),
    _column("epochs_to_old_hint", "text", "Why they have no verdict, or what would settle an unresolved one.", "note"),
    _column("seeds_to_old", "count", "How many seeds reach what the old folder's has in the end with that seed."),
)

_PRESENT = ("both", "old", "new")
_OLD_STEP, _NEW_STEP = (f"Milliseconds of a training step in the {which} folder." for which in ("old", "new"))
_ENDED = (*_STATUS, "missing")

FOLDER_TABLE: Mapping[str, Column] = _table(
    _VARIANT,
    _CONDITIONS,
    _column("present", "words", "Which folder has the variant: both, old or new.", words=_PRESENT),
    _column("seeds", "count", "Number of seeds that both folders have."),
    _column("seeds_old", "count", "Number of seeds with a result in the old folder."),
    _column("seeds_new", "count", "Number of seeds with a result in the new folder."),
    _column("status_old", "words", "Status in the old folder; missing: not there.", words=_ENDED),
    _column("status", "words", "Status in the new folder; missing: not there.", words=_ENDED),
    [column for metric in METRICS for column in _both(metric)],
    _column("step_time_old_ms", "measure", _OLD_STEP, "table", "old step time"),
    _column("step_time_ms", "measure", _NEW_STEP, "table", "new step time"),
    _some(_against("step_time", "the old folder's", "table"), "ratio", "ci_low", "ci_high", "verdict", "hint"),
    _FLAGS,
    _MESSAGE,
    _column("differences", "text", "What else differs between both: versions, commit, machine, seeds.", "note"),
    _SAME,
    _EPOCHS_TO_OLD,
)
"""Columns of the comparison of two results folders, in order. Differences are new less old, ratios new over old."""

_BEFORE = {name: _against(name, "the folder before's", "table") for name in ("accuracy", "step_time")}

TREND_TABLE: Mapping[str, Column] = _table(
    _column("folder", "text", "The results folder.", "table"),
    _column("commit", "text", "Commit that made it; + where files differed from it.", "table"),
    _column("started_at", "text", "When its newest run began, UTC.", "page", "date"),
    _VARIANT,
    _CONDITIONS[:4],
    _column("seeds", "count", "Number of seeds with a result in this folder."),
    _column("accuracy", "fraction", "Mean accuracy in this folder.", "table"),
    _some(_BEFORE["accuracy"], "delta", "ci_low", "ci_high", "p", "verdict", "hint"),
    _column("step_time_ms", "measure", "Milliseconds of a training step in this folder.", "table", "step time"),
    _some(_BEFORE["step_time"], "ratio", "ci_low", "ci_high", "verdict", "hint"),
    _column("status", "words", "Status in this folder.", words=_ENDED),
    _column("differences", "text", "What else differs from the folder before: versions, commit, machine.", "note"),
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
