"""Which conditions a person wants to see of all that a results folder holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from harness.errors import InputError, nearest
from harness.results.conditions import Conditions


class _Held(Protocol):
    @property
    def conditions(self) -> Conditions: ...


Held = TypeVar("Held", bound=_Held)


@dataclass(frozen=True)
class Wanted:
    """A choice of conditions; None takes any.

    Attributes:
        dataset: Its name, or the folder's.
        budget: Its label, as `quick+epochs:4`, or the preset that it started from.
        device: cpu or gpu.
        backend: tensorflow, jax or torch.
    """

    dataset: str | None = None
    budget: str | None = None
    device: str | None = None
    backend: str | None = None

    def choose(
        self, held: Sequence[Held], place: Callable[[Held], object] = lambda one: None
    ) -> tuple[list[Held], str]:
        """Return those under wanted conditions, and what is to be said of the others; pure.

        What a smoke budget gave is left out where there is more of the same place (a suite), dataset, device and
        backend, unless that budget is asked for: it says that a suite runs, not what a variant is worth.

        Raises:
            InputError: Nothing is under these conditions; says what there is.
        """
        chosen = list(held)
        for option in ("dataset", "budget", "device", "backend"):
            value = getattr(self, option)
            if value is None:
                continue
            names = {id(one): _names(one.conditions)[option] for one in chosen}
            exact = [one for one in chosen if names[id(one)][0] == value]
            matching = exact or [one for one in chosen if value in names[id(one)]]
            if not matching:
                known = list(dict.fromkeys(alias[0] for alias in names.values()))
                raise InputError(
                    f'--{option} is "{value}", of which there are no results: use {", ".join(known) or "none"}'
                    f"{nearest(value, known)}"
                )
            chosen = matching
        if self.budget is not None:
            return chosen, ""
        kept = [one for one in chosen if not _is_smoke(one) or not any(_outdoes(o, one, place) for o in chosen)]
        note = "smoke results are left out, since there are others: --budget smoke shows them"
        return kept, note if len(kept) < len(chosen) else ""


ANY = Wanted()


def _names(conditions: Conditions) -> dict[str, tuple[str, ...]]:
    environment, budget = conditions.environment, conditions.budget
    return {
        "dataset": (conditions.dataset, Path(conditions.dataset).name),
        "budget": (budget.label, budget.name),
        "device": (environment.device,),
        "backend": (environment.backend,),
    }


def _is_smoke(one: Held) -> bool:
    return one.conditions.budget.name == "smoke"


def _outdoes(other: Held, one: Held, place: Callable[[Held], object]) -> bool:
    mine, theirs = one.conditions, other.conditions
    return (
        not _is_smoke(other)
        and place(other) == place(one)
        and theirs.fingerprint == mine.fingerprint
        and theirs.environment.device == mine.environment.device
        and theirs.environment.backend == mine.environment.backend
    )
