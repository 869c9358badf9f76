"""What values an option takes: text, a folder, a word, a number; each says what is allowed where another is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from harness.errors import InputError, nearest


class Kind(Protocol):
    """What values an option takes."""

    @property
    def metavar(self) -> str:
        """What stands for a value in the help."""

    def parse(self, name: str, text: str) -> Any:
        """Return the value that a text is; raises InputError naming the option, the text and what is allowed."""


@dataclass(frozen=True)
class TextOption:
    """Any text."""

    metavar: str

    def parse(self, name: str, text: str) -> str:
        """Return the text."""
        if "\0" in text:
            raise InputError(f"{name} holds a NUL character, which no name can: leave it out")
        return text


@dataclass(frozen=True)
class Folder:
    """A folder, there or not."""

    metavar: str = "DIR"

    def parse(self, name: str, text: str) -> Path:
        """Return its path."""
        try:
            is_file = "\0" in text or Path(text).is_file()
        except OSError as error:  # longer than any name
            raise InputError(f'{name} is "{text[:60]}...": name a folder; {error.strerror}') from None
        if not text or is_file:
            raise InputError(f'{name} is "{text}": name a folder{", this is a file" if text else ""}')
        return Path(text)


@dataclass(frozen=True)
class Words:
    """One of some words."""

    words: Sequence[str]

    @property
    def metavar(self) -> str:
        """The words."""
        return "|".join(self.words)

    def parse(self, name: str, text: str) -> str:
        """Return the word."""
        if text in self.words:
            return text
        allowed = " or ".join([", ".join(self.words[:-1]), self.words[-1]])
        raise InputError(f'{name} is "{text}": use {allowed}{nearest(text, self.words)}')


@dataclass(frozen=True)
class NumberOption:
    """A number in a range, ends included unless `between`.

    Attributes:
        metavar: Its unit, in capitals.
        low, high: The range; None is without end.
        whole: Whether it is a whole number.
        between: Whether the ends are left out.
    """

    metavar: str
    low: float
    high: float | None = None
    whole: bool = True
    between: bool = False

    def parse(self, name: str, text: str) -> float:
        """Return the number."""
        try:
            value = int(text) if self.whole else float(text)
        except ValueError:
            value = float("nan")
        high = float("inf") if self.high is None else self.high
        inside = self.low < value < high if self.between else self.low <= value <= high
        if inside and value != float("inf"):
            return value
        ends = f"from {self.low:,g}" + ("" if self.high is None else f" to {self.high:,g}")
        if self.between:
            ends = f"between {self.low:g} and {high:g}"
        raise InputError(f"{name} is {text}: use a {'whole ' if self.whole else ''}number {ends}")


@dataclass(frozen=True)
class OrWord:
    """What another kind takes, or a word in its place, which means something else; None for no value at all."""

    kind: Kind
    word: str
    meaning: Any = None

    @property
    def metavar(self) -> str:
        """What stands for the other kind's value, or the word."""
        return f"{self.kind.metavar}|{self.word}"

    def parse(self, name: str, text: str) -> Any:
        """Return the value, or what the word means."""
        if text == self.word:
            return self.meaning
        try:
            return self.kind.parse(name, text)
        except InputError as error:
            raise InputError(f"{error}, or {self.word}{nearest(text, [self.word])}") from None


@dataclass(frozen=True)
class WordsOrFunction:
    """One of some words, or "module:function"."""

    words: Sequence[str]

    @property
    def metavar(self) -> str:
        """The words, or the function."""
        return "|".join([*self.words, "MODULE:FUNCTION"])

    def parse(self, name: str, text: str) -> str:
        """Return the word or the function."""
        module, colon, function = text.partition(":")
        if text in self.words or (colon and all(part.isidentifier() for part in (*module.split("."), function))):
            return text
        raise InputError(
            f'{name} is "{text}": use {", ".join(self.words)} or module:function{nearest(text, self.words)}'
        )
