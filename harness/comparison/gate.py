"""A gate: a condition on the columns of a table, read once before any work and asked of each row after it.

It is written as a Python expression of columns, numbers and quoted texts, with == != < <= > >=, and, or, not and
parentheses. Python's parser reads it, nothing else of Python is allowed, and nothing is ever evaluated as code.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NoReturn

from harness.comparison.columns import SUITE_TABLE, Column, Row, unknown_column
from harness.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd

MAX_LENGTH = 2000
MAX_DEPTH = 50

Sign = Callable[[Any, Any], bool]

_SIGNS: Mapping[type[ast.cmpop], tuple[str, Sign]] = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}
_MIRRORED = {"<": operator.gt, "<=": operator.ge, ">": operator.lt, ">=": operator.le}
_ALL_SIGNS = "== != < <= > >="
# Quoted texts, what people write out of habit from other languages, and what no gate holds.
_WORDS = re.compile(
    r"""'[^']*'|"[^"]*"|['"]|(?<![\w.])\.?\d(?:[\w.]|(?<=[eE])[+-])*|&&?|\|\|?|!(?!=)|(?<![=!<>])=(?!=)|#|[^\x20-\x7e]""",
    re.ASCII,
)
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_HABITS = {"=": "==", "&&": "and", "||": "or", "!": "not", "&": "and", "|": "or"}


