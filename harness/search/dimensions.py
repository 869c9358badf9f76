"""What a field of a search space may become: keras-tuner's Choice, Int, Float and Boolean, without its import.

Arguments are those of `hp.Choice`, `hp.Int`, `hp.Float` and `hp.Boolean`, less the name, which is the field's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from harness.errors import InputError

Sampling = Literal["linear", "log", "reverse_log"]
_SAMPLINGS = ("linear", "log", "reverse_log")
# Places in a range at which a field's rule is asked: the ends, and enough between to meet a fraction.
_PROBES = (0.0, 0.1, 0.37, 0.5, 0.73, 0.9, 1.0)

_DIGITS, _STEP_DIGITS = 4, 12


class Dimension(Protocol):
    """One field's possible values."""

    def check(self, field: str) -> None:
        """Raise InputError where keras-tuner would refuse the arguments, or where there is no value."""

    def probes(self) -> list[Any]:
        """Return values to ask the field's rule about, the ends among them."""

    def contains(self, value: Any) -> bool:
        """Whether the dimension can give that value."""

    def ask(self, hyperparameters: Any, field: str, *, default: Any) -> Any:
        """Register with keras-tuner's HyperParameters, or return the value they hold.

        `default` is what to start from where it is possible, else the dimension's first value.
        """


@dataclass(frozen=True)
class Choice:
    """One of several values, of any kind that the field takes: also None, tuples of filters, texts.

    Attributes:
        values: The values.
        ordered: Whether neighbours in the list are alike; None: numbers are, others not.
    """

    values: Sequence[Any]
    ordered: bool | None = None

    def check(self, field: str) -> None:
        """Refuse an empty list and a value twice."""
        if isinstance(self.values, str) or not isinstance(self.values, Iterable):
            raise InputError(f"{field}: Choice takes a list of values, got {self.values!r}")
        if not list(self.values):
            raise InputError(f"{field}: Choice has no values: give at least two")
        texts = self._texts()
        twice = next((text for text in texts if texts.count(text) > 1), None)
        if twice is not None:
            raise InputError(f"{field}: Choice holds {twice} {texts.count(twice)} times: keep one of them")

    def probes(self) -> list[Any]:
        """Return every value."""
        return list(self.values)

    def contains(self, value: Any) -> bool:
        """Whether the value is one of the list."""
        return _text(value) in self._texts()

    def ask(self, hyperparameters: Any, field: str, *, default: Any) -> Any:
        """Ask for `hp.Choice`; what it cannot hold (None, tuples, mixed types) goes through it as JSON text."""
        values = list(self.values)
        if all(_is_number(value) for value in values) and any(isinstance(value, float) for value in values):
            values = [float(value) for value in values]
            default = float(default) if _is_number(default) else default
        inside = self.contains(default)
        kinds = {type(value) for value in values}
        if len(kinds) == 1 and kinds <= {int, float, str}:
            return hyperparameters.Choice(field, values, ordered=self.ordered, default=default if inside else None)
        # keras-tuner takes True and False for integers, and knows neither None nor tuples.
        texts = self._texts()
        text = hyperparameters.Choice(field, texts, ordered=False, default=_text(default) if inside else None)
        return None if text is None else values[texts.index(text)]

    def _texts(self) -> list[str]:
        return [_text(value) for value in self.values]


@dataclass(frozen=True)
class Boolean:
    """True or False."""

    def check(self, field: str) -> None:
        """Nothing can be wrong."""

    def probes(self) -> list[Any]:
        """Return both."""
        return [False, True]

    def contains(self, value: Any) -> bool:
        """Whether the value is a bool."""
        return isinstance(value, bool)

    def ask(self, hyperparameters: Any, field: str, *, default: Any) -> Any:
        """Ask for `hp.Boolean`."""
        return hyperparameters.Boolean(field, default=default if self.contains(default) else False)


