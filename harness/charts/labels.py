"""Where the names of points go, so that no name lies on another one or on a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.tables.grid import text_width

FONT_SIZE = 10

Align = Literal["left", "right", "center"]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels; y grows downwards."""

# Widest common letters of a page's fonts: a name is rather given too much room than too little.
_LETTER = 0.62 * FONT_SIZE
_HEIGHT = FONT_SIZE + 2.0
_RADIUS = 5.0
# How far from its point a name may go: beside it, then on a line that leads to it.
_DISTANCES = (0.0, 14.0, 30.0, 50.0)
_SIDES: tuple[tuple[int, int, Align], ...] = (
    (1, -1, "left"),
    (-1, -1, "right"),
    (1, 1, "left"),
    (-1, 1, "right"),
    (0, -1, "center"),
    (0, 1, "center"),
)


@dataclass(frozen=True)
class Place:
    """A name's place: the pixels from its point to the edge or middle of its base line, and how it is aligned there.

    Attributes:
        dx, dy: Pixels, down is positive.
        align: Which side of the name that is.
        led: Whether it is so far off that a line must lead to it.
    """

    dx: float
    dy: float
    align: Align
    led: bool


def place_names(
    points: Sequence[tuple[float, float]],
    names: Sequence[str],
    size: tuple[float, float],
    *,
    lines: Sequence[Box] = (),
) -> list[Place | None]:
    """Return a place for each name; None where there is no room.

    Args:
        points: In pixels from the upper left corner, the most important first: they choose first.
        names: One per point; nothing is placed for an empty one, but no other name covers its point.
        size: Width and height of the plot, which no name leaves.
        lines: Boxes that names had better not cover, such as intervals.
    """
    dots = [(x - _RADIUS, y - _RADIUS, x + _RADIUS, y + _RADIUS) for x, y in points]
    taken: list[Box] = []
    places: list[Place | None] = []
    for number, ((x, y), name) in enumerate(zip(points, names, strict=True)):
        others = [*taken, *dots[:number], *dots[number + 1 :]]
        found = _best(x, y, name, size, others, lines) if name else None
        places.append(found)
        if found:
            taken.append(_box(x, y, name, found))
    return places


def _best(
    x: float, y: float, name: str, size: tuple[float, float], others: Sequence[Box], lines: Sequence[Box]
) -> Place | None:
    best: tuple[float, Place] | None = None
    for distance in _DISTANCES:
        for right, down, align in _SIDES:
            gap = _RADIUS + 2.0
            dx = right * (gap + distance)
            dy = down * (gap + distance) + (_HEIGHT - 3.0) * (down > 0)
            place = Place(dx, dy, align, led=distance > 0)
            box = _box(x, y, name, place)
            inside = box[0] >= 0 and box[1] >= 0 and box[2] <= size[0] and box[3] <= size[1]
            if not inside or any(_meet(box, other) for other in others):
                continue
            cost = 3.0 * distance + 12.0 * sum(_meet(box, line) for line in lines)
            if best is None or cost < best[0]:
                best = cost, place
    return best[1] if best else None


def _box(x: float, y: float, name: str, place: Place) -> Box:
    width = text_width(name) * _LETTER
    left = x + place.dx - {"left": 0.0, "center": width / 2, "right": width}[place.align]
    base = y + place.dy
    return left, base - _HEIGHT + 3.0, left + width, base + 3.0


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
