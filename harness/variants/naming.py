"""A variant's name: how it differs from the baseline; safe in file names and for pytest -k."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

MAX_NAME = 120
_ID_LENGTH = 8
_UNSAFE = re.compile(r"[^A-Za-z0-9_.\-]+")
_DOTS = re.compile(r"\.{2,}")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*")
_RESERVED = frozenset({"none", "true", "false", "inf", "nan"})


def variant_name(fields: Mapping[str, Any], defaults: Mapping[str, Any], fingerprint: str) -> str:
    """Return the name for these fields.

    Different fields have different names: where a text had to be changed or cut to fit, the name ends in the
    fingerprint's first digits.

    >>> variant_name({"dropout": 0.5, "l2": 0.001}, {"dropout": 0.0, "l2": 0.0}, "")
    'dropout:0.5+l2:0.001'
    """
    parts: list[str] = []
    exact = True
    for field, value in _differences(fields, defaults):
        text, faithful = _word(field, value)
        parts.append(text)
        exact = exact and faithful
    name = "+".join(parts) or "baseline"
    if exact and len(name) <= MAX_NAME:
        return name
    suffix = f"+id:{fingerprint[:_ID_LENGTH]}"
    return name[: MAX_NAME - len(suffix)].rstrip("+:.-") + suffix


def _differences(fields: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for field, value in fields.items():
        if value == defaults[field]:
            continue
        if field == "options":
            for option, item in value:
                yield f"options.{option}", item
        else:
            yield field, value


def _word(field: str, value: Any) -> tuple[str, bool]:
    """Return the part of a name for one difference, and whether it can be read back without loss."""
    text, faithful = _value(field, value)
    label = _safe(field)
    return f"{label}:{text}", faithful and label == field


def _value(field: str, value: Any) -> tuple[str, bool]:
    if isinstance(value, tuple):
        # An option's list of one reads like its only item, an empty one like None.
        clear = len(value) > 1 or not field.startswith("options.")
        whole = all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in value)
        return "-".join(_safe(str(one)) for one in value) or "none", clear and whole
    if value is None or isinstance(value, bool):
        return str(value).lower(), True
    if isinstance(value, (int, float)):
        return _safe(repr(value)), "+" not in repr(value)
    if field == "augmentation":
        return value, True
    if field == "model":
        module, _, function = value.partition(":")
        label = f"{_safe(module)}:{_safe(function)}"
        return label, label == value
    return _safe(value), bool(_WORD.fullmatch(value)) and value.lower() not in _RESERVED


def _safe(text: str) -> str:
    return _DOTS.sub(".", _UNSAFE.sub("-", text))
