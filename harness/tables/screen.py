"""Where a table is printed: how wide it may be, and whether colour is welcome."""

from __future__ import annotations

import os
import re
import shutil
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TextIO

DEFAULT_WIDTH = 100
Paint = Literal["good", "bad", "unsure", "best", "faint"]

# ASCII digits alone, and few: int() also reads those of other scripts, and refuses numbers of thousands of digits.
_COLUMNS = re.compile("[1-9][0-9]{0,5}")

# The sixteen basic colours, which a terminal's own theme makes readable; meaning is always in the words too.
_CODES: dict[Paint, str] = {"good": "32", "bad": "31", "unsure": "33", "best": "1", "faint": "2"}


@dataclass(frozen=True)
class Screen:
    """What a table has to fit.

    Attributes:
        width: Columns of text.
        colour: Whether to use colour and weight.
    """

    width: int = DEFAULT_WIDTH
    colour: bool = False

    def paint(self, text: str, paint: Paint | None) -> str:
        """Return text in a colour, or as it is where there is no colour."""
        if not (self.colour and paint and text):
            return text
        return f"\x1b[{_CODES[paint]}m{text}\x1b[0m"


def screen_of(stream: TextIO, environ: Mapping[str, str] | None = None) -> Screen:
    """Return the screen behind a stream: as wide as the terminal or COLUMNS says, else 100 columns.

    Colour only on a terminal, and never where NO_COLOR is set (no-color.org) or TERM is dumb.
    """
    environ = os.environ if environ is None else environ
    terminal = stream.isatty()
    colour = terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    said = environ.get("COLUMNS", "")
    if _COLUMNS.fullmatch(said):
        width = int(said)
    elif terminal:
        width = shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns
    else:
        width = DEFAULT_WIDTH
    return Screen(width, colour)


def folded(text: str, stream: TextIO, environ: Mapping[str, str] | None = None) -> str:
    """Return text whose lines fit the terminal behind a stream, or COLUMNS; as it is where neither is there.

    A line goes on further in than it begins; a word that is wider stays whole, since it may be a command's.
    """
    environ = os.environ if environ is None else environ
    if not (stream.isatty() or _COLUMNS.fullmatch(environ.get("COLUMNS", ""))):
        return text
    return folded_to(text, screen_of(stream, environ).width)


def folded_to(text: str, width: int) -> str:
    """Return text whose lines are so wide at most, as of `folded`."""
    return "\n".join(part for line in text.split("\n") for part in _fold(line, width))


def _fold(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(
        line.strip(),
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
