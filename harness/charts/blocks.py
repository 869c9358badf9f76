"""Raw step times: every block that was timed, baseline, control and variant side by side."""

from __future__ import annotations

import math

import altair as alt

from harness.charts.theme import BLUE, GREY, INK, ORANGE, WIDTH, Rows, data, styled
from harness.results.step_times import StepTimes

ARMS = ("baseline", "control", "variant")
_HEIGHT = 170


def block_rows(times: StepTimes) -> Rows:
    """Return a row per block: arm, build (from 1), position (from 1, builds one after the other) and milliseconds."""
    rows: Rows = []
    for arm, builds in zip(ARMS, (times.baseline_ms, times.control_ms, times.variant_ms), strict=True):
        position = 0
        for build, blocks in enumerate(builds, start=1):
            for milliseconds in blocks:
                position += 1
                if math.isfinite(milliseconds):
                    rows.append({"arm": arm, "build": build, "block": position, "ms": round(milliseconds, 4)})
    return rows


def blocks_chart(times: StepTimes) -> alt.TopLevelMixin:
    """Return every timed block as a dot, in the order measured; lines part the fresh builds."""
    rows = block_rows(times)
    own = times.variant == times.baseline
    if own:
        rows = [row for row in rows if row["arm"] != "variant"]
    arms = list(ARMS[:2] if own else ARMS)
    starts = {row["build"]: row["block"] for row in reversed(rows) if row["arm"] == "baseline"}
    last = max((row["block"] for row in rows), default=1)
    x = alt.X(
        "block:Q",
        title="block, in the order measured",
        scale={"domain": [0.5, last + 0.5], "nice": False},
        axis={"grid": False, "format": "d", "tickMinStep": 1},
    )
    dots = (
        alt.Chart(data(rows))
        .mark_point(filled=True, size=30, opacity=0.85)
        .encode(
            x=x,
            y=alt.Y("ms:Q", title="milliseconds a step", scale={"zero": False, "nice": True}),
            color=alt.Color(
                "arm:N",
                scale={"domain": arms, "range": [INK, ORANGE, BLUE][: len(arms)]},
                legend={"title": None, "orient": "top", "direction": "horizontal"},
            ),
            shape=alt.Shape(
                "arm:N", scale={"domain": arms, "range": ["diamond", "triangle-up", "circle"][: len(arms)]}
            ),
            tooltip=[
                alt.Tooltip("arm:N"),
                alt.Tooltip("build:Q"),
                alt.Tooltip("block:Q"),
                alt.Tooltip("ms:Q", format=".3f"),
            ],
        )
    )
    edges: Rows = [{"block": start - 0.5} for build, start in starts.items() if build > 1]
    rules = alt.Chart(data(edges)).mark_rule(color=GREY, strokeDash=[2, 2]).encode(x=x)
    return styled(alt.layer(rules, dots, width=WIDTH, height=_HEIGHT))
