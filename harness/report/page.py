"""The page: templates filled in, style, scripts and data put into one file that asks for nothing."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

import jinja2
import vl_convert
from markupsafe import Markup, escape

from harness.charts.drawn import DRAWN_BY, kept_text
from harness.charts.save import VEGA_LITE
from harness.charts.text import clean
from harness.comparison.suite_pairs import MOST_PAIRS
from harness.report.pairs import FIGURES
from harness.report.pictures import Pictures
from harness.report.variant_view import finite
from harness.report.view import ReportView
from harness.tables import cell_text
from harness.tables.numbers import percent, plain, points, significant
from harness.version import __version__

VERDICT_SIGNS = {"better": "▲", "worse": "▼", "same": "=", "unresolved": "?"}
"""So that a verdict is told without colour."""


def render_page(view: ReportView, pictures: Pictures, *, partial: str = "") -> str:
    """Return the page as one HTML text.

    Args:
        view: What it shows.
        pictures: Its charts.
        partial: Why the results are not complete; empty when they are.
    """
    environment = page_environment()
    environment.filters |= {"percent": percent, "points": points, "significant": significant, "plain": plain}
    environment.filters["breakable"] = _breakable
    environment.tests["known"] = finite
    environment.globals["cell"] = cell_text
    library, script = chart_library(), _static("report.js")
    data = pictures.to_data() | {"pairs": [suite.pairs for suite in view.suites], "figures": FIGURES}
    return environment.get_template("page.html").render(
        view=view,
        partial=partial,
        signs=VERDICT_SIGNS,
        most_pairs=MOST_PAIRS,
        style=style_sheet(),
        script=script,
        library=_packed(library),
        policy=_policy([library, script]),
        data=_packed(json.dumps(data, separators=(",", ":"))),
        files={picture.id: picture.name for picture in pictures.made},
        **made_by(),
    )


def page_environment() -> jinja2.Environment:
    """Return what fills a page's template: everything from outside is escaped and drawable."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("harness.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_drawable,
    )


def made_by() -> dict[str, str]:
    """Return which version makes a page, and when."""
    made_at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return {"version": __version__, "made_at": made_at}


def style_sheet() -> str:
    """Return the style of every page."""
    return _static("report.css")


def _drawable(value: Any) -> Any:
    """Make text from outside fit for a page; markup of ours is left as it is."""
    return "\n".join(map(clean, value.split("\n"))) if type(value) is str else value


def _breakable(name: str) -> Markup:
    """Return a variant's name that breaks between its parts rather than within them."""
    return Markup(str(escape(clean(name))).replace("+", "+<wbr>"))


def _packed(text: str) -> str:
    """Return a text as base64 of gzip, a third as long; the page's script unpacks it when the first chart is seen."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _policy(scripts: Sequence[str]) -> str:
    """Return a content security policy: these scripts run, no other does, and nothing is fetched."""
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    rules = ("default-src 'none'", f"script-src {allowed}", "style-src 'unsafe-inline'", "img-src data:")
    return "; ".join((*rules, "base-uri 'none'", "form-action 'none'"))


@cache
def chart_library() -> str:
    """Return Vega, Vega-Lite and vega-embed as one script that sets window.vegaEmbed."""
    return kept_text(
        f"vega-{DRAWN_BY}.js", lambda: str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", VEGA_LITE))
    )


def _static(name: str) -> str:
    return resources.files("harness.report").joinpath("static", name).read_text(encoding="utf-8")
