"""What a column of a comparison is, and the columns that belong together wherever something is compared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.comparison.verdicts import Verdict

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
VERDICTS = (*(str(verdict) for verdict in Verdict), "")
_LEANINGS = (*(str(verdict) for verdict in Verdict if verdict is not Verdict.UNRESOLVED), "")
_LEANS = (
    "As what more of the same would settle the {}, were its present figures the true ones; empty where nothing would."
)
_SETTLED_BY = "What to add to the command of a run that would settle the {}; empty where none is worth its time."


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


def new_column(
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
    """Return a column; what its head and unit are is read off its name and kind where it isn't said."""
    own = kind == "measure" and not name.endswith("_per_s")  # a rate, which says so itself
    ending = next((one for one in _ENDINGS if own and name.endswith(one)), "")
    head = head or name.removesuffix(ending).replace("_", " ").replace("macro f1", "macro F1")
    unit = unit or _ENDINGS.get(ending, "") or _UNITS.get(kind, "")
    return Column(name, kind, meaning, head, unit, place, words, quantity, not name.endswith("_hint"), infinite)


def against(quantity: str, whom: str, place: Place = "page") -> dict[str, Column]:
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
        change: new_column(name + change, size, full, place, head, unit, quantity=quantity),
        "ci_low": new_column(f"{name}ci_low", size, low, "cell", f"{noun} interval from", unit, quantity=quantity),
        "ci_high": new_column(
            f"{name}ci_high",
            size,
            "Upper end of that interval.",
            "cell",
            f"{noun} interval to",
            unit,
            quantity=quantity,
        ),
        "p": new_column(f"{name}p", "p", f"p-value of the {what}, corrected likewise.", head=f"p, {noun}"),
        "verdict": new_column(f"{name}verdict", "words", words, place, f"{noun} verdict", words=VERDICTS),
        "hint": new_column(f"{name}hint", "text", hint, "note"),
    }


def epochs_to(whom: str, what: str) -> Iterable[Column]:
    """Yield after how many epochs an accuracy is reached, with the interval."""
    name, noun = f"epochs_to_{whom}", f"epochs to {whom}"
    of_it: dict[str, Any] = {"quantity": name, "infinite": "never"}
    low = "Until this epoch it is surely not there, for new seeds; corrected for the number of variants."
    high = "From this epoch on it surely is, corrected likewise; infinite (never) where not in those trained."
    yield new_column(name, "measure", what, "page", noun, **of_it)
    yield new_column(f"{name}_ci_low", "measure", low, "cell", f"{noun} from", **of_it)
    yield new_column(f"{name}_ci_high", "measure", high, "cell", f"{noun} to", **of_it)


def training(name: str, noun: str, what: str, best: str, new: str, infinite: str = "") -> Iterable[Column]:
    """Return the columns of a ratio to the baseline's whole training, with interval, p, verdict and hint."""
    of_it: dict[str, Any] = {"unit": "x baseline", "quantity": name, "infinite": infinite}
    low = f"Lower end of that ratio's interval: {new}, corrected for the number of variants."
    words = f"better ({best}), worse, same (within the margin of time) or unresolved; empty where nothing is compared."
    hint = f"Why the {noun} has no verdict, or what would settle an unresolved one."
    yield new_column(f"{name}_ratio", "ratio", f"{what} Its cell also has the interval.", "page", noun, **of_it)
    yield new_column(f"{name}_ci_low", "ratio", low, "cell", f"{noun} interval from", **of_it)
    yield new_column(f"{name}_ci_high", "ratio", "Upper end of that interval.", "cell", f"{noun} interval to", **of_it)
    yield new_column(f"{name}_p", "p", f"p-value of the {noun}'s ratio, corrected likewise.", head=f"p, {noun}")
    yield new_column(f"{name}_verdict", "words", words, "page", f"{noun} verdict", words=VERDICTS)
    yield new_column(f"{name}_hint", "text", hint, "note")


def some(parts: Mapping[str, Column], *endings: str) -> list[Column]:
    """Return those of one comparison's columns that have these endings."""
    return [column for ending, column in parts.items() if ending in endings]


def towards(quantity: str) -> Iterable[Column]:
    """Yield what is said of an unresolved comparison: how it would end, and which run would end it."""
    noun = quantity.replace("_", " ")
    yield new_column(f"{quantity}_leans", "words", _LEANS.format(noun), "file", words=_LEANINGS)
    yield new_column(f"{quantity}_settled_by", "text", _SETTLED_BY.format(noun), "file")
