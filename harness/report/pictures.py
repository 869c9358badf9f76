"""Charts on the page: a static SVG for every reader, the specification once for those with scripts."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import altair as alt
from markupsafe import Markup

from harness.charts import theme
from harness.charts.save import chart_svg

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
_NO_PAINT = re.compile(r'<path class="(?:background|foreground)"(?:(?!fill=|stroke=)[^<>])*/>')
_DROPPED = re.compile(
    r' (?:aria-[a-z]+|role|class|pointer-events|font-family|xmlns:xlink|version)="[^"]*"'
    r'| transform="translate\(0,0\)"| stroke-miterlimit="10"| opacity="1"'
)
_LONG_NUMBER = re.compile(r"-?\d+\.\d{2,}(?:e-?\d+)?")
_SIGNIFICANT = 5


@dataclass(frozen=True)
class Picture:
    """A chart on the page.

    Attributes:
        id: Its key among the page's interactive charts.
        svg: Static picture; safe markup, since Vega escapes text.
        alt: What it shows, for those who do not see it.
        name: Name of its files in `charts/`.
        source: The whole SVG for that file.
    """

    id: str
    svg: Markup
    alt: str
    name: str
    source: str


@dataclass
class Pictures:
    """Collects the page's charts; equal specifications are kept once, their data apart."""

    specs: dict[str, int] = field(default_factory=dict)
    charts: dict[str, list[Any]] = field(default_factory=dict)
    made: list[Picture] = field(default_factory=list)

    def add(self, chart: alt.TopLevelMixin, *, name: str, alt_text: str) -> Picture:
        """Draw a chart and keep what its interactive twin needs."""
        key = f"c{len(self.made)}"
        self.charts[key] = self.reference(chart)
        source = chart_svg(chart)
        picture = Picture(key, inline_svg(source, key, alt_text), alt_text, name, source)
        self.made.append(picture)
        return picture

    def reference(self, chart: alt.TopLevelMixin) -> list[Any]:
        """Return [number of the specification, its data sets as columns]; the specification is kept."""
        tables: list[Any] = []
        spec = _without_data(chart.to_dict(validate=False), tables)
        text = _COLOUR.sub(lambda match: _COLOURS[match[0]], json.dumps(spec, sort_keys=True, separators=(",", ":")))
        return [self.specs.setdefault(text, len(self.specs)), tables]

    def to_data(self) -> dict[str, Any]:
        """Return what the page's script reads."""
        return {"specs": [json.loads(text) for text in self.specs], "charts": self.charts}


def inline_svg(svg: str, key: str, alt_text: str) -> Markup:
    """Return an SVG for the page: its colours are the style sheet's, what nobody sees is gone.

    Only what stands between < and > is touched: text is as Vega escaped it.
    """
    slim = _NO_PAINT.sub("", svg)
    slim = _TAG.sub(lambda match: _slim_tag(match[0], key), slim)
    slim = re.sub(r'<rect width="[\d.]+" height="[\d.]+" fill="var\(--paper\)"/>', "", slim, count=1)
    slim = re.sub(r"<g>(<g>(?:(?!</?g).)*</g>)</g>", r"\1", slim)
    label = Markup.escape(alt_text)
    return Markup(slim.replace("<svg", f'<svg role="img" aria-label="{label}"', 1))


def _slim_tag(tag: str, key: str) -> str:
    tag = _DROPPED.sub("", tag)
    tag = _LONG_NUMBER.sub(lambda match: f"{round(float(match[0]), 2):g}", tag)
    # Ids such as clip0 would be the same in every picture of the page.
    tag = re.sub(r'( id="|url\(#)', rf"\g<1>{key}-", tag)
    return _COLOUR.sub(lambda match: _COLOURS[match[0]], tag)


def _without_data(node: Any, tables: list[Any]) -> Any:
    """Return a specification with each inline data set moved to `tables` and named by its place there."""
    if isinstance(node, list):
        return [_without_data(item, tables) for item in node]
    if not isinstance(node, dict):
        return node
    values = node.get("values")
    if isinstance(values, list) and set(node) == {"values"} and all(isinstance(row, dict) for row in values):
        columns = _columns(values)
        if columns not in tables:
            tables.append(columns)
        return {"name": f"d{tables.index(columns)}"}
    return {name: _without_data(item, tables) for name, item in node.items()}


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [_short(row.get(name)) for row in rows] for name in names}


def _short(value: Any) -> Any:
    return float(f"{value:.{_SIGNIFICANT}g}") if isinstance(value, float) else value
