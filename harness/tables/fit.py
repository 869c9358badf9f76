"""A people's table made to fit: on one line where there is room, else intervals below values, else fewer columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.tables.grid import Align, Lines, Piece, Strip, TextStyle, draw, width_of, wrapped
from harness.tables.screen import Paint, Screen

_LEAST_NAME = 14
_LEAST_ONE_LINE_NAME = 26


@dataclass(frozen=True)
class Field:
    """A column of a people's table, before it is known how it fits.

    Attributes:
        head: Lines of its head.
        title: The head on one line.
        cells: One per row; the lines of a cell go side by side where there is room.
        align: On which side its cells stand.
        name: Whether it is the variant's name, which may be broken.
        joins_previous: Whether it may stand inside the column before it (a verdict beside its value).
        drop: Above 0 it may be left out on a narrow screen, the highest first.
    """

    head: tuple[str, ...]
    title: str
    cells: Sequence[Lines] = ()
    align: Align = "left"
    name: bool = False
    joins_previous: bool = False
    drop: int = 0

    def with_cells(self, cells: Sequence[Lines]) -> Field:
        """Return the field with other cells."""
        return replace(self, cells=cells)

    @property
    def pieces(self) -> Iterator[Piece]:
        """Every line of every cell."""
        return (piece for cell in self.cells for piece in cell)


def fitted(fields: Sequence[Field], style: TextStyle, screen: Screen, *, wrap: bool = True) -> str:
    """Return the table, for a terminal in the first shape that fits its width.

    One line per row; then intervals and verdicts below and beside their values; then without the columns that may be
    dropped; at last a paragraph per row, which fits any width.
    """
    if style != "plain" or not wrap:
        return _drawn([_one_line(one) for one in fields], style, screen)
    for shape in _shapes(fields):
        longest = max((len(piece.text) for one in shape if one.name for piece in one.pieces), default=0)
        least = _LEAST_ONE_LINE_NAME if len(shape) == len(fields) else _LEAST_NAME
        unbroken = width_of(*_grid(shape))
        width = longest - max(unbroken - screen.width, 0)  # of a table without names below 0: nothing gives way
        if width >= min(longest, least):
            return _drawn([_broken(one, max(width, 1)) if one.name else one for one in shape], style, screen)
    return paragraphs(fields, screen)


def paragraphs(fields: Sequence[Field], screen: Screen) -> str:
    """Return a paragraph per row, a line per column, below its head where there is no room beside it."""
    heads = [one.title for one in fields]
    width = max(len(head) for head in heads)
    beside = screen.width - width - 2 >= _LEAST_NAME
    room = max(screen.width - 2 - width * beside, _LEAST_NAME)
    blocks = []
    for number in range(len(fields[0].cells)):
        lines = []
        for head, one in zip(heads, fields, strict=True):
            cell = one.cells[number]
            text = " ".join(piece.text + (" *" if piece.best else "") for piece in cell if piece.text)
            pieces = [] if not text else wrapped(text, room) if one.name else textwrap.wrap(text, room)
            if beside:
                lines += [f"{'' if at else head:<{width}}  {piece}" for at, piece in enumerate(pieces)]
            elif pieces:
                lines += [*textwrap.wrap(head, screen.width), *(f"  {piece}" for piece in pieces)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def verdict_paint(verdict: object) -> Paint | None:
    """Return the colour of a verdict."""
    paints: dict[str, Paint] = {"better": "good", "worse": "bad", "unresolved": "unsure"}
    return paints.get(str(verdict))


def _shapes(fields: Sequence[Field]) -> Iterator[list[Field]]:
    yield [_one_line(one) for one in fields]
    stacked = _stacked(fields)
    yield stacked
    for level in sorted({one.drop for one in fields if one.drop}, reverse=True):
        stacked = [one for one in stacked if one.drop < level]
        yield stacked


def _stacked(fields: Sequence[Field]) -> list[Field]:
    """Return fields with their verdicts beside their values: `+1.2 better` over `[+0.3, +2.1]`."""
    shape: list[Field] = []
    for one in fields:
        if one.joins_previous and shape:
            last = shape.pop()
            cells = [_beside(first, second) for first, second in zip(last.cells, one.cells, strict=True)]
            shape.append(replace(last, cells=cells))
        else:
            shape.append(one)
    return shape


def _beside(value: Lines, verdict: Lines) -> Lines:
    word = next((piece for piece in verdict if piece.text), None)
    if word is None:
        return value
    if not value:
        return (word,)
    return (Piece(f"{value[0].text} {word.text}", word.paint, value[0].best), *value[1:])


def _one_line(one: Field) -> Field:
    if one.name or all(len(cell) < 2 for cell in one.cells):
        return one
    return replace(one, cells=[_flat(cell) for cell in one.cells])


def _flat(cell: Lines) -> Lines:
    if len(cell) < 2:
        return cell
    return (Piece(" ".join(piece.text for piece in cell), cell[0].paint, any(piece.best for piece in cell)),)


def _broken(one: Field, width: int) -> Field:
    cells = [
        tuple(Piece(part, piece.paint, piece.best) for piece in cell for part in wrapped(piece.text, width))
        for cell in one.cells
    ]
    return replace(one, cells=cells)


def _grid(fields: Sequence[Field]) -> tuple[list[Strip], list[list[Lines]]]:
    columns = [Strip(one.head, one.align) for one in fields]
    rows = [[one.cells[number] or (Piece(""),) for one in fields] for number in range(len(fields[0].cells))]
    return columns, rows


def _drawn(fields: Sequence[Field], style: TextStyle, screen: Screen) -> str:
    columns, rows = _grid(fields)
    return draw(columns, rows, style, screen)
