"""How every chart looks: colours that stay apart for the colour-blind and in grey, sizes that fit a paper's column.

Channels are objects in every chart, `y=alt.Y("mean:Q")`: for a text Altair goes through all classes of its schema. What
a channel holds, as its axis and scale, is a dictionary: an object has every property of the schema, and Altair copies
all of them with each chart around it.
"""

from __future__ import annotations

from typing import Any

import altair as alt

# Okabe and Ito's blue and vermillion differ in lightness too; Tol's red is kept for the one line that warns.
PAPER = "#ffffff"
INK = "#1f2328"
MUTED = "#57606a"
GRID = "#dfe3e8"
BLUE = "#0072b2"
ORANGE = "#c65102"
RED = "#c1121f"
GREY = "#8a929b"

WIDTH = 320
"""Pixels of a single plot: with its axis about 380, so that 11-pixel letters are 7 points in an 89 mm column."""

FONT = "Arial, Liberation Sans, Helvetica, sans-serif"
FONT_SIZE = 11

Rows = list[dict[str, Any]]


def data(rows: Rows) -> alt.InlineData:
    """Return rows as a chart's data, without a DataFrame in between."""
    # As a tuple, which Altair does not copy whenever it copies the chart: a chart is made in a tenth of the time.
    return alt.InlineData(values=tuple(rows))


def styled(chart: alt.TopLevelMixin) -> alt.TopLevelMixin:
    """Give the chart the house's style and return it; to be called once, on the outermost one."""
    # In place, as sizes are given to `alt.layer` itself: `configure` and `properties` copy all charts within.
    chart.config = alt.Config(**_STYLE)
    return chart


_TEXT = {"labelFontSize": FONT_SIZE, "titleFontSize": FONT_SIZE, "titleFontWeight": "normal"}
_STYLE: dict[str, Any] = {
    "background": PAPER,
    "font": FONT,
    "aria": False,  # the page and the file name say what a chart shows; a label on every mark would treble its size
    "padding": 4,
    "view": {"stroke": None},
    "axis": _TEXT
    | {
        "labelColor": INK,
        "titleColor": INK,
        "domainColor": MUTED,
        "tickColor": MUTED,
        "gridColor": GRID,
        "titlePadding": 6,
        "labelFlush": False,
    },
    "title": {"color": INK, "fontSize": 12, "fontWeight": "bold", "anchor": "start", "offset": 6},
    "legend": _TEXT | {"labelColor": INK, "titleColor": INK, "symbolStrokeWidth": 2},
    "text": {"color": INK, "fontSize": FONT_SIZE},
}
