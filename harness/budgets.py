"""How much training a trial gets, and how its epoch is chosen: epochs, seeds, a cap on images, the protocol."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, get_args

from harness.errors import InputError, nearest

BudgetName = Literal["smoke", "quick", "full"]

Protocol = Literal["validation", "tutorial"]
"""How a trial's epoch is chosen. "validation": the best epoch on images held out of train; test is read once, at the
end. "tutorial": as the tutorial does it, train on all of train, watch test after every epoch, report the last one."""

PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)

TUTORIAL_MARK = "tutorial"
"""What marks the label of a budget whose results were watched on the test images."""

Weights = Literal["best", "last", "averaged"]
"""Which of a trial's weights are tested. "best": those of the best epoch on the validation images. "last": those after
the last step. "averaged": the mean of the weights after each step of the last epoch."""

WEIGHTS: tuple[Weights, ...] = get_args(Weights)

_USUAL_WEIGHTS: dict[Protocol, Weights] = {"validation": "best", "tutorial": "last"}

MAX_EPOCHS = 10_000
MAX_SEEDS = 1_000

AUTO = "auto"
"""As many seeds as a row needs: it stops at a look, at the latest at the budget's most."""

LEAST_MAX_SEEDS, USUAL_MAX_SEEDS = 5, 30
"""The fewest seeds that "auto" may be limited to, its first look; and its most where nothing else is asked for."""


def _check_count(field: str, value: object, highest: int, *, lowest: int = 1) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise InputError(f"{field} is {value!r}: use a whole number from {lowest} to {highest:,}")


