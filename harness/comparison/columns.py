"""What a gate may ask of: the columns of a table, which of them are texts, and the words that those can be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from harness.comparison.verdicts import Verdict

ColumnKind = Literal["number", "text"]

TEXT_COLUMNS = frozenset(
    """
    suite variant baseline dataset budget device backend precision_policy pareto status message fingerprint versions
    machine search step_time_flags present differences status_old search
    """.split()  # noqa: SIM905  # a name a line would fill a page
)
"""Columns that hold text, besides those that end in _verdict or _hint."""

_STATUS = ("ok", "partial", "diverged", "failed")
_PARETO = ("yes", "perhaps", "no")


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: As in the table's head.
        kind: What its cells are.
        allowed: The only texts it can hold; empty for any.
    """

    name: str
    kind: ColumnKind
    allowed: tuple[str, ...] = ()


def columns_of(names: Iterable[str]) -> list[Column]:
    """Return what is known of columns by their names.

    >>> columns_of(["accuracy_verdict"])[0].allowed
    ('better', 'worse', 'same', 'unresolved', '')
    """
    return [Column(name, "text" if is_text(name) else "number", _allowed(name)) for name in names]


def is_text(name: str) -> bool:
    """Whether a column holds text."""
    return name in TEXT_COLUMNS or name.endswith(("_verdict", "_hint"))


def _allowed(name: str) -> tuple[str, ...]:
    if name.endswith("_verdict"):
        return (*(str(verdict) for verdict in Verdict), "")
    if name.startswith("status"):
        return (*_STATUS, "missing")
    return {"pareto": (*_PARETO, ""), "present": ("both", "old", "new")}.get(name, ())
