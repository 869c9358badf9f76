"""A chart's SVG made fit for the page: the page's colours, nothing that nobody sees, ids of its own."""

from __future__ import annotations

import re
from collections import Counter

from markupsafe import Markup, escape

from harness.charts import theme

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
_UNPAINTED = re.compile(r'<path class="(?:background|foreground)"(?:(?! fill=| stroke=)[^<>])*/>')
_DROPPED = re.compile(
    r' (?:aria-[a-z]+|role|class|pointer-events|font-family|xmlns:xlink|version|stroke-miterlimit)="[^"]*"'
    r'| transform="translate\(0,0\)"| opacity="1"| stroke-dasharray="1,0"| font-weight="normal"'
)
_LONG_NUMBER = re.compile(r"-?\d+\.\d{2,}(?:e-?\d+)?")
_PAPER = re.compile(r'<rect width="[\d.]+" height="[\d.]+" fill="var\(--paper\)"/>')
_LEAVES = re.compile(r"<g>((?:<(?:path|line|rect)[^<>]*/>){2,}|(?:<text[^<>]*>[^<>]*</text>){2,})</g>")
_SHAPE = re.compile(r'<path transform="translate\([-\d.,]+\)" d="([-\d.,A-Za-z]{30,})"')
_TEXT_PLACE = re.compile(r'<text((?: [a-z-]+="[^"]*")*) transform="translate\(([-\d.]+),([-\d.]+)\)"')
_INHERITED = re.compile(r' (fill|stroke|stroke-width|stroke-dasharray|text-anchor|font-size|font-weight)="([^"]*)"')


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
    slim = _TAG.sub(lambda match: _slim_tag(match[0], key), _UNPAINTED.sub("", svg))
    slim = _PAPER.sub("", slim, count=1)
    slim = _without_bare_groups(_LEAVES.sub(lambda match: _factored(match[1]), slim))
    slim = _shapes_once(slim, key)
    return Markup(slim.replace("<svg", f'<svg role="img" aria-label="{escape(alt_text)}"', 1))


def _shapes_once(svg: str, key: str) -> str:
    """Return an SVG whose dots refer to their shape instead of repeating it."""
    shapes = [shape for shape, count in Counter(_SHAPE.findall(svg)).items() if count > 3]
    for number, shape in enumerate(shapes):
        dot = re.compile(rf'<path transform="translate\(([-\d.]+),([-\d.]+)\)" d="{re.escape(shape)}"')
        svg = dot.sub(rf'<use href="#{key}-{number}" x="\1" y="\2"', svg)
    defined = "".join(f'<path id="{key}-{number}" d="{shape}"/>' for number, shape in enumerate(shapes))
    return re.sub(r"(<svg[^<>]*>)", rf"\1<defs>{defined}</defs>", svg, count=1) if shapes else svg


def _without_bare_groups(svg: str) -> str:
    """Return an SVG without groups that say nothing, which is most of those that Vega writes."""
    kept: list[bool] = []
    parts = []
    for piece in re.split(r"(<g[^<>]*>|</g>)", svg):
        if piece == "</g>":
            keep = kept.pop()
        elif piece.startswith("<g") and not piece.endswith("/>"):
            keep = piece != "<g>"
            kept.append(keep)
        else:
            keep = piece != "<g/>"
        if keep:
            parts.append(piece)
    return "".join(parts)


def _slim_tag(tag: str, key: str) -> str:
    tag = _LONG_NUMBER.sub(lambda match: _rounded(float(match[0])), _DROPPED.sub("", tag))
    tag = _TEXT_PLACE.sub(r'<text\1 x="\2" y="\3"', tag)
    # Ids such as clip0 would be the same in every picture of the page.
    return page_colours(re.sub(r'( id="|url\(#)', rf"\g<1>{key}-", tag))


def _rounded(value: float) -> str:
    """Return a coordinate to a tenth of a pixel, a share to a hundredth."""
    return f"{round(value, 1 if abs(value) >= 1 else 2):g}"


def _factored(leaves: str) -> str:
    """Return a group that says what most of its marks say, which each of them inherits or says otherwise."""
    marks = [dict(_INHERITED.findall(mark)) for mark in re.findall(r"<(?:path|line|rect|text)[^<>]*>", leaves)]
    group = ""
    for name in sorted(set.intersection(*map(set, marks))):
        value, _ = Counter(mark[name] for mark in marks).most_common(1)[0]
        group += f' {name}="{value}"'
        leaves = leaves.replace(f' {name}="{value}"', "")
    return f"<g{group}>{leaves}</g>"
