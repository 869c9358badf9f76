"""Failed gates in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.comparison.gate import Gate, parse_gate
from harness.errors import InputError
from harness.tables.columns import cell_text
from harness.tables.escape import clean

if TYPE_CHECKING:
    import pandas as pd


def failure_lines(failed: pd.DataFrame, gates: Sequence[Gate]) -> list[str]:
    """Return a line a row that failed, with the values the gates asked for; nothing where none did.

    Args:
        failed: From `failed_rows`.
        gates: The gates it was judged by.
    """
    if not len(failed):
        return []
    rows = failed.to_dict("records")
    lines = [f"failed gates: {len(rows)} row{'s' * (len(rows) != 1)}"]
    return lines + [f"  {describe_failure(row, gates)}" for row in rows]


def describe_failure(row: dict[object, object], gates: Sequence[Gate] = ()) -> str:
    """Return one row's failure: which row, which gate, and what the gate's columns hold."""
    mine = [gate for gate in gates if gate.text in str(row["gate"])] or _gates_of(row)
    names = dict.fromkeys(name for gate in mine for name in gate.columns)
    values = ": " + ", ".join(f"{name} {cell_text(row, name) or 'unknown'}" for name in names)
    place = " / ".join(str(row[name]) for name in ("suite", "variant") if row.get(name))
    return clean(f"{place} ({row['dataset']}, {row['budget']}): {row['gate']}{values if names else ''}")


def _gates_of(row: dict[object, object]) -> list[Gate]:
    """Return a row's gates, read back from its text; none where a quoted text holds what joins them."""
    try:
        return [parse_gate(text, map(str, row)) for text in str(row["gate"]).split("; ")]
    except InputError:
        return []
