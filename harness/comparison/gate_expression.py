"""What a gate says, as a tree, and its value on one row. Nothing is ever evaluated as Python.

Grammar, in the notation of Python's own reference:

    gate       = all ("or" all)*
    all        = one ("and" one)*
    one        = "not" one | "(" gate ")" | comparison
    comparison = operand ("==" | "!=" | "<" | "<=" | ">" | ">=") operand
    operand    = COLUMN | NUMBER | 'text' | "text"

Numbers compare with numbers, texts with texts (== and != only). A comparison with an unknown value (nan, or a
missing text) is false, `!=` too; `not` turns that round.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.comparison.columns import Column, ColumnKind
from harness.comparison.gate_tokens import COMPARISONS, Token, refuse, tokenize
from harness.errors import nearest

MAX_DEPTH = 50

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

Row = Mapping[Any, Any]


@dataclass(frozen=True)
class Operand:
    """One side of a comparison: a column, or a number or text written in the gate."""

    kind: ColumnKind
    value: float | str
    is_column: bool
    allowed: tuple[str, ...] = ()

    def on(self, row: Row) -> Any:
        """Return its value on a row."""
        return row[self.value] if self.is_column else self.value


@dataclass(frozen=True)
class Comparison:
    """Two operands and the operator between them."""

    left: Operand
    operator: str
    right: Operand

    def holds(self, row: Row) -> bool:
        """Whether it is true of a row; false where a value is unknown."""
        left, right = self.left.on(row), self.right.on(row)
        if _unknown(left, self.left.kind) or _unknown(right, self.right.kind):
            return False
        return bool(_OPERATORS[self.operator](left, right))


@dataclass(frozen=True)
class Combination:
    """`and`, `or` or `not` of expressions."""

    word: Literal["and", "or", "not"]
    parts: tuple[Expression, ...]

    def holds(self, row: Row) -> bool:
        """Whether it is true of a row."""
        if self.word == "not":
            return not self.parts[0].holds(row)
        values = (part.holds(row) for part in self.parts)
        return all(values) if self.word == "and" else any(values)


Expression = Comparison | Combination


def parse(text: str, columns: Iterable[Column]) -> Expression:
    """Return what a gate says.

    Raises:
        InputError: A fault of grammar (with its place), an unknown column or word, or a number compared with a text.
    """
    return _Parser(text, {column.name: column for column in columns}).whole()


def columns_in(expression: Expression) -> Iterator[str]:
    """Yield the names of the columns that an expression asks for."""
    if isinstance(expression, Comparison):
        yield from (str(one.value) for one in (expression.left, expression.right) if one.is_column)
    else:
        for part in expression.parts:
            yield from columns_in(part)


class _Parser:
    """Recursive descent, one method a rule of the grammar."""

    def __init__(self, text: str, columns: dict[str, Column]) -> None:
        self._text = text
        self._columns = columns
        self._tokens = tokenize(text)
        self._position = 0
        self._depth = 0

    def whole(self) -> Expression:
        if self._next.kind == "end":
            refuse(self._text, 1, "it is empty: write a condition such as accuracy_verdict == 'worse'")
        found = self._any()
        rest = self._tokens[self._position]
        if rest.kind != "end":
            self._refuse(f"{rest} is too much: join conditions with and, or")
        return found

    @property
    def _next(self) -> Token:
        return self._tokens[self._position]

    def _take(self) -> Token:
        token = self._next
        self._position += token.kind != "end"
        return token

    def _refuse(self, message: str) -> None:
        refuse(self._text, self._next.place, message)

    def _any(self) -> Expression:
        return self._joined("or", self._all)

    def _all(self) -> Expression:
        return self._joined("and", self._one)

    def _joined(self, word: Literal["and", "or"], part: Callable[[], Expression]) -> Expression:
        parts = [part()]
        while self._next.kind == "word" and self._next.text == word:
            self._take()
            parts.append(part())
        return parts[0] if len(parts) == 1 else Combination(word, tuple(parts))

    def _one(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._refuse(f"more than {MAX_DEPTH} conditions are inside one another")
        try:
            if self._next.kind == "word" and self._next.text == "not":
                self._take()
                return Combination("not", (self._one(),))
            if self._next.kind == "open":
                return self._in_parentheses()
            return self._comparison()
        finally:
            self._depth -= 1

    def _in_parentheses(self) -> Expression:
        opening = self._take()
        found = self._any()
        if self._next.kind != "close":
            self._refuse(f"the parenthesis of character {opening.place} is not closed: ) expected, found {self._next}")
        self._take()
        return found

    def _comparison(self) -> Expression:
        left = self._operand()
        if self._next.kind != "operator":
            self._refuse(f"a comparison is expected ({' '.join(COMPARISONS)}), found {self._next}")
        place = self._next.place
        sign = self._take().text
        right = self._operand()
        if self._next.kind == "operator":
            self._refuse("three values in a row: write a < b and b < c")
        self._check(left, sign, right, place)
        return Comparison(left, sign, right)

    def _operand(self) -> Operand:
        token = self._next
        if token.kind == "number":
            self._take()
            return Operand("number", float(token.text), is_column=False)
        if token.kind == "text":
            self._take()
            return Operand("text", token.text, is_column=False)
        if token.kind != "name":
            self._refuse(f"a column, a number or a quoted text is expected, found {token}")
        column = self._columns.get(token.text)
        if column is None:
            self._refuse(self._unknown_column(token.text))
            raise AssertionError  # for mypy: _refuse raises
        self._take()
        return Operand(column.kind, column.name, is_column=True, allowed=column.allowed)

    def _unknown_column(self, name: str) -> str:
        values = {value for column in self._columns.values() for value in column.allowed}
        if name in values:
            return f"column '{name}' is unknown: a text needs quotes, '{name}'"
        return f"column '{name}' is unknown{nearest(name, self._columns) or ': use ' + ', '.join(self._columns)}"

    def _check(self, left: Operand, sign: str, right: Operand, place: int) -> None:
        if left.kind != right.kind:
            number, text = (left, right) if left.kind == "number" else (right, left)
            refuse(self._text, place, f"{_shown(number)} is a number and {_shown(text)} a text: they cannot compare")
        if left.kind == "text" and sign not in ("==", "!="):
            refuse(self._text, place, f"'{sign}' between texts: use == or !=")
        for column, literal in ((left, right), (right, left)):
            if column.allowed and not literal.is_column and literal.value not in column.allowed:
                allowed = ", ".join(f"'{value}'" for value in column.allowed)
                close = nearest(str(literal.value), column.allowed)
                refuse(self._text, place, f"{column.value} is never '{literal.value}': use {allowed}{close}")


def _shown(operand: Operand) -> str:
    return f"'{operand.value}'" if operand.kind == "text" and not operand.is_column else f"{operand.value}"


def _unknown(value: Any, kind: ColumnKind) -> bool:
    if kind == "text":
        return not isinstance(value, str)
    return value is None or isinstance(value, str) or math.isnan(value)
