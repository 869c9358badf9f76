"""Charts as files: SVG and PNG from one specification."""

from __future__ import annotations

import os
import re
from pathlib import Path

import altair as alt
import vl_convert

from harness.tables.files import safe_file_name

PNG_SCALE = 3
"""Dots a pixel: a chart of 380 pixels on an 89 mm column has 320 dots an inch."""

_HOVER = re.compile(r'<g class="mark-\w+ role-mark [\w]*hover_marks"[^>]*>.*?</g>', re.DOTALL)


def chart_svg(chart: alt.TopLevelMixin) -> str:
    """Return the chart as SVG text, without what only a pointer would find."""
    return _HOVER.sub("", vl_convert.vegalite_to_svg(chart.to_dict(), show_warnings=False))


def save_chart(chart: alt.TopLevelMixin, folder: str | Path, name: str) -> list[Path]:
    """Write a chart as SVG and PNG; return both paths.

    Args:
        chart: From one of the builders here.
        folder: Made where it is missing.
        name: Any text: it is made a safe file name first, so that the files are in `folder` whatever it holds.
    """
    return save_svg(chart_svg(chart), folder, name)


def save_svg(svg: str, folder: str | Path, name: str) -> list[Path]:
    """Write a chart that is SVG text already, as SVG and PNG; see `save_chart`."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    stem = safe_file_name(name)
    return [
        _replace(target / f"{stem}.svg", svg.encode("utf-8")),
        _replace(target / f"{stem}.png", vl_convert.svg_to_png(svg, scale=PNG_SCALE)),
    ]


def _replace(path: Path, content: bytes) -> Path:
    # A reader never sees half a picture: the whole file takes the old one's place at once.
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_bytes(content)
    scratch.replace(path)
    return path
