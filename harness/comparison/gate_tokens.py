"""The words of a gate: names, numbers, quoted texts, operators and parentheses, each with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from harness.errors import InputError

Kind = Literal["name", "number", "text", "operator", "word", "open", "close", "end"]

COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
WORDS = ("and", "or", "not")
MAX_LENGTH = 2000

_PATTERN = re.compile(
    r"""\s*(?:
    (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![A-Za-z0-9_.]))
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<text>'[^']*'|"[^"]*")
    |(?P<operator>==|!=|<=|>=|<|>)
    |(?P<open>\()
    |(?P<close>\))
    )""",
    re.VERBOSE,
)
# What people write out of habit from other languages.
_HABITS = {"=": "==", "&&": "and", "||": "or", "!": "not", "&": "and", "|": "or"}


@dataclass(frozen=True)
class Token:
    """One word of a gate.

    Attributes:
        kind: What it is; `end` stands after the last.
        text: As written, a quoted text without its quotes.
        place: Its first character, from 1.
    """

    kind: Kind
    text: str
    place: int

    def __str__(self) -> str:
        if self.kind == "end":
            return "the end"
        return f"'{self.text}'"


def tokenize(text: str) -> list[Token]:
    """Return the words of a gate, `end` last.

    Raises:
        InputError: It is too long, or holds a character that no word begins with.
    """
    if len(text) > MAX_LENGTH:
        raise InputError(f"gate of {len(text)} characters: at most {MAX_LENGTH} are allowed; give several gates")
    tokens: list[Token] = []
    position = 0
    while text[position:].strip():
        match = _PATTERN.match(text, position)
        if match is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            refuse(text, start + 1, _unknown(text[start:]))
        kind = match.lastgroup or ""
        word = match[kind]
        tokens.append(_token(kind, word, match.start(kind) + 1))
        position = match.end()
    return [*tokens, Token("end", "", len(text.rstrip()) + 1)]


def refuse(text: str, place: int, message: str) -> NoReturn:
    """Raise InputError with the gate, its fault and a mark under the place."""
    shown = "".join(character if character.isprintable() else "�" for character in text)
    raise InputError(f"gate: {message} (character {place})\n  {shown}\n  {' ' * (place - 1)}^")


def _token(kind: str, word: str, place: int) -> Token:
    if kind == "name" and word in WORDS:
        return Token("word", word, place)
    if kind == "text":
        return Token("text", word[1:-1], place)
    return Token(kind, word, place)  # type: ignore[arg-type]  # the pattern's group names are kinds


def _unknown(rest: str) -> str:
    for habit, right in _HABITS.items():
        if rest.startswith(habit) and not rest.startswith(("==", "!=")):
            return f"'{habit}' is unknown: write {right}"
    if rest[0] in "'\"":
        return f"the text that begins with {rest[0]} does not end: close it with {rest[0]}"
    if rest[0].isdigit():
        return "a number is followed by letters"
    return f"{rest[0]!r} is unknown: use a column, a number, a quoted text, {' '.join(COMPARISONS)}, and, or, not, ( )"
