"""A variant's name: how it differs from the baseline; safe in file names and for pytest -k."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

MAX_NAME = 120
_ID_LENGTH = 8
_UNSAFE = re.compile(r"[^A-Za-z0-9_.\-]+")
_DOTS = re.compile(r"\.{2,}")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*")
# Of these fields "none" is a choice like any other.
_CHOSEN = frozenset({"augmentation", "pooling"})
_RESERVED = frozenset({"none", "true", "false", "inf", "nan", "unset"})


def variant_name(
    fields: Mapping[str, Any], reference: Mapping[str, Any], fingerprint: str, *, short_options: bool = False
) -> str:
    """Return the name for these fields: how they differ from a reference's.

    Different fields have different names: where a text had to be changed or cut to fit, the name ends in the
    fingerprint's first digits. With `short_options` an option is called by its own name, where no field has it.

    >>> variant_name({"dropout": 0.5, "l2": 0.001}, {"dropout": 0.0, "l2": 0.0}, "")
    'dropout:0.5+l2:0.001'
    >>> variant_name({"options": (("width", 32),)}, {"options": (("depth", 3), ("width", 16))}, "", short_options=True)
    'depth:unset+width:32'
    """
    parts: list[str] = []
    exact = True
    taken = {*fields, "id"} if short_options else None
    for field, value in _differences(fields, reference):
        text, faithful = _word(field, value, taken)
        parts.append(text)
        exact = exact and faithful
    name = "+".join(parts) or "baseline"
    if exact and len(name) <= MAX_NAME:
        return name
    suffix = f"+id:{fingerprint[:_ID_LENGTH]}"
    return name[: MAX_NAME - len(suffix)].rstrip("+:.-") + suffix


class _Unset:
    """The value of an option that the reference has and the variant has not: its builder's own."""


_UNSET = _Unset()


def _differences(fields: Mapping[str, Any], reference: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for field, value in fields.items():
        if field == "options":
            mine, other = dict(value), dict(reference[field])
            for option in sorted(mine | other):
                item = mine.get(option, _UNSET)
                # By the text: Python holds 1, 1.0 and True for equal, and a builder may not.
                if item is _UNSET or option not in other or json.dumps(item) != json.dumps(other[option]):
                    yield f"options.{option}", item
        elif value != reference[field]:
            yield field, value


def _word(field: str, value: Any, taken: Collection[str] | None) -> tuple[str, bool]:
    """Return the part of a name for one difference, and whether it can be read back without loss."""
    text, faithful = _value(field, value)
    name = field
    if taken is not None and field.removeprefix("options.") not in taken:
        name = field.removeprefix("options.")
    label = _safe(name)
    return f"{label}:{text}", faithful and label == name


def _value(field: str, value: Any) -> tuple[str, bool]:
    if isinstance(value, tuple):
        # An option's list of one reads like its only item, an empty one like None.
        clear = len(value) > 1 or not field.startswith("options.")
        whole = all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in value)
        return "-".join(_safe(str(one)) for one in value) or "none", clear and whole
    if value is _UNSET:
        return "unset", True
    if value is None or isinstance(value, bool):
        return str(value).lower(), True
    if isinstance(value, (int, float)):
        return _safe(repr(value)), "+" not in repr(value)
    if field in _CHOSEN:
        return value, True
    if field == "model":
        module, _, function = value.partition(":")
        label = f"{_safe(module)}:{_safe(function)}"
        return label, label == value
    return _safe(value), bool(_WORD.fullmatch(value)) and value.lower() not in _RESERVED


def _safe(text: str) -> str:
    return _DOTS.sub(".", _UNSAFE.sub("-", text))