@dataclass(frozen=True)
class Int:
    """A whole number from min_value to max_value, both included.

    Attributes:
        min_value, max_value: Ends of the range.
        step: Between neighbours: a distance, or with sampling "log" a factor; None for any whole number.
        sampling: How the range is covered; "log" gives each power of ten the same chance.
    """

    min_value: int
    max_value: int
    step: int | None = None
    sampling: Sampling = "linear"

    def check(self, field: str) -> None:
        """Refuse ends that are no whole numbers or the wrong way round, and a step or sampling unknown."""
        for name, value in (("min_value", self.min_value), ("max_value", self.max_value), ("step", self.step)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                raise InputError(f"{field}: Int's {name} is {value!r}: use a whole number")
        _check_range(field, "Int", self.min_value, self.max_value, self.step, self.sampling)

    def probes(self) -> list[Any]:
        """Return the ends and some whole numbers between them."""
        width = self.max_value - self.min_value
        return sorted({self.min_value + round(width * share) for share in _PROBES})

    def contains(self, value: Any) -> bool:
        """Whether the value is in the range and on a step."""
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole and _on_step(value, self.min_value, self.max_value, self.step, self.sampling)

    def ask(self, hyperparameters: Any, field: str, *, default: Any) -> Any:
        """Ask for `hp.Int`."""
        start = default if self.contains(default) else None
        value = hyperparameters.Int(
            field, self.min_value, self.max_value, step=self.step, sampling=self.sampling, default=start
        )
        # Without a step keras-tuner's bayesian oracle can reach max_value + 1, the open end of its own range.
        return None if value is None else min(value, self.max_value)


@dataclass(frozen=True)
class Float:
    """A number from min_value to max_value, to four digits where there is no step.

    Attributes:
        min_value, max_value: Ends of the range.
        step: Between neighbours: a distance, or with sampling "log" a factor; None for any number.
        sampling: How the range is covered; "log" gives each power of ten the same chance.
    """

    min_value: float
    max_value: float
    step: float | None = None
    sampling: Sampling = "linear"

    def check(self, field: str) -> None:
        """Refuse ends that are not finite or the wrong way round, and a step or sampling unknown."""
        for name, value in (("min_value", self.min_value), ("max_value", self.max_value), ("step", self.step)):
            if value is not None and not (_is_number(value) and math.isfinite(value)):
                raise InputError(f"{field}: Float's {name} is {value!r}: use a finite number")
        _check_range(field, "Float", self.min_value, self.max_value, self.step, self.sampling)

    def probes(self) -> list[Any]:
        """Return the ends and some numbers between them, on steps where there are any."""
        low, high, step = self.min_value, self.max_value, self.step
        if step is None or self.sampling != "linear":
            return sorted({low + (high - low) * share for share in _PROBES})
        count = int((high - low) // step)
        return sorted({low + step * round(count * share) for share in _PROBES})

    def contains(self, value: Any) -> bool:
        """Whether the value is in the range and on a step."""
        return _is_number(value) and _on_step(value, self.min_value, self.max_value, self.step, self.sampling)

    def ask(self, hyperparameters: Any, field: str, *, default: Any) -> Any:
        """Ask for `hp.Float`."""
        start = float(default) if self.contains(default) else None
        value = hyperparameters.Float(
            field, self.min_value, self.max_value, step=self.step, sampling=self.sampling, default=start
        )
        # Finer steps change no result, but make names unreadable: 0.30000000000000004, 0.0023716238.
        digits = _DIGITS if self.step is None else _STEP_DIGITS
        return min(max(float(f"{value:.{digits}g}"), self.min_value), self.max_value)


def _check_range(field: str, kind: str, low: float, high: float, step: float | None, sampling: object) -> None:
    if low > high:
        raise InputError(f"{field}: {kind}'s min_value {low:g} is above its max_value {high:g}: no value is between")
    if sampling not in _SAMPLINGS:
        raise InputError(f"{field}: {kind}'s sampling is {sampling!r}: use {', '.join(_SAMPLINGS)}")
    if sampling != "linear" and low <= 0:
        raise InputError(f'{field}: {kind}\'s min_value is {low:g}: with sampling="{sampling}" it must be above 0')
    least = 0 if sampling == "linear" else 1
    if step is not None and step <= least:
        raise InputError(f'{field}: {kind}\'s step is {step:g}: with sampling="{sampling}" it must be above {least}')


def _on_step(value: float, low: float, high: float, step: float | None, sampling: Sampling) -> bool:
    if not low <= value <= high:
        return False
    if step is None:
        return True
    match sampling:
        case "linear":
            steps = (value - low) / step
        case "log":
            steps = math.log(value / low, step)
        case "reverse_log":
            steps = math.log((high + low - value) / low, step)
    return math.isclose(steps, round(steps), abs_tol=1e-9)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(value: Any) -> str:
    return json.dumps(float(value) if _is_number(value) else value, sort_keys=True, default=str)