@dataclass(frozen=True)
class Gate:
    """A condition that no row may meet: as it was written, and as Python's parser read it."""

    text: str
    tree: ast.expr

    def fails(self, row: Row) -> bool:
        """Whether a row, a mapping from column to value, meets the condition."""
        return _holds(self.tree, row, self.text)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns it asks for."""
        return tuple(dict.fromkeys(node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)))


@dataclass(frozen=True)
class Failure:
    """A row of a table, and the gates that it fails."""

    row: Row
    gates: tuple[Gate, ...]


def parse_gate(text: str, table: Mapping[str, Column] = SUITE_TABLE) -> Gate:
    """Return a gate, checked: `accuracy_verdict == 'worse'`, `step_time_ratio > 1.1 and seeds >= 5`.

    A comparison with an unknown value is false.

    Args:
        text: The condition.
        table: The columns it may ask for.

    Raises:
        InputError: The condition is not understood, or can never or always hold: the fault with its place, an unknown
            column with the nearest name.

    >>> parse_gate("accuracy_delta < -0.01").fails({"accuracy_delta": -0.02})
    True
    """
    if len(text) > MAX_LENGTH:
        raise InputError(f"gate of {len(text)} characters: at most {MAX_LENGTH} are allowed; give several gates")
    text = text.strip()
    if not text:
        _refuse(text, 0, "it is empty: write a condition such as accuracy_verdict == 'worse'")
    plain = _plain(text)
    try:
        tree = ast.parse(plain, mode="eval").body
    except SyntaxError as error:
        _refuse(text, *_fault(text, error))
    except (ValueError, MemoryError, RecursionError, OverflowError) as error:
        _refuse(text, 0, f"it cannot be read ({str(error) or type(error).__name__})")
    _Checker(text, table).condition(tree, 1)
    return Gate(text, tree)


def failed_rows(frame: pd.DataFrame, gates: Sequence[Gate]) -> list[Failure]:
    """Return the rows of a table that meet any gate, in order; no gates, no rows."""
    if not gates:
        return []
    asked = [(row, tuple(gate for gate in gates if gate.fails(row))) for row in frame.to_dict("records")]
    return [Failure(row, failed) for row, failed in asked if failed]


def _holds(node: ast.expr, row: Row, text: str) -> bool:
    match node:
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_holds(part, row, text) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_holds(part, row, text) for part in parts)
        case ast.UnaryOp(operand=part):
            return not _holds(part, row, text)
        case ast.Compare(left=left, ops=signs, comparators=others):
            values = [_value(one, row, text) for one in (left, *others)]
            if any(value is None or value != value for value in values) or len(set(map(_is_text, values))) > 1:
                return False  # what is unknown meets no condition
            return all(_SIGNS[type(sign)][1](*pair) for sign, *pair in zip(signs, values, values[1:], strict=False))
    raise AssertionError(node)


def _value(node: ast.expr, row: Row, text: str) -> Any:
    if isinstance(node, ast.Name):
        return row[node.id]
    written = ast.literal_eval(node)
    return _quoted(node, text) if isinstance(written, str) else written


def _quoted(node: ast.expr, text: str) -> str:
    """Return a quoted text as it was written: a backslash is a backslash."""
    return text[node.col_offset + 1 : (node.end_col_offset or 0) - 1]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _plain(text: str) -> str:
    """Return a gate of the same length that Python's parser takes: no letters in quotes, no line ends.

    Raises:
        InputError: A sign or quote that Python would misread.
    """

    def plain(match: re.Match[str]) -> str:
        word = match[0]
        if len(word) > 1 and word[0] in "'\"":
            return word[0] + "_" * (len(word) - 2) + word[0]
        if word in _HABITS:
            _refuse(text, match.start(), f"'{word}' is unknown: write {_HABITS[word]}")
        if word in "'\"":
            _refuse(text, match.start(), f"the text that begins with {word} does not end: close it with {word}")
        if word.isspace():
            return " "
        if word[0] in ".0123456789":
            return word if _NUMBER.fullmatch(word) else _refuse(text, match.start(), f"'{word}' is not a number")
        _refuse(text, match.start(), f"{word!r} is unknown: {_allowed()}")

    return _WORDS.sub(plain, text)


def _fault(text: str, error: SyntaxError) -> tuple[int, str]:
    """Return the place of a fault of grammar, and the fault in words."""
    place = min(error.offset - 1 if error.offset else len(text), len(text))  # none at the end
    if error.msg.endswith("was never closed"):
        return len(text), f"the parenthesis of character {place + 1} is not closed: ) expected, found the end"
    if error.msg.startswith("unmatched"):
        return place, "')' is too much: no parenthesis is open"
    word = re.match(r"[\w.]+|.", text[place:])
    return place, f"found {repr(word[0]) if word else 'the end'} where {_allowed()}"


def _allowed() -> str:
    return f"a column, a number or a quoted text is expected ({_ALL_SIGNS} compare; and, or, not, ( ) join)"


def _refuse(text: str, place: int, message: str) -> NoReturn:
    """Raise InputError with the gate, its fault and a mark under the place, counted from 0."""
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    raise InputError(f"gate: {message} (character {place + 1})\n  {shown}\n  {' ' * place}^")


@dataclass(frozen=True)
class _Checker:
    """Refuses what is Python but no gate, and what can never or always hold."""

    text: str
    table: Mapping[str, Column]

    def refuse(self, node: ast.expr, message: str) -> NoReturn:
        _refuse(self.text, node.col_offset, message)

    def condition(self, node: ast.expr, depth: int) -> None:
        if depth > MAX_DEPTH:
            self.refuse(node, f"more than {MAX_DEPTH} conditions are inside one another")
        match node:
            case ast.BoolOp(op=word, values=parts):
                for part in parts:
                    self.condition(part, depth + 1)
                self.together(node, parts, all if isinstance(word, ast.And) else any)
            case ast.UnaryOp(op=ast.Not(), operand=part):
                self.condition(part, depth + 1)
            case ast.Compare(left=left, ops=signs, comparators=others):
                sides = (left, *others)
                for one, sign, other in zip(sides, signs, others, strict=False):
                    self.comparison(one, sign, other)
                self.together(node, [node], all)
            case _:
                self.operand(node)
                self.refuse(node, f"a comparison is expected ({_ALL_SIGNS}), such as accuracy_verdict == 'worse'")

    def comparison(self, left: ast.expr, sign: ast.cmpop, right: ast.expr) -> None:
        first, second = self.operand(left), self.operand(right)
        if type(sign) not in _SIGNS:
            self.refuse(right, f"compare by {_ALL_SIGNS}")
        written = _SIGNS[type(sign)][0]
        if self.is_text(first) != self.is_text(second):
            number, text = (second, first) if self.is_text(first) else (first, second)
            self.refuse(right, f"{_shown(number)} is a number and {_shown(text)} a text: they cannot compare")
        if self.is_text(first) and written not in ("==", "!="):
            self.refuse(right, f"'{written}' between texts: use == or !=")
        compared = _SIGNS[type(sign)][1]
        if isinstance(first, Column) and not isinstance(second, Column):
            self.value(first, compared, second, right)
        elif isinstance(second, Column) and not isinstance(first, Column):
            self.value(second, _MIRRORED.get(written, compared), first, left)
        elif not isinstance(first, Column):
            self.refuse(left, "two values compare: name a column, such as accuracy > 0.9")

    def operand(self, node: ast.expr) -> Column | float | str:
        match node:
            case ast.Name(id=name):
                return self.column(node, name)
            case ast.Constant(value=str() as filler):
                if (node.end_col_offset or 0) - node.col_offset != len(filler) + 2:
                    self.refuse(node, "two texts in a row, or a letter before a quote: write one quoted text")
                return _quoted(node, self.text)
            case ast.Constant(value=size) | ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=ast.Constant(value=size)):
                if isinstance(size, int | float) and not isinstance(size, bool):
                    if abs(size) > 1e300:
                        self.refuse(node, "the number is too large")
                    return float(ast.literal_eval(node))
        segment = self.text[node.col_offset : node.end_col_offset]
        self.refuse(node, f"{segment} is unknown: {_allowed()}")

    def column(self, node: ast.expr, name: str) -> Column:
        if name not in self.table:
            if any(name in column.words for column in self.table.values()):
                self.refuse(node, f"column '{name}' is unknown: a text needs quotes, '{name}'")
            self.refuse(node, unknown_column(name, self.table))
        if not self.table[name].gate:
            verdict = name.removesuffix("_hint") + "_verdict"
            self.refuse(node, f"{name} holds sentences, which no gate can ask for: ask {verdict}")
        return self.table[name]

    @staticmethod
    def is_text(operand: Column | float | str) -> bool:
        return operand.is_text if isinstance(operand, Column) else isinstance(operand, str)

    def value(self, column: Column, sign: Sign, value: float | str, node: ast.expr) -> None:
        """Refuse a value that its column never holds, or always lies on one side of."""
        if isinstance(value, str):
            if column.words and value not in column.words:
                allowed = ", ".join(f"'{word}'" for word in column.words)
                close = nearest(value, column.words)
                self.refuse(node, f"{column.name} is never '{value}': use {allowed}{close}")
            return
        low, high = column.range
        meets = [sign(one, value) for one in _candidates(column, [value])]
        if all(meets) or not any(meets):
            per_cent = 1 < abs(value) <= 100 or (column.kind == "difference" and abs(value) == 1)
            if high == 1 and per_cent and low <= value / 100 <= high:
                what = "a p-value" if column.kind == "p" else "a fraction"
                self.refuse(node, f"{column.name} is {what}, {low:g} to 1: did you mean {value / 100:g}?")
            bounds = f"{low:g} to {high:g}" if math.isfinite(high) else f"{low:g} or more"
            self.refuse(node, f"this {'always' if all(meets) else 'never'} holds: {column.name} is {bounds}")

    def together(self, node: ast.expr, parts: Sequence[ast.expr], joined: Callable[[Iterable[bool]], bool]) -> None:
        """Refuse comparisons of one column of which no value meets all, or every value meets any."""
        asked: dict[Column, list[tuple[Sign, Any]]] = {}
        for part in parts:
            if isinstance(part, ast.Compare) and (joined is all or len(part.ops) == 1):
                for column, sign, value in self.limits(part):
                    asked.setdefault(column, []).append((sign, value))
        for column, limits in asked.items():
            values = _candidates(column, [value for _, value in limits])
            meets = [joined(sign(one, value) for sign, value in limits) for one in values]
            if len(limits) > 1 and (all(meets) if joined is any else not any(meets)):
                written = self.text[node.col_offset : node.end_col_offset]
                often = "always" if joined is any else "never"
                self.refuse(
                    node, f"{written} {often} holds: {'every' if joined is any else 'no'} {column.name} meets it"
                )

    def limits(self, node: ast.Compare) -> Iterator[tuple[Column, Sign, Any]]:
        """Yield a comparison's columns that stand beside a value, with the sign and the value."""
        sides = [self.operand(one) for one in (node.left, *node.comparators)]
        for first, sign, second in zip(sides, node.ops, sides[1:], strict=False):
            written, compared = _SIGNS[type(sign)]
            if isinstance(first, Column) and not isinstance(second, Column):
                yield first, compared, second
            elif isinstance(second, Column) and not isinstance(first, Column):
                yield second, _MIRRORED.get(written, compared), first


def _candidates(column: Column, values: Sequence[Any]) -> list[Any]:
    """Return values of a column, one on each side of those given, between them, and they themselves."""
    if column.is_text:
        return list(column.words) or [*values, "\0"]
    low, high = column.range
    points = sorted({low, min(high, max(low, *values) + 1), *(value for value in values if low <= value <= high)})
    return points + [(one + other) / 2 for one, other in pairwise(points)]


def _shown(operand: Column | float | str) -> str:
    return (
        operand.name if isinstance(operand, Column) else repr(operand) if isinstance(operand, str) else f"{operand:g}"
    )
