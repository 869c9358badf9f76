"""What each field of a variant may hold: one rule a field, which also words its own refusal."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from harness.errors import InputError, nearest

MAX_FILTERS = 4096
MAX_BLOCKS = 8
MAX_UNITS = 65_536
_LARGEST_OPTION = 2**63 - 1

POOLINGS = ("max", "average", "sum", "none")
PRECISION_POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")
BACKBONES = ("ResNet50", "MobileNetV2", "VGG16", "EfficientNetB0", "InceptionV3")
ACTIVATIONS = (
    "relu", "elu", "gelu", "hard_sigmoid", "hard_silu", "leaky_relu", "linear", "mish", "relu6", "selu",
    "sigmoid", "silu", "softplus", "softsign", "tanh",
)  # fmt: skip
# Keras's others are left out on purpose: Adafactor's first step gives NaN on JAX, Muon wants its layers named.
OPTIMIZERS = (
    "adam", "adadelta", "adagrad", "adamax", "adamw", "ftrl", "lion", "momentum", "nadam",
    "rmsprop", "sgd",
)  # fmt: skip
AUGMENTATIONS = ("flip", "shift", "rotation", "zoom", "contrast", "brightness", "erasing")
"""What may be joined with ``+``; the order here is the order of the layers and of the canonical name."""
AUGMENTATION_POLICIES = ("none", "mixed")
"""What stands alone."""

_TARGET = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


class Rule(Protocol):
    """Checks one field's value and words what is allowed."""

    @property
    def allowed(self) -> str:
        """What the field may hold, in words."""

    def check(self, field: str, value: object) -> Any:
        """Return the value in its canonical form, or raise InputError."""


def _refuse(field: str, value: object, allowed: str, hint: str = "") -> InputError:
    try:
        text = repr(value)
    except ValueError:  # an int of more than 4300 digits
        text = f"a {type(value).__name__} too long to print"
    shown = text if len(text) <= 80 else text[:77] + "..."
    return InputError(f"{field}: {shown} is not allowed; allowed: {allowed}{hint}")


def _is_numpy(value: object) -> bool:
    return type(value).__module__ == "numpy"


def _is_bool(value: object) -> bool:
    return isinstance(value, bool) or (_is_numpy(value) and type(value).__name__ in ("bool", "bool_"))


@dataclass(frozen=True)
class Whole:
    """A whole number from low to high; a bool is none."""

    low: int
    high: int

    @property
    def allowed(self) -> str:
        """What the field may hold, in words."""
        return f"a whole number from {self.low} to {self.high}"

    def check(self, field: str, value: object) -> int:
        """Return a plain int."""
        number = None if _is_bool(value) else _whole(value)
        if number is None or not self.low <= number <= self.high:
            raise _refuse(field, value, self.allowed)
        return number


def _whole(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)  # JSON and pandas turn 64 into 64.0
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


@dataclass(frozen=True)
class NumberRule:
    """A finite number in an interval, whose ends may be open; a bool is none."""

    low: float
    high: float
    low_open: bool = False
    high_open: bool = False

    @property
    def allowed(self) -> str:
        """What the field may hold, in words."""
        above = "above" if self.low_open else "from"
        below = "to below" if self.high_open else "to"
        return f"a number {above} {self.low:g} {below} {self.high:g}"

    def check(self, field: str, value: object) -> float:
        """Return a plain float; -0.0 becomes 0.0."""
        number = math.nan if _is_bool(value) else _real(value)
        too_low = number <= self.low if self.low_open else number < self.low
        too_high = number >= self.high if self.high_open else number > self.high
        if not math.isfinite(number) or too_low or too_high:
            raise _refuse(field, value, self.allowed)
        return number + 0.0


def _real(value: object) -> float:
    if isinstance(value, (str, bytes)):
        return math.nan
    try:
        # The text of a NumPy float32 0.001 is "0.001"; float() would give 0.0010000000474974513.
        return float(str(value)) if _is_numpy(value) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return math.nan


@dataclass(frozen=True)
class Several:
    """A tuple of least to most whole numbers; a list is taken too, and a bare number as a tuple of one."""

    each: Whole
    least: int
    most: int

    @property
    def allowed(self) -> str:
        """What the field may hold, in words."""
        return f"{self.least} to {self.most} whole numbers from {self.each.low} to {self.each.high}"

    def check(self, field: str, value: object) -> tuple[int, ...]:
        """Return a tuple of plain ints."""
        if _is_numpy(value) and hasattr(value, "tolist"):
            value = value.tolist()
        values = tuple(value) if isinstance(value, (list, tuple)) else (value,)
        if not self.least <= len(values) <= self.most:
            raise _refuse(field, value, self.allowed)
        try:
            return tuple(self.each.check(field, one) for one in values)
        except InputError:
            raise _refuse(field, value, self.allowed) from None


