"""Charts as files: SVG and PNG from one specification."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

from harness.files import own_folder, replaced
from harness.tables.file_names import safe_file_name

PNG_SCALE = 3
"""Dots a pixel: a chart of 380 pixels on an 89 mm column has 320 dots an inch."""

VEGA_LITE = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
"""The version of Vega-Lite that Altair writes, as vl_convert names it."""

# What is wholly transparent is there for the pointer, which a file has none of.
_HOVER = re.compile(r'<path [^<>]*\sopacity="0"[^<>]*/>')


def chart_svg(chart: alt.TopLevelMixin) -> str:
    """Return the chart as SVG text, without what only a pointer would find."""
    return spec_svg(chart.to_dict(validate=False))


def spec_svg(spec: Mapping[str, Any]) -> str:
    """Return a Vega-Lite specification as SVG text; see `chart_svg`."""
    # In two steps: this is three times as fast as vl_convert.vegalite_to_svg, for the same picture.
    vega = vl_convert.vegalite_to_vega(dict(spec), vl_version=VEGA_LITE)
    return _HOVER.sub("", vl_convert.vega_to_svg(vega))


def start_drawing() -> None:
    """Start what draws: it takes half a second with the first chart of a process."""
    vl_convert.svg_to_png(chart_svg(alt.Chart(alt.InlineData(values=[])).mark_point()))


def save_chart(chart: alt.TopLevelMixin, folder: str | Path, name: str) -> list[Path]:
    """Write a chart as SVG and PNG; return both paths.

    Args:
        chart: From one of the builders here.
        folder: Made where it is missing.
        name: Any text: it is made a safe file name first, so that the files are in `folder` whatever it holds.
    """
    return save_svg(chart_svg(chart), folder, name, png=True)


def save_svg(svg: str, folder: str | Path, name: str, *, png: bool = False) -> list[Path]:
    """Write a chart that is SVG text already; see `save_chart`.

    A picture that lies there already is not drawn again. Without `png` one is drawn only where one lies already.
    """
    target = own_folder(Path(folder))
    stem = safe_file_name(name)
    drawn, dots = target / f"{stem}.svg", target / f"{stem}.png"
    content = svg.encode("utf-8")
    same, png = drawn.is_file() and drawn.read_bytes() == content, png or dots.is_file()
    if png and not (same and dots.is_file()):
        # The PNG first: an SVG that is as it should be vouches for the PNG beside it.
        with replaced(dots) as scratch:
            scratch.write_bytes(vl_convert.svg_to_png(svg, scale=PNG_SCALE))
    if not same:
        with replaced(drawn) as scratch:
            scratch.write_bytes(content)
    return [drawn, dots] if png else [drawn]
