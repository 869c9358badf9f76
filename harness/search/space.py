"""From keras-tuner's hyperparameters to a variant: what a space says, and whether all it can say is allowed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from harness.errors import InputError, nearest
from harness.search.declaration import Search
from harness.variants import Variant
from harness.variants.rules import RULES

# Where each hyperparameter of a space's function is probed, as shares of its range: both ends and between.
_SHARES = (0.0, 0.13, 0.27, 0.41, 0.5, 0.63, 0.77, 0.91, 1 - 1e-9)


class Space:
    """The variants of one search."""

    def __init__(self, search: Search) -> None:
        self._search = search

    def variant(self, hyperparameters: Any) -> Variant:
        """Return the variant that keras-tuner's HyperParameters stand for, registering those they lack.

        Raises:
            InputError: They are no variant: a value out of range, or fields that exclude each other.
        """
        return self._search.baseline.replace(**self.fields(hyperparameters))

    def fields(self, hyperparameters: Any) -> dict[str, Any]:
        """Return the fields to change, each within its range; whether they go together `variant` says.

        Raises:
            InputError: A space's function raised, gave something else than fields, or a value out of range.
        """
        search = self._search
        if isinstance(search.space, Mapping):
            return {
                field: dimension.ask(hyperparameters, field, default=getattr(search.baseline, field))
                for field, dimension in search.dimensions.items()
            }
        try:
            answer = search.space(hyperparameters)
        except InputError:
            raise
        except Exception as error:
            name = getattr(search.space, "__name__", "the space's function")
            raise InputError(f"{name}(hp) raised {type(error).__name__}: {error}") from error
        if isinstance(answer, Variant):
            return {field: getattr(answer, field) for field in RULES}
        if not isinstance(answer, Mapping):
            raise InputError(
                f"the space's function returned {answer!r}: it must return a mapping of fields to values, or a Variant"
            )
        for field, value in answer.items():
            if field not in RULES:
                hint = nearest(str(field), RULES) or f"; allowed: {', '.join(RULES)}"
                raise InputError(f'space names "{field}", which is no field of a variant{hint}')
            RULES[field].check(field, value)
        return dict(answer)

    def check_function(self, hyperparameters: Any) -> list[dict[str, Any]]:
        """Ask a space's function about both ends of everything that it asks for, and points between.

        Args:
            hyperparameters: keras-tuner's, holding all that the function asks for.

        Returns:
            The fields at each probe.

        Raises:
            InputError: It asks for nothing, gives a single variant, or a field a value out of its range.
        """
        if not hyperparameters.space:
            raise InputError("space is empty: its function asks hp for nothing; call hp.Choice, hp.Int or hp.Float")
        found = [self.fields(probe) for probe in _probes(hyperparameters)]
        if len({repr(sorted(fields.items())) for fields in found}) < 2:
            raise InputError("space holds a single variant: let its function use what it asks hp for")
        return found


def starting_point(hyperparameters: Any) -> Any:
    """Return a copy of HyperParameters in which each active one has its default."""
    return _at(hyperparameters, [None] * len(hyperparameters.space))


def _probes(hyperparameters: Any) -> Iterator[Any]:
    """Yield copies of HyperParameters: all at one share of their range, then each alone away from its default."""
    count = len(hyperparameters.space)
    for share in _SHARES:
        yield _at(hyperparameters, [share] * count)
    for number, share in itertools.product(range(count), _SHARES):
        yield _at(hyperparameters, [share if number == other else None for other in range(count)])


def _at(hyperparameters: Any, shares: list[float | None]) -> Any:
    probe = hyperparameters.copy()
    probe.values = {}
    for hyperparameter, share in zip(hyperparameters.space, shares, strict=True):
        if probe.is_active(hyperparameter):
            value = hyperparameter.default if share is None else hyperparameter.prob_to_value(share)
            probe.values[hyperparameter.name] = value
    return probe
