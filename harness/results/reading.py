"""JSON from a store, which a stranger may have written: each value has the type that its field declares, or is refused.

Nothing is made of it but numbers, texts and the records of this package; nothing in it is a name to import or to call.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Hashable, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, NoReturn, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from harness.errors import InputError
from harness.variants import Variant
from harness.wording import HALVES

# What no measurement reaches, and whose square is finite.
HIGHEST_NUMBER = 1e100
HIGHEST_WHOLE = 2**63 - 1
LONGEST_S = 1e10
"""Longest time in seconds: three hundred years."""

_SHOWN_LETTERS = 60

Read = TypeVar("Read")
Reader = Callable[[Any, str], Any]


def parse_json(text: object) -> Any:
    """Return what a JSON text says; InputError where it is none, or nests too deep.

    >>> parse_json("[1, NaN]")
    Traceback (most recent call last):
        ...
    harness.errors.InputError: not JSON: NaN is no number of JSON
    """

    def refuse_constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is no number of JSON")

    if not isinstance(text, str):
        refuse("JSON", text, "a text")
    try:
        return json.loads(text, parse_constant=refuse_constant)
    except RecursionError:
        raise InputError("not JSON: it nests too deep") from None
    except ValueError as error:
        raise InputError(f"not JSON: {error}") from None


def read_as(kind: type[Read], content: object, where: str, **known: Any) -> Read:
    """Return a dataclass made of an object of JSON, each field checked; null is nan where a number is declared.

    Args:
        kind: The dataclass.
        content: What `parse_json` gave.
        where: How messages call it.
        known: Fields that are not to be read, and what they hold.

    Raises:
        InputError: A field is missing, unknown, or of another type; says which.
    """
    reader: Reader = _fields_reader(cast(Hashable, kind), frozenset(known))
    made: Read = kind(**known, **reader(content, where))
    return made


def read_value(kind: Any, content: object, where: str) -> Any:
    """Return a value of a type as a field declares it, as `tuple[str, ...]` or `int | None`; see `read_as`."""
    return _reader(kind)(content, where)


def check_range(where: str, value: float, low: float, high: float) -> None:
    """Refuse a number outside of its range; nan, which is an unknown one, is none.

    Raises:
        InputError: Names field, value and range.
    """
    if value < low or value > high:
        refuse(where, value, f"a number from {low:g} to {high:g}")


def refuse(where: str, value: object, wanted: str) -> NoReturn:
    """Raise InputError: what stands there, and what is wanted."""
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        text = type(value).__name__
    shown = text if len(text) <= _SHOWN_LETTERS else f"{text[:_SHOWN_LETTERS]}..."
    raise InputError(f"{where} is {shown}: {wanted} is expected")


@cache
def _reader(kind: Any) -> Reader:
    simple: dict[Any, Reader] = {str: _text, int: _whole, float: _number, bool: _truth, Variant: _variant}
    if kind in simple:
        return simple[kind]
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Literal:
        return _word_reader(parts)
    if origin in (Union, UnionType):
        (inner,) = (_reader(part) for part in parts if part is not NoneType)
        return lambda value, where: None if value is None else inner(value, where)
    if origin is tuple:
        return _list_reader(parts[0]) if parts[1:] == (...,) else _tuple_reader(parts)
    fields = _fields_reader(kind, frozenset())
    return lambda value, where: kind(**fields(value, where))


@cache
def _fields_reader(kind: Any, omit: frozenset[str]) -> Reader:
    hints = get_type_hints(kind)
    fields = [one for one in dataclasses.fields(kind) if one.name not in omit]
    readers = {one.name: _reader(hints[one.name]) for one in fields}
    needed = {one.name for one in fields if one.default is dataclasses.MISSING is one.default_factory}

    def read(value: object, where: str) -> Any:
        if not isinstance(value, Mapping):
            refuse(where, value, "an object")
        if missing := needed - value.keys():
            raise InputError(f"{where} has no {min(missing)}")
        if unknown := value.keys() - readers.keys():
            raise InputError(f"{where} has an unknown field {min(unknown)[:40]!r}: a newer version may know it")
        return {name: readers[name](one, f"{where}.{name}") for name, one in value.items()}

    return read


def _list_reader(part: Any) -> Reader:
    inner = _reader(part)

    def read(value: object, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            refuse(where, value, "a list")
        return tuple(inner(one, where) for one in value)

    return read


def _tuple_reader(parts: tuple[Any, ...]) -> Reader:
    inner = [_reader(part) for part in parts]

    def read(value: object, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) != len(inner):
            refuse(where, value, f"a list of {len(inner)}")
        return tuple(one(item, where) for one, item in zip(inner, value, strict=True))

    return read


def _word_reader(words: tuple[str, ...]) -> Reader:
    def read(value: object, where: str) -> str:
        if not isinstance(value, str) or value not in words:
            refuse(where, value, f"one of {', '.join(words)}")
        return value

    return read


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        refuse(where, value, "a text")
    if not value.isascii() and HALVES.search(value):
        refuse(where, value, "a text of whole characters")  # half a pair of UTF-16, which no file can hold
    return value


def _whole(value: object, where: str) -> int:
    if type(value) is not int or not -HIGHEST_WHOLE <= value <= HIGHEST_WHOLE:
        refuse(where, value, "a whole number of 64 bits")
    return value


def _number(value: object, where: str) -> float:
    if value is None:
        return math.nan
    # Also refuses a number of JSON that is too large for a float, which reads as infinite.
    if type(value) not in (int, float) or not -HIGHEST_NUMBER <= value <= HIGHEST_NUMBER:  # type: ignore[operator]
        refuse(where, value, "a finite number")
    return float(value)  # type: ignore[arg-type]


def _truth(value: object, where: str) -> bool:
    if type(value) is not bool:
        refuse(where, value, "true or false")
    return value


def _variant(value: object, where: str) -> Variant:
    if not isinstance(value, str):
        refuse(where, value, "the JSON text of a variant")
    try:
        return Variant.from_json(value)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
