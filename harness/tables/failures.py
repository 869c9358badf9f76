"""Failed gates in words."""

from __future__ import annotations

from collections.abc import Sequence

from harness.comparison.gate import Failure
from harness.tables.escape import one_line


def failure_lines(failed: Sequence[Failure]) -> list[str]:
    """Return a line per row that failed, with the values the gates asked for; nothing where none did."""
    if not failed:
        return []
    lines = [f"failed gates: {len(failed)} row{'s' * (len(failed) != 1)}"]
    return lines + [f"  {describe_failure(failure)}" for failure in failed]


def describe_failure(failure: Failure) -> str:
    """Return one row's failure: which row, which gates, and what their columns hold, in the gate's own units."""
    row = failure.row
    names = dict.fromkeys(name for gate in failure.gates for name in gate.columns)
    values = ", ".join(f"{name} {_value(row[name])}" for name in names)
    place = " / ".join(str(row[name]) for name in ("suite", "variant") if row.get(name))
    met = "; ".join(dict.fromkeys(gate.text for gate in failure.gates))
    return one_line(f"{place} ({row['dataset']}, {row['budget']}): {met}: {values}")


def _value(value: object) -> str:
    if isinstance(value, str):
        return value or "''"
    return f"{value:.6g}" if isinstance(value, int | float) and value == value else "unknown"
