"""A gate, parsed once before any work and asked of each row of a table after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.comparison.columns import columns_of
from harness.comparison.gate_expression import Expression, Row, columns_in, parse

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Gate:
    """A condition that no row may meet.

    Attributes:
        text: As it was written.
        expression: What it says.
    """

    text: str
    expression: Expression

    def fails(self, row: Row) -> bool:
        """Whether a row, a mapping from column to value, meets the condition."""
        return self.expression.holds(row)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns it asks for."""
        return tuple(dict.fromkeys(columns_in(self.expression)))


def parse_gate(text: str, columns: Iterable[str] | None = None) -> Gate:
    """Return a gate, checked: `accuracy_verdict == 'worse'`, `step_time_ratio > 1.1 and seeds >= 5`.

    Columns, numbers and quoted texts, compared with == != < <= > >=, joined with and, or, not and parentheses (the
    grammar is in `harness.comparison.gate_expression`). A comparison with an unknown value is false.

    Args:
        text: The condition.
        columns: Names of the table's columns; default those of `comparison.csv`.

    Raises:
        InputError: The condition is not understood: a fault with its place, an unknown column with the nearest name.

    >>> parse_gate("accuracy_delta < -0.01").fails({"accuracy_delta": -0.02})
    True
    """
    if columns is None:
        from harness.comparison import COLUMNS

        columns = COLUMNS
    return Gate(text, parse(text, columns_of(columns)))


def failed_rows(frame: pd.DataFrame, gates: Sequence[Gate]) -> pd.DataFrame:
    """Return the rows that meet any gate, with the column `gate`: the conditions they meet, joined by `; `.

    The rows keep their index; the frame is not changed. No gates, no rows.
    """
    failures = [
        "; ".join(dict.fromkeys(gate.text for gate in gates if gate.fails(row))) for row in frame.to_dict("records")
    ]
    return frame.assign(gate=failures).loc[[bool(failure) for failure in failures]]
