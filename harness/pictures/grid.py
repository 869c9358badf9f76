"""A grid of a dataset's images with a line of text below each."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
from numpy.typing import NDArray

from harness.charts.text import clean, label
from harness.charts.theme import INK, MUTED, Rows, data, styled
from harness.errors import InputError

_CELL = 92
"""Pixels from one image to the next."""
_IMAGE = 76
_CAPTION_LENGTH = 15
_NOTE_LENGTH = 18
_LINE = 12


@dataclass(frozen=True, eq=False)
class ImageTile:
    """An image to show.

    Attributes:
        image: uint8 [H, W, C], of one channel or three.
        caption: One short line below it.
        note: A second line, in grey; empty for none.
        detail: A third.
        hover: What a pointer is told.
    """

    image: NDArray[np.uint8]
    caption: str
    note: str = ""
    detail: str = ""
    hover: str = ""


def pictures_chart(pictures: Sequence[ImageTile], *, per_row: int = 4, title: str = "") -> alt.TopLevelMixin:
    """Return the pictures in rows, each with its caption.

    Args:
        pictures: What to show, in order; none draws the title alone.
        per_row: Images a row, 1 or more.
        title: Above the grid.
    """
    return styled(pictures_layer(pictures, per_row=per_row, title=title))


def pictures_layer(pictures: Sequence[ImageTile], *, per_row: int, title: str) -> alt.LayerChart:
    """Return the grid without the house's style, to stand beside others."""
    below = [any(picture.note for picture in pictures), any(picture.detail for picture in pictures)]
    step = _CELL + 10 + _LINE * sum(below)
    rows: Rows = [
        {
            "x": number % per_row * _CELL + _CELL / 2,
            "y": number // per_row * step + _CELL / 2,
            "url": data_uri(picture.image),
            "caption": label(picture.caption, _CAPTION_LENGTH),
            "note": label(picture.note, _NOTE_LENGTH),
            "detail": label(picture.detail, _NOTE_LENGTH),
            "hover": clean(picture.hover or picture.caption),
        }
        for number, picture in enumerate(pictures)
    ]
    height = max(1, -(-len(rows) // per_row)) * step + 10
    width = per_row * _CELL
    base = alt.Chart(data(rows)).encode(
        x=alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, width], nice=False)),
        y=alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[height, 0], nice=False)),
    )
    images = base.mark_image(width=_IMAGE, height=_IMAGE, smooth=False).encode(
        url=alt.Url("url:N"), tooltip=alt.Tooltip("hover:N", title=" ")
    )
    texts = [
        base.mark_text(dy=_IMAGE / 2 + 8 + _LINE * line, color=colour, fontSize=size).encode(text=f"{field}:N")
        for line, (field, colour, size) in enumerate([("caption", INK, 11), ("note", MUTED, 10), ("detail", MUTED, 10)])
    ]
    return alt.layer(images, *texts).properties(width=width, height=height, title=clean(title))


def data_uri(image: NDArray[np.uint8]) -> str:
    """Return an image as a PNG inside a link, every pixel a square of several, so that no viewer blurs it.

    Raises:
        InputError: It is no picture of grey, RGB or RGBA.
    """
    from PIL import Image

    if image.shape[-1] not in (1, 3, 4):
        raise InputError(f"images have {image.shape[-1]} channels: pictures can be drawn of 1, 3 or 4")

    times = max(1, -(-2 * _IMAGE // max(image.shape[:2])))
    large = image.repeat(times, axis=0).repeat(times, axis=1)
    buffer = io.BytesIO()
    Image.fromarray(large[..., 0] if large.shape[-1] == 1 else large).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
