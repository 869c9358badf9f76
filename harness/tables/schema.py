"""The JSON Schema of a comparison in JSON, made from the registry of columns."""

from __future__ import annotations

import math
from typing import Any

from harness.comparison.columns import SUITE_TABLE, Column
from harness.tables.render import INFINITE


def comparison_schema() -> dict[str, Any]:
    """Return the schema of `tables/comparison.json` and of what `--format json` prints."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cnn-harness comparison",
        "description": "One object per suite, variant and set of conditions. Fractions are 0 to 1, differences "
        'fractions of 1, p-values corrected for the number of variants; null is unknown, "inf" infinite.',
        "type": "array",
        "items": {
            "type": "object",
            "additionalProperties": False,
            "properties": {column.name: _property(column) for column in SUITE_TABLE.values()},
        },
    }


def _property(column: Column) -> dict[str, Any]:
    if column.is_text:
        return {"description": column.meaning, "type": "string"} | (
            {"enum": list(column.words)} if column.words else {}
        )
    low, high = column.range
    number: dict[str, Any] = {"type": ["number", "null"], "minimum": low}
    number |= {"maximum": high} if math.isfinite(high) else {}
    kinds = {"anyOf": [number, {"const": INFINITE}]} if column.infinite else number
    return {"description": column.meaning} | kinds
