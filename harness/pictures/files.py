"""A chart as files: an interactive page that needs no network, and pictures of it."""

from __future__ import annotations

import json
from pathlib import Path

import altair as alt
import vl_convert

from harness.charts.save import save_chart
from harness.files import own_folder, replace_text
from harness.tables.file_names import safe_file_name

_SPECIFICATION = "const spec = "


def chart_html(chart: alt.TopLevelMixin) -> str:
    """Return a page that shows the chart with tooltips; the libraries stand in it, so it opens offline.

    Text from outside cannot leave the script: vl-convert would write `</script>` as it is.
    """
    empty = vl_convert.vegalite_to_html({"mark": "point", "data": {"values": []}}, bundle=True)
    before, _, after = empty.rpartition(_SPECIFICATION)
    text = json.dumps(chart.to_dict()).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return f"{before}{_SPECIFICATION}{text};{after[after.index(chr(10)) :]}"


def save_exploration(chart: alt.TopLevelMixin, folder: str | Path, name: str) -> list[Path]:
    """Write a chart as HTML, SVG and PNG; return the paths.

    Args:
        chart: Any of the house's charts.
        folder: Made where it is missing.
        name: Any text; made a safe file name.
    """
    target = own_folder(Path(folder))
    stem = safe_file_name(name, capitals=False)  # other commands write into this folder too
    page = replace_text(target / f"{stem}.html", chart_html(chart))
    return [page, *save_chart(chart, target, stem)]