@dataclass(frozen=True)
class Budget:
    """The training that every trial of a sweep gets.

    Attributes:
        name: Which preset it started from.
        epochs: Passes over the training images.
        seeds: Trials per variant, the most of them with `auto`; seeds are numbered 1..seeds.
        max_images: Cap on training images and on test images; None means all of them.
        protocol: How the epoch is chosen whose weights are tested.
        weights: Which weights are tested; None for the protocol's usual ones, which is what naming those becomes.
        auto: Whether rows are judged at several looks before, and stop where they are settled.

    Raises:
        InputError: `epochs` or `seeds` is not a whole number in range, the protocol or the weights are unknown, or
            the weights are not the tutorial's.

    >>> BUDGETS["quick"].override(epochs=4).label
    'quick+epochs:4'
    >>> BUDGETS["quick"].override(protocol="tutorial").label
    'quick+tutorial'
    >>> BUDGETS["quick"].override(weights="averaged").label
    'quick+weights:averaged'
    >>> BUDGETS["quick"].override(seeds="auto", max_seeds=20).looks
    (5, 8, 12, 20)
    """

    name: BudgetName
    epochs: int
    seeds: int
    max_images: int | None = None
    protocol: Protocol = "validation"
    weights: Weights | None = None
    auto: bool = False

    def __post_init__(self) -> None:
        _check_count("epochs", self.epochs, MAX_EPOCHS)
        if self.auto:
            _check_count("max_seeds", self.seeds, MAX_SEEDS, lowest=LEAST_MAX_SEEDS)
        _check_count("seeds", self.seeds, MAX_SEEDS)
        if self.protocol not in PROTOCOLS:
            hint = nearest(str(self.protocol), PROTOCOLS)
            raise InputError(f"protocol is {self.protocol!r}: use {' or '.join(PROTOCOLS)}{hint}")
        if self.weights is not None and self.weights not in WEIGHTS:
            hint = nearest(str(self.weights), WEIGHTS)
            raise InputError(f"weights is {self.weights!r}: use {', '.join(WEIGHTS[:-1])} or {WEIGHTS[-1]}{hint}")
        usual = _USUAL_WEIGHTS[self.protocol]
        if self.weights == usual:
            object.__setattr__(self, "weights", None)
        elif self.weights is not None and self.protocol == "tutorial":
            raise InputError(
                f"weights is {self.weights!r}: the tutorial's protocol tests the last epoch's weights; leave out "
                "--weights or --protocol tutorial"
            )

    def override(
        self,
        *,
        epochs: int | None = None,
        seeds: int | Literal["auto"] | None = None,
        max_seeds: int | None = None,
        protocol: Protocol | None = None,
        weights: Weights | None = None,
    ) -> Budget:
        """Return this budget with other epochs, seeds, protocol or weights; None keeps the preset's.

        Raises:
            InputError: `max_seeds` beside a number of seeds that is fixed.
        """
        changes: dict[str, Any] = {"epochs": epochs, "protocol": protocol, "weights": weights}
        auto = self.auto if seeds is None else seeds == AUTO
        if auto:
            changes |= {"auto": True, "seeds": max_seeds or (self.seeds if self.auto else USUAL_MAX_SEEDS)}
        elif max_seeds is not None:
            fixed = self.seeds if seeds is None else seeds
            raise InputError(
                f"--max-seeds is {max_seeds}: it is where --seeds auto ends, and the number of seeds is fixed here "
                f"({fixed}): add --seeds auto, or leave out --max-seeds"
            )
        elif seeds is not None:
            changes |= {"auto": False, "seeds": seeds}
        return dataclasses.replace(self, **{name: value for name, value in changes.items() if value is not None})

    @property
    def looks(self) -> tuple[int, ...]:
        """The numbers of seeds at which rows are judged: one where their number is fixed."""
        if not self.auto:
            return (self.seeds,)
        from harness.statistics.looks import looks_up_to  # lazily: what only names a budget starts no NumPy

        return looks_up_to(self.seeds)

    @property
    def tested_weights(self) -> Weights:
        """Which weights are tested, by name."""
        return self.weights or _USUAL_WEIGHTS[self.protocol]

    @property
    def label(self) -> str:
        """What tables call it. The number of seeds has a column of its own, so it is not part of it."""
        parts: list[str] = [self.name]
        if self.epochs != BUDGETS[self.name].epochs:
            parts.append(f"epochs:{self.epochs}")
        if self.protocol == "tutorial":
            parts.append(TUTORIAL_MARK)
        if self.weights is not None:
            parts.append(f"weights:{self.weights}")
        return "+".join(parts)

    @property
    def training(self) -> dict[str, Any]:
        """What of the budget changes a single trial: the part of a trial's key.

        Neither the name nor the number of seeds does, so that raising `--seeds` keeps the trials there are.
        """
        content: dict[str, Any] = {"epochs": self.epochs, "max_images": self.max_images}
        # Named only where they are not the usual ones: records made before there were others keep their keys.
        if self.protocol != "validation":
            content["protocol"] = self.protocol
        return content if self.weights is None else content | {"weights": self.weights}

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types, from which `Budget(**fields)` makes it again.

        What is usual of weights and looks is left out: a plan's text from before there were others is the text of the
        same plan now.
        """
        usual = {"weights": None, "auto": False}
        return {name: value for name, value in vars(self).items() if (name, value) not in usual.items()}


class _Presets(dict[str, Budget]):
    """The presets by name."""

    def __missing__(self, name: str) -> Budget:
        raise InputError(f'budget "{name}" is unknown: use {", ".join(self)}{nearest(name, self)}')


BUDGETS = _Presets(
    smoke=Budget("smoke", epochs=1, seeds=1, max_images=512),
    quick=Budget("quick", epochs=5, seeds=5),
    full=Budget("full", epochs=30, seeds=USUAL_MAX_SEEDS, auto=True),
)


def choose_budget(
    name: str | None,
    *,
    epochs: int | None = None,
    seeds: int | Literal["auto"] | None = None,
    max_seeds: int | None = None,
    protocol: Protocol = "validation",
    weights: Weights | None = None,
) -> Budget:
    """Return the budget that a command's options ask for.

    Without a name it is quick, or full for the tutorial's protocol, since 30 epochs are part of that.

    >>> choose_budget(None, protocol="tutorial").label
    'full+tutorial'
    """
    preset = BUDGETS[name or ("full" if protocol == "tutorial" else "quick")]
    changes: dict[str, Any] = {"epochs": epochs, "seeds": seeds, "max_seeds": max_seeds}
    return preset.override(**changes, protocol=protocol, weights=weights)


def selected_on_test(label: str) -> bool:
    """Whether a budget's label says that its results were watched on the test images.

    >>> selected_on_test("quick+tutorial"), selected_on_test("quick")
    (True, False)
    """
    return TUTORIAL_MARK in label.split("+")
