"""A search: a space of variants, an oracle that chooses among them, and the baseline they must beat."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from harness.budgets import MAX_EPOCHS
from harness.errors import InputError, nearest
from harness.results.trials import FIRST_SEARCH_SEED
from harness.search.dimensions import Boolean, Choice, Dimension, Float, Int
from harness.suite_files import SuiteSource, declared_in, load_suite_files
from harness.suites import Declaration
from harness.variants import BASELINE, Variant
from harness.variants.rules import RULES

OracleName = Literal["random", "bayesian", "hyperband"]
ORACLES: tuple[str, ...] = get_args(OracleName)

Objective = Literal["val_accuracy", "val_loss"]
OBJECTIVES: tuple[str, ...] = get_args(Objective)

SpaceFunction = Callable[[Any], Mapping[str, Any] | Variant]

DEFAULT_TRIES = 20

_MOST_TRIES = 100_000
_MOST_SEEDS = 100


@dataclass(frozen=True)
class Search(Declaration):
    """A search for the best variant of a space; it only holds it, `check_searches` judges.

    The winner is then trained on fresh seeds and compared with the baseline like any other variant, in the suite
    `search:NAME`.

    Attributes:
        name: How tables call it.
        space: What each field may become, as `{"dropout": Float(0, 0.6), "pooling": ["max", "average"]}` (a list is a
            Choice); or a function of keras-tuner's HyperParameters that returns the fields to change, or a variant.
        oracle: Which of keras-tuner's oracles chooses: random, bayesian or hyperband.
        tries: How many variants are tried, the baseline among them; default 20. Hyperband's schedule decides itself.
        baseline: Where unnamed fields come from; tried first, and what the winner is compared with.
        objective: What a try is judged by, on validation images: val_accuracy or val_loss.
        epochs: Epochs of a try, for hyperband the most; default the budget's.
        seeds: Trials a try; its figure is their mean.
        parallel: Tries under way at once. The oracle chooses each without the figures of those before it that are
            under way, so this is part of the search, and its points are the same on any number of workers.
        factor: Hyperband: one trial in so many goes on to the next rung, with as many times the epochs.
        iterations: Hyperband: how often the whole schedule is run.
        seed: Of the oracle, 1 or more.
        slow: Runs only when its file is named or with `--slow`; `harness search` runs it either way.

    >>> Search("width", {"filters": [(16, 32), (32, 64)], "dropout": Float(0, 0.6, step=0.1)}, "bayesian").tries_planned
    20
    """

    name: str
    space: Mapping[str, Dimension | Sequence[Any]] | SpaceFunction
    oracle: OracleName = "random"
    tries: int | None = None
    baseline: Variant = BASELINE
    objective: Objective = "val_accuracy"
    epochs: int | None = None
    seeds: int = 1
    parallel: int = 2
    factor: int = 3
    iterations: int = 1
    seed: int = 1
    slow: bool = True

    @property
    def suite_name(self) -> str:
        """Name of the suite that compares the winner."""
        return f"search:{self.name}"

    @property
    def tries_planned(self) -> int | None:
        """How many variants are tried at most; None where hyperband's schedule decides."""
        return None if self.oracle == "hyperband" else self.tries or DEFAULT_TRIES

    @property
    def search_seeds(self) -> tuple[int, ...]:
        """Seeds of its trials; no comparison uses them."""
        return tuple(range(FIRST_SEARCH_SEED, FIRST_SEARCH_SEED + self.seeds))

    @property
    def dimensions(self) -> dict[str, Dimension]:
        """The space's fields, lists as choices; empty where the space is a function."""
        if not isinstance(self.space, Mapping):
            return {}
        return {field: _dimension(field, value) for field, value in self.space.items()}

    def replace(self, **changes: Any) -> Search:
        """Return a copy with these attributes changed."""
        return dataclasses.replace(self, **changes)


