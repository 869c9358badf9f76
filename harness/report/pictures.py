"""Charts on the page: a static SVG for every reader, the specification once for those with scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import altair as alt
from markupsafe import Markup

from harness.charts.save import spec_svg
from harness.report.inline_svg import inline_svg, page_colours
from harness.tables.file_names import FileNames

_SIGNIFICANT = 4


@dataclass(frozen=True)
class Picture:
    """A chart on the page.

    Attributes:
        id: Its key among the page's interactive charts.
        svg: Static picture; safe markup, since Vega escapes text.
        alt: What it shows, for those who do not see it.
        name: Name of its files in `charts/`.
        source: The whole SVG for that file.
        of_suite: Whether it is over all variants of a suite.
    """

    id: str
    svg: Markup
    alt: str
    name: str
    source: str
    of_suite: bool = False


@dataclass
class Pictures:
    """Collects the page's charts; equal specifications are kept once, their data apart.

    Attributes:
        draw: Returns a specification as SVG text; it is told the name of its file.
    """

    draw: Callable[[Mapping[str, Any], str], str] = lambda spec, name: spec_svg(spec)
    specs: dict[str, int] = field(default_factory=dict)
    charts: dict[str, list[Any]] = field(default_factory=dict)
    made: list[Picture] = field(default_factory=list)
    _names: FileNames = field(default_factory=FileNames)

    def add(
        self,
        chart: alt.TopLevelMixin,
        *,
        name: str,
        alt_text: str,
        seeds: Mapping[str, Any] | None = None,
        of_suite: bool = False,
    ) -> Picture:
        """Draw a chart and keep what its interactive twin needs; of curves also `seed_curves`, shown on request."""
        key, name = f"c{len(self.made)}", self._names.add(name)
        spec = chart.to_dict(validate=False)
        self.charts[key] = self.reference(spec) + ([seeds] if seeds else [])
        source = self.draw(spec, name)
        picture = Picture(key, inline_svg(source, key, alt_text), alt_text, name, source, of_suite)
        self.made.append(picture)
        return picture

    def reference(self, spec: dict[str, Any]) -> list[Any]:
        """Return [number of the specification, its data sets]; the specification is kept."""
        bare, tables = _without_data(spec)
        text = page_colours(json.dumps(bare, sort_keys=True, separators=(",", ":")))
        return [self.specs.setdefault(text, len(self.specs)), tables]

    def to_data(self) -> dict[str, Any]:
        """Return what the page's script reads."""
        return {"specs": [json.loads(text) for text in self.specs], "charts": self.charts}


def _without_data(spec: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """Return a specification whose data sets are named d0, d1, ..., and those data sets."""
    places: dict[str, int] = {}

    def renamed(node: Any) -> Any:
        if isinstance(node, list):
            return [renamed(item) for item in node]
        if not isinstance(node, dict):
            return node
        if set(node) == {"name"} and node["name"] in datasets:
            return {"name": f"d{places.setdefault(node['name'], len(places))}"}
        return {name: renamed(item) for name, item in node.items()}

    datasets = spec.get("datasets", {})
    bare = renamed({name: part for name, part in spec.items() if name != "datasets"})
    return bare, [[{key: _short(value) for key, value in row.items()} for row in datasets[name]] for name in places]


def _short(value: Any) -> Any:
    return float(f"{value:.{_SIGNIFICANT}g}") if isinstance(value, float) else value
