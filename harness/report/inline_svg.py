"""A chart's SVG made fit for the page: the page's colours, ids of its own, coordinates to a tenth of a pixel."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from harness.charts import theme
from harness.charts.text import clean

# What a chart's colours are called in the page's style sheet, so that light and dark need no second picture.
_COLOURS = {
    theme.PAPER: "var(--paper)",
    theme.INK: "var(--ink)",
    theme.MUTED: "var(--muted)",
    theme.GRID: "var(--grid)",
    theme.BLUE: "var(--blue)",
    theme.ORANGE: "var(--orange)",
    theme.RED: "var(--red)",
    theme.GREY: "var(--grey)",
}
_COLOUR = re.compile("|".join(_COLOURS))
_TAG = re.compile(r"<[^<>]*>")
# Roles of Vega's groups and marks, which would be read out one by one; fonts other than the page's; defaults.
_DROPPED = re.compile(
    r' (?:aria-[a-z]+|role|class|pointer-events|font-family|xmlns:xlink|version|stroke-miterlimit)="[^"]*"'
    r'| transform="translate\(0,0\)"| opacity="1"| stroke-dasharray="1,0"| font-weight="normal"| stroke-width="1"'
    rf'| text-anchor="start"| font-size="{theme.FONT_SIZE}px"'  # the style sheet has this size for all of a chart
)
_CIRCLE = re.compile(r'<path((?: transform="[^"]*")?) d="M([\d.]+),0A\2,\2,0,1,1,-\2,0A\2,\2,0,1,1,\2,0"')
_STROKE_WIDTH = re.compile(r' stroke-width="[^"]*"')
_UNPAINTED = re.compile(r'<path class="(?:background|foreground)"(?:(?! fill=| stroke=)[^<>])*/>')
_LONG_NUMBER = re.compile(r"-?\d+\.\d{2,}(?:e-?\d+)?")


def page_colours(text: str) -> str:
    """Return text with the charts' colours as variables of the page's style sheet."""
    return _COLOUR.sub(lambda match: _COLOURS[match[0]], text)


def inline_svg(svg: str, key: str, alt_text: str) -> Markup:
    """Return an SVG for the page.

    Only what stands between < and > is changed: text is as Vega escaped it.

    Args:
        svg: From `chart_svg`.
        key: Unlike that of any other picture on the page; it goes in front of ids.
        alt_text: For those who do not see it.
    """
    slim = _TAG.sub(lambda match: _tag(match[0], key), _UNPAINTED.sub("", svg))
    return Markup(slim.replace("<svg", f'<svg role="img" aria-label="{escape(clean(alt_text))}"', 1))


def _tag(tag: str, key: str) -> str:
    tag = _LONG_NUMBER.sub(lambda match: _rounded(float(match[0])), _DROPPED.sub("", tag))
    tag = _CIRCLE.sub(r'<circle\1 r="\2"', tag)
    if ' stroke="' not in tag:
        tag = _STROKE_WIDTH.sub("", tag)
    # Ids such as clip0 would be the same in every picture of the page.
    return page_colours(re.sub(r'( id="|url\(#)', rf"\g<1>{key}-", tag))


def _rounded(value: float) -> str:
    """Return a coordinate to a tenth of a pixel, a share to a hundredth."""
    return f"{round(value, 1 if abs(value) >= 1 else 2):g}"