def load_searches(paths: Sequence[Path]) -> list[Search]:
    """Import suite files and return their searches, unchecked; raises InputError as `load_suite_files` does."""
    return searches_of(load_suite_files(paths))


def searches_of(sources: Sequence[SuiteSource]) -> list[Search]:
    """Return the searches of loaded files, unchecked; one that several files hold counts once."""
    found: list[Search] = []
    for source in sources:
        found += [search for search in declared_in(source.module, Search) if search not in found]
    return found


def check_searches(searches: Iterable[Search]) -> None:
    """Refuse searches that cannot run, without importing Keras.

    What a space's function does is known only by calling it: `harness.search.job.prepare_search` does.

    Raises:
        InputError: Two of one name; an unknown oracle or objective; a number out of range; an empty space, an unknown
            field, or a value that its field cannot hold.
    """
    seen: set[str] = set()
    for search in searches:
        if not isinstance(search.name, str) or not search.name.strip():
            raise InputError(f"a search is named {search.name!r}: give it a text that is not empty")
        if search.name in seen:
            raise InputError(f'two searches are named "{search.name}": give each a name of its own')
        seen.add(search.name)
        try:
            _check_settings(search)
            _check_space(search)
        except InputError as error:
            raise InputError(f'search "{search.name}": {error}') from None


def _check_settings(search: Search) -> None:
    _check_word("oracle", search.oracle, ORACLES)
    _check_word("objective", search.objective, OBJECTIVES)
    if not isinstance(search.baseline, Variant):
        raise InputError(f"baseline is {search.baseline!r}: it must be a Variant")
    if search.oracle == "hyperband" and search.tries is not None:
        raise InputError(
            f"tries is {search.tries!r}: hyperband's schedule decides how many it needs; leave it out, or set epochs, "
            "factor and iterations"
        )
    for name, low, high in (
        ("tries", 1, _MOST_TRIES),
        ("epochs", 1, MAX_EPOCHS),
        ("seeds", 1, _MOST_SEEDS),
        ("parallel", 1, 1000),
        ("factor", 2, 100),
        ("iterations", 1, 1000),
        ("seed", 1, 2**31 - 1),
    ):
        value = getattr(search, name)
        if value is None and name in ("tries", "epochs"):
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise InputError(f"{name} is {value!r}: use a whole number from {low} to {high:,}")


def _check_word(name: str, value: object, allowed: Sequence[str]) -> None:
    if value not in allowed:
        hint = nearest(value, allowed) if isinstance(value, str) else ""
        raise InputError(f"{name} is {value!r}: use {', '.join(allowed)}{hint}")


def _check_space(search: Search) -> None:
    if callable(search.space):
        return
    if not isinstance(search.space, Mapping):
        raise InputError(
            f"space is {search.space!r}: give a mapping of fields to values, or a function of HyperParameters"
        )
    if not search.space:
        raise InputError("space is empty: name at least one field and two values for it")
    sizes = []
    for field, dimension in search.dimensions.items():
        if field not in RULES:
            hint = nearest(str(field), RULES) or f"; allowed: {', '.join(RULES)}"
            raise InputError(f'space names "{field}", which is no field of a variant{hint}')
        dimension.check(field)
        found = {repr(RULES[field].check(field, value)) for value in dimension.probes()}
        sizes.append(len(found))
    if max(sizes) < 2:
        raise InputError("space holds a single variant: give at least one field two values")


def _dimension(field: str, value: Any) -> Dimension:
    """Return a field's dimension, the values of a choice as a variant holds them, where it can."""
    if isinstance(value, (Boolean, Int, Float)):
        return value
    choice = value if isinstance(value, Choice) else Choice(value)
    if field not in RULES or isinstance(choice.values, str) or not isinstance(choice.values, Iterable):
        return choice
    with contextlib.suppress(InputError):
        return Choice([RULES[field].check(field, one) for one in choice.values], choice.ordered)
    return choice
