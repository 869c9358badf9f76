"""A try: a point an oracle chose, and what came of it. As text in the store, and as the note under a table."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.results.writing import to_json
from harness.search.declaration import Objective, OracleName
from harness.variants import Variant

TryStatus = Literal["ok", "diverged", "failed", "refused"]


@dataclass(frozen=True)
class Try:
    """A point of the space, before it is trained.

    Attributes:
        number: From 0, in the order of the oracle's choices.
        values: keras-tuner's hyperparameters; empty for a baseline that lies outside the space.
        variant: What they mean; None where they are no variant.
        epochs: Epochs behind it when it is done.
        start: Epochs behind it before: those of the try that it goes on from.
        goes_on: Number of that try, or None.
        message: Why the values are no variant, else empty.
    """

    number: int
    values: dict[str, Any]
    variant: Variant | None
    epochs: int
    start: int = 0
    goes_on: int | None = None
    message: str = ""

    def beside(self, baseline: Variant) -> str:
        """Return how people see it: how it differs from the search's baseline."""
        name = self.variant.name_beside(baseline) if self.variant else f"point {self.number}"
        return f"{name}, epochs {self.start + 1} to {self.epochs}" if self.start else name

    def to_json(self) -> str:
        """Return what the store keeps: enough to choose the same point again, and to read what it was."""
        content = {
            "values": self.values,
            "variant": self.variant.to_json() if self.variant else None,
            "epochs": self.epochs,
            "start": self.start,
        }
        return to_json(content, sort_keys=True)


def values_of(content: str) -> dict[str, Any]:
    """Return the hyperparameters of a try that the store kept."""
    return dict(json.loads(content)["values"])


@dataclass(frozen=True)
class Tried:
    """A try and its figures on validation images, means over the search's seeds.

    Attributes:
        attempt: The point.
        status: ok; diverged (then it counts as a guess); failed; refused: the point is no variant that fits the data.
        val_accuracy: At the best epoch; nan unless ok or diverged.
        val_loss: At the same epoch.
        message: What went wrong, else empty.
    """

    attempt: Try
    status: TryStatus
    val_accuracy: float = float("nan")
    val_loss: float = float("nan")
    message: str = ""

    def score(self, objective: Objective) -> float:
        """Return the figure that the search is judged by."""
        return self.val_accuracy if objective == "val_accuracy" else self.val_loss

    def rank(self, objective: Objective) -> tuple[float, float, int]:
        """Return what sorts the best try last: the objective, then the other figure, then the earlier try."""
        figures = (self.val_accuracy, -self.val_loss)
        first, second = figures if objective == "val_accuracy" else figures[::-1]
        return first, second, -self.attempt.number


@dataclass(frozen=True)
class Ending:
    """How a search ended.

    Attributes:
        name: The search's.
        oracle: Which oracle.
        objective: What it was judged by.
        tries: Points tried; a rung of hyperband is none of its own.
        epochs: Epochs that the tries stand for, all seeds together.
        seeds: Seeds of its trials.
        winner: The best variant.
        score: The winner's figure on validation.
        winning_try: Its number.
        baseline: What it had to beat.
        failed: Tries that failed.
        refused: Points that are no variant, or one that does not fit the dataset.
        key: What the store calls the search.
        planned: How many tries were asked for; None where hyperband's schedule decides.
        tried: Every try in its order; not kept in the store, which has their records.
    """

    name: str
    oracle: OracleName
    objective: Objective
    tries: int
    epochs: int
    seeds: tuple[int, ...]
    winner: Variant
    score: float
    winning_try: int
    baseline: Variant
    failed: int
    refused: int
    key: str
    planned: int | None
    tried: tuple[Tried, ...] = field(default=(), compare=False)

    @property
    def note(self) -> str:
        """What stands under the winner's table."""
        seeds = f"seed{'s' * (len(self.seeds) > 1)} {', '.join(map(str, self.seeds))}"
        return (
            f"winner of {self.tries} tries by {self.oracle} search ({self.epochs} epochs in all); chosen by "
            f"{self.objective} on validation images of {seeds}, compared on others"
        )

    def to_json(self) -> str:
        """Return what the store keeps."""
        content = {
            "name": self.name,
            "oracle": self.oracle,
            "objective": self.objective,
            "tries": self.tries,
            "epochs": self.epochs,
            "seeds": self.seeds,
            "winner": self.winner.to_json(),
            "score": self.score,
            "winning_try": self.winning_try,
            "baseline": self.baseline.to_json(),
            "failed": self.failed,
            "refused": self.refused,
            "key": self.key,
            "planned": self.planned,
        }
        return to_json(content, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Ending:
        """Read what `to_json` wrote."""
        content = json.loads(text)
        return cls(
            **content
            | {
                "seeds": tuple(content["seeds"]),
                "winner": Variant.from_json(content["winner"]),
                "baseline": Variant.from_json(content["baseline"]),
            }
        )