@dataclass(frozen=True)
class ChoiceRule:
    """One of a few words, or None where that is allowed."""

    words: tuple[str, ...]
    optional: bool = False

    @property
    def allowed(self) -> str:
        """What the field may hold, in words."""
        return ", ".join(("None", *self.words) if self.optional else self.words)

    def check(self, field: str, value: object) -> str | None:
        """Return a plain str, or None."""
        if value is None and self.optional:
            return None
        if isinstance(value, str) and value in self.words:
            return str(value)
        raise _refuse(field, value, self.allowed, _hint(value, self.words))


def _hint(value: object, words: tuple[str, ...]) -> str:
    if not isinstance(value, str):
        return ""
    lower = {word.lower(): word for word in words}
    same = lower.get(value.lower())
    return f'; did you mean "{same}"?' if same else nearest(value, words)


@dataclass(frozen=True)
class Flag:
    """True or False."""

    allowed: str = "True or False"

    def check(self, field: str, value: object) -> bool:
        """Return a plain bool."""
        if not _is_bool(value):
            raise _refuse(field, value, self.allowed)
        return bool(value)


@dataclass(frozen=True)
class TextRule:
    """A text with a form of its own, or None."""

    allowed: str
    holds: Callable[[str], bool]

    def check(self, field: str, value: object) -> str | None:
        """Return a plain str, or None."""
        if value is None:
            return None
        text = str(value) if isinstance(value, str) or hasattr(value, "__fspath__") else ""
        if not text or "\0" in text or not self.holds(text):
            raise _refuse(field, value, self.allowed)
        return text


@dataclass(frozen=True)
class Augmentation:
    """A policy, or kinds joined with +, in any order; the canonical order is that of AUGMENTATIONS."""

    @property
    def allowed(self) -> str:
        """What the field may hold, in words."""
        return f"{', '.join(AUGMENTATION_POLICIES)}, or some of {', '.join(AUGMENTATIONS)} joined with +"

    def check(self, field: str, value: object) -> str:
        """Return the kinds in canonical order."""
        if isinstance(value, str) and value in AUGMENTATION_POLICIES:
            return str(value)
        parts = value.split("+") if isinstance(value, str) else []
        unknown = [part for part in parts if part not in AUGMENTATIONS]
        if not parts or unknown or len(set(parts)) < len(parts):
            hint = _hint(unknown[0], AUGMENTATIONS + AUGMENTATION_POLICIES) if unknown else ""
            raise _refuse(field, value, self.allowed, hint)
        return "+".join(kind for kind in AUGMENTATIONS if kind in parts)


Options = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class OptionTable:
    """Options for a user's own builder: a mapping, kept as sorted pairs so that it can be hashed."""

    allowed: str = "a mapping of names to texts, finite numbers of 64 bits, True, False, None, or lists of these"

    def check(self, field: str, value: object) -> Options:
        """Return (name, value) pairs sorted by name, lists as tuples."""
        if isinstance(value, Mapping):
            pairs = list(value.items())
        elif isinstance(value, (list, tuple)) and all(
            isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in value
        ):
            pairs = [(pair[0], pair[1]) for pair in value]
        else:
            raise _refuse(field, value, self.allowed)
        names = [name for name, _ in pairs]
        if not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
            raise _refuse(field, value, self.allowed)
        return tuple(sorted((str(name), self._value(f"{field}[{name!r}]", item)) for name, item in pairs))

    def _value(self, field: str, value: object) -> Any:
        if isinstance(value, (list, tuple)):
            return tuple(self._value(field, one) for one in value)
        if _is_numpy(value) and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
            value = value.item()
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int) and -_LARGEST_OPTION <= value <= _LARGEST_OPTION:
            return int(value)
        if isinstance(value, str):
            return str(value)
        if isinstance(value, float) and math.isfinite(value):
            return value
        raise _refuse(field, value, self.allowed)


def _is_weights(text: str) -> bool:
    return text == "imagenet" or text.endswith(".weights.h5")


RULES: Mapping[str, Rule] = {
    "filters": Several(Whole(1, MAX_FILTERS), 1, MAX_BLOCKS),
    "kernel_size": Whole(1, 15),
    "dense": Several(Whole(1, MAX_UNITS), 0, 8),
    "pooling": ChoiceRule(POOLINGS),
    "activation": ChoiceRule(ACTIVATIONS),
    "batch_norm": Flag(),
    "dropout": NumberRule(0, 1, high_open=True),
    "l1": NumberRule(0, 10),
    "l2": NumberRule(0, 10),
    "augmentation": Augmentation(),
    "optimizer": ChoiceRule(OPTIMIZERS),
    "learning_rate": NumberRule(0, 10, low_open=True),
    "batch_size": Whole(1, 65_536),
    "precision_policy": ChoiceRule(PRECISION_POLICIES),
    "backbone": ChoiceRule(BACKBONES, optional=True),
    "weights": TextRule('None, "imagenet", or the path of a .weights.h5 file', _is_weights),
    "fine_tune": Flag(),
    "model": TextRule('None or "package.module:function"', lambda text: bool(_TARGET.fullmatch(text))),
    "options": OptionTable(),
}
"""The rule of every field, in the order of the fields."""
