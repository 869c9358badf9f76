"""A table of texts, drawn for a terminal, Markdown or LaTeX."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from harness.tables import escape
from harness.tables.screen import Paint, Screen

TextStyle = Literal["github", "plain", "latex"]
Align = Literal["left", "right"]

MARK = " *"
_BREAKS = "+ :.-"  # where a long name may be broken, the best first


@dataclass(frozen=True)
class Piece:
    """One line of a cell.

    Attributes:
        text: What it says.
        paint: Its colour on a terminal.
        best: Whether it is the best of its column: marked in every style.
    """

    text: str
    paint: Paint | None = None
    best: bool = False


Lines = tuple[Piece, ...]
"""The lines of a cell, from the top. Only a terminal shows them one below the other."""


@dataclass(frozen=True)
class Strip:
    """A column: its head (lines from the top) and on which side its cells stand."""

    head: tuple[str, ...]
    align: Align = "left"


def draw(columns: Sequence[Strip], rows: Sequence[Sequence[Lines]], style: TextStyle, screen: Screen) -> str:
    """Return a table; a cell's lines become one, joined by blanks, in Markdown and LaTeX."""
    if style == "plain":
        return _plain(columns, rows, screen)
    if style == "github":
        return _github(columns, rows)
    return booktabs(
        [escape.latex(" ".join(column.head)) for column in columns],
        [[_joined(cell, escape.latex, r"\textbf{", "}") for cell in row] for row in rows],
        [column.align for column in columns],
    )


def width_of(columns: Sequence[Strip], rows: Sequence[Sequence[Lines]]) -> int:
    """Return how wide the table is in a terminal."""
    widths = []
    for place, column in enumerate(columns):
        pieces = [piece for row in rows for piece in row[place]]
        mark = len(MARK) * any(piece.best for piece in pieces)
        texts = max((text_width(piece.text) + mark for piece in pieces if piece.text), default=0)
        widths.append(max(texts, *(text_width(line) + 2 for line in column.head)))
    return sum(widths) + 2 * (len(widths) - 1)


def wrapped(text: str, width: int) -> list[str]:
    """Break a variant's name into lines of at most `width`: at its + signs, else at blanks, colons, dots and dashes.

    A word that is longer breaks anywhere.

    >>> wrapped("filters:64-128+dropout:0.4", 20)
    ['filters:64-128+', 'dropout:0.4']
    >>> wrapped("model:nets:build+options.width:8", 14)
    ['model:nets:', 'build+', 'options.width:', '8']
    """
    return _broken_at(_BREAKS, text, width) or [""]


def _broken_at(signs: str, text: str, width: int) -> list[str]:
    if not signs:
        return textwrap.wrap(text, width, break_on_hyphens=False)
    sign, rest = signs[0], signs[1:]
    lines = [""]
    for part in text.replace(sign, f"{sign}\0").split("\0"):
        if len(lines[-1]) + len(part) > width and lines[-1]:
            lines.append("")
        lines[-1] += part
    return [piece for line in lines for piece in _broken_at(rest if len(line) > width else "", line, width)]


@lru_cache(maxsize=2**14)
def text_width(text: str) -> int:
    """Return how many columns a terminal gives a text: two for wide characters, none for combining ones.

    >>> text_width("abc"), text_width("漢字")
    (3, 4)
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def booktabs(heads: Sequence[str], rows: Sequence[Sequence[str]], aligns: Sequence[Align]) -> str:
    r"""Return a LaTeX tabular with the rules of booktabs (\usepackage{booktabs}); all texts are escaped already.

    Drawn here, since tabulate's format of that name escapes its cells, and with them the bold of the best values.
    """
    lines = [
        rf"\begin{{tabular}}{{{''.join('r' if align == 'right' else 'l' for align in aligns)}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
        *(" & ".join(row) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines)


def _plain(columns: Sequence[Strip], rows: Sequence[Sequence[Lines]], screen: Screen) -> str:
    marked = [any(piece.best for row in rows for piece in row[place]) for place in range(len(columns))]
    height = max(len(column.head) for column in columns)
    # Heads stand on the rule, so that short ones are read with their column.
    heads = ["\n" * (height - len(column.head)) + "\n".join(column.head) for column in columns]
    cells = [
        [
            "\n".join(_painted(_text(piece, mark), piece, screen) for piece in cell)
            for cell, mark in zip(row, marked, strict=True)
        ]
        for row in rows
    ]
    text = _tabulated(heads, cells, columns, "simple")
    return "\n".join(line.rstrip() for line in text.splitlines())


def _tabulated(heads: Sequence[str], cells: Sequence[Sequence[str]], columns: Sequence[Strip], style: str) -> str:
    from tabulate import tabulate

    aligns = [column.align for column in columns]
    return str(
        tabulate(
            cells,
            heads,
            tablefmt=style,
            colalign=aligns if cells else None,
            headersalign=aligns,
            disable_numparse=True,
            preserve_whitespace=True,
        )
    )


def _text(piece: Piece, marked: bool) -> str:
    """Return a line of a cell; where its column has a mark, the others leave room for it, so that digits align."""
    return piece.text + (MARK if piece.best else " " * len(MARK) if marked and piece.text else "")


def _painted(text: str, piece: Piece, screen: Screen) -> str:
    paint = piece.paint or ("best" if piece.best else None)
    bare = text.strip()
    return text.replace(bare, screen.paint(bare, paint), 1) if bare else text


def _github(columns: Sequence[Strip], rows: Sequence[Sequence[Lines]]) -> str:
    heads = [escape.markdown(" ".join(column.head)) for column in columns]
    texts = [[_joined(cell, escape.markdown, "**", "**") for cell in row] for row in rows]
    return _tabulated(heads, texts, columns, "pipe")


def _joined(cell: Lines, escaped: Callable[[str], str], before: str, after: str) -> str:
    pieces = []
    for piece in cell:
        text = escaped(piece.text)
        if text:
            pieces.append(f"{before}{text}{after}" if piece.best else text)
    return " ".join(pieces)
