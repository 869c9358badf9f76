"""How much training a trial gets: epochs, seeds and, for a smoke run, a cap on images."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from harness.errors import InputError, nearest

BudgetName = Literal["smoke", "quick", "full"]

MAX_EPOCHS = 10_000
MAX_SEEDS = 1_000


def _check_count(field: str, value: object, highest: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= highest:
        raise InputError(f"{field} is {value!r}: use a whole number from 1 to {highest:,}")


@dataclass(frozen=True)
class Budget:
    """The training that every trial of a sweep gets.

    Attributes:
        name: Which preset it started from.
        epochs: Passes over the training images.
        seeds: Trials a variant; seeds are numbered 1..seeds.
        max_images: Cap on training images and on test images; None means all of them.

    Raises:
        InputError: `epochs` or `seeds` is not a whole number in range.

    >>> BUDGETS["quick"].override(epochs=4).label
    'quick+epochs:4'
    """

    name: BudgetName
    epochs: int
    seeds: int
    max_images: int | None = None

    def __post_init__(self) -> None:
        _check_count("epochs", self.epochs, MAX_EPOCHS)
        _check_count("seeds", self.seeds, MAX_SEEDS)

    def override(self, *, epochs: int | None = None, seeds: int | None = None) -> Budget:
        """Return this budget with other epochs or seeds; None keeps the preset's."""
        changes = {name: value for name, value in (("epochs", epochs), ("seeds", seeds)) if value is not None}
        return dataclasses.replace(self, **changes)

    @property
    def label(self) -> str:
        """What tables call it. The number of seeds has a column of its own, so it is not part of it."""
        preset = BUDGETS[self.name]
        return self.name if self.epochs == preset.epochs else f"{self.name}+epochs:{self.epochs}"

    @property
    def training(self) -> dict[str, Any]:
        """What of the budget changes a single trial: the part of a trial's key.

        Neither the name nor the number of seeds does, so that raising `--seeds` keeps the trials there are.
        """
        return {"epochs": self.epochs, "max_images": self.max_images}


BUDGETS: dict[str, Budget] = {
    "smoke": Budget("smoke", epochs=1, seeds=1, max_images=512),
    "quick": Budget("quick", epochs=5, seeds=5),
    "full": Budget("full", epochs=30, seeds=5),
}


def find_budget(name: str) -> Budget:
    """Return the preset of that name; InputError names the presets there are."""
    if name not in BUDGETS:
        raise InputError(f'budget "{name}" is unknown: use {", ".join(BUDGETS)}{nearest(name, BUDGETS)}')
    return BUDGETS[name]
