"""The page on what the tutorial's ideas are worth, made from a committed results folder: docs/reference.md.

python benchmarks/reference_page.py                 # writes the page and its chart
python benchmarks/reference_page.py --short         # prints README's table, of suites with a better one

Accuracies are those of results/reference/ideas, step times those of results/reference/ideas-step-times (both have a
README with the command that made them).
"""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from harness import compare, load_results
from harness.charts.save import chart_svg
from harness.charts.theme import BLUE, GREY, INK, ORANGE, data, styled
from harness.tables import full_text

ROOT = Path(__file__).parent.parent
ACCURACIES = ROOT / "results/reference/ideas"
STEP_TIMES = ROOT / "results/reference/ideas-step-times"
TRANSFER = ROOT / "results/reference/transfer"
TUNED = "dense:none+learning_rate:0.0003+backbone:MobileNetV2+weights:mobilenetv2.weights.h5+fine_tune:true"
PAGE = ROOT / "docs/reference.md"
PICTURE = ROOT / "docs/images/reference.svg"
MOST_SEEDS = 20
# Points of accuracy to both sides of the chart.
FURTHEST = 6.0
COLOURS = {"better": BLUE, "worse": ORANGE, "same": INK, "unresolved": GREY}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="print README's table instead")
    rows = read_rows()
    if parser.parse_args().short:
        sys.stdout.write(short_table(rows) + "\n")
        return
    PAGE.write_text(page(rows), encoding="utf-8")
    PICTURE.write_text(chart_svg(chart(rows)), encoding="utf-8")


def read_rows() -> pd.DataFrame:
    """Return a row per suite and variant, largest gain first, with the step times of the other folder."""
    accuracies = compare(load_results(ACCURACIES))
    times = compare(load_results(STEP_TIMES)) if STEP_TIMES.is_dir() else accuracies
    timed = ["step_time_ms", *(name for name in times if name.startswith("step_time_"))]
    names = ["suite", "variant"]
    rows = accuracies[[name for name in accuracies if name in names or name not in timed]].merge(
        times[[*names, *dict.fromkeys(timed)]], on=names, how="left"
    )
    return rows.sort_values("accuracy_delta", ascending=False, na_position="first", ignore_index=True)


def ideas(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of variants: without the baselines."""
    return rows[rows.variant != rows.baseline]


def page(rows: pd.DataFrame) -> str:
    """Return the whole page, as Markdown."""
    listed = ideas(rows)
    settled = listed[listed.accuracy_verdict.isin(["better", "worse", "same"])]
    baseline = rows[rows.variant == rows.baseline].sort_values("seeds").iloc[-1]
    # A variant of two suites is trained once; the baseline has the seeds of its furthest row.
    spent, most = int(rows.groupby("full_name").seeds.max().sum()), MOST_SEEDS * (listed.variant.nunique() + 1)
    words = settled.accuracy_verdict.value_counts()
    counts = ", ".join(f"{words[word]} {word}" for word in ("better", "worse", "same") if word in words)
    open_rows = listed[listed.accuracy_verdict == "unresolved"]
    going_on = int((open_rows.status == "partial").sum())
    used_up = int(((open_rows.status != "partial") & (open_rows.seeds == MOST_SEEDS)).sum())
    lost = int((listed.accuracy_delta < -FURTHEST / 100).sum())
    false_words = 0.05 * listed.suite.nunique()
    return f"""# What the tutorial's ideas are worth

The tutorial ends with a list of things to try: augmentation, regularisation, another learning rate or batch size, more
depth. Here each is tried against its CNN on all of CIFAR-10 (45,000 images to train on, 5,000 for validation, 10,000
test images), 10 epochs, batch 32, Adam, with as many seeds as a verdict takes
(`--seeds auto --max-seeds {MOST_SEEDS}`).

The baseline reaches **{100 * baseline.accuracy:.1f} %** (mean of {int(baseline.seeds)} seeds, standard deviation
{100 * baseline.accuracy_std:.1f} points). Of {len(listed)} rows {len(settled)} are settled ({counts}) with {spent:,}
trials, where {MOST_SEEDS} seeds everywhere would have been {most:,};
{_unsettled(len(open_rows), going_on, used_up)}

![Difference of accuracy to the baseline, with its interval, for every variant](images/reference.svg)

{lost} variants that lose more than {FURTHEST:.0f} points are left out of the chart, not of the table.

## Every idea

Sorted by the estimate. The interval is that of the difference for new seeds and new test images, corrected for the
variants of its suite and for every look that `--seeds auto` may take. An accuracy is the baseline's, over all its seeds
in that suite, plus the difference over common seeds. [Reading a table](reading.md) explains the words.
{_about_times(listed)}

{_table(listed)}

## What it says

{_says(listed)}

## What it cannot say

- **One training set, one schedule.** Ten epochs at a constant learning rate: what regularises, or learns slowly, is at
  a disadvantage that more epochs would lessen.
- **One baseline.** Every idea was tried alone (suite `combined` apart); what helps a small network may not help a large
  one.
- **Among {listed.suite.nunique()} suites a word may be false.** Intervals are corrected within a suite, each with a
  chance of at most 5 % of a false word: with no true difference anywhere, up to {false_words:.1f} false words would be
  expected on this page. Believe first what lies far from zero.
- **Small differences stay open.** `same` means surely within half a point; the smallest settled difference
  of this table is {_smallest(settled):.1f} points, and most of less than one point are not settled.
{_transfer()}

## Made again

`python benchmarks/reference_page.py` makes this page and its chart from the committed results in
{_folders()}; a test compares them. A README beside each store has the command, the versions and the machine.
"""


def _unsettled(rows: int, going_on: int, used_up: int) -> str:
    """Say why rows are not settled, as the end of a sentence."""
    reasons = {
        "are open still": going_on,
        f"had all {MOST_SEEDS} seeds": used_up,
        f"were stopped before, since {MOST_SEEDS} would hardly settle them": rows - going_on - used_up,
    }
    counts = [f"{count} {reason}" for reason, count in reasons.items() if count]
    return f"of the other {rows}, {' and '.join(counts)}. Their column of seeds says how many would."


def _smallest(settled: pd.DataFrame) -> float:
    told_apart = settled[settled.accuracy_verdict != "same"]
    return float(100 * told_apart.accuracy_delta.abs().min())


def _transfer() -> str:
    """Say what the run of `results/reference/transfer` found, from its table."""
    tuned = pd.read_csv(TRANSFER / "comparison.csv").set_index("variant").loc[TUNED]
    points, low, high = (100 * tuned[name] for name in ("accuracy_delta", "accuracy_ci_low", "accuracy_ci_high"))
    text = (
        "- **Transfer learning** is not in this table: it was tried on 1,000 images of five classes alone, which is "
        "what two cores allow. MobileNetV2 with weights learnt from the other five classes, fine-tuned at a lower "
        f"rate, is {tuned.accuracy_verdict} there than from scratch at the usual one, by {points:.1f} points "
        f"[{low:.1f}, {high:.1f}], {tuned.seeds} seeds. The rate was chosen on the same test images, which favours it "
        "a little, and the interval is of an earlier version, today's being up to 15 % wider "
        "(`results/reference/transfer` has all four rows; [Transfer](transfer.md))."
    )
    return textwrap.fill(text, 118, subsequent_indent="  ", break_on_hyphens=False)


def _table(listed: pd.DataFrame) -> str:
    timed = _timed(listed)
    head = ["suite", "variant", "accuracy %", "vs baseline, points", "", "seeds"]
    head += ["step time x baseline", ""] * timed + ["parameters"]
    rows = [
        [row["suite"], f"`{row['variant']}`", full_text(row, "accuracy"), *_found(row, timed), f"{row['params']:,.0f}"]
        for row in listed.to_dict("records")
    ]
    return _markdown(head, rows)


def short_table(rows: pd.DataFrame) -> str:
    """Return the best variant of each suite that has a better one, as a Markdown table, largest gain first."""
    best = ideas(rows)[ideas(rows).accuracy_verdict == "better"].groupby("suite", sort=False).head(1)
    timed = _timed(best)
    head = ["best variant of its suite", "accuracy, points", "", "seeds"] + ["step time x baseline", ""] * timed
    return _markdown(head, [[f"`{row['variant']}`", *_found(row, timed)] for row in best.to_dict("records")])


def _found(row: dict[Any, Any], timed: bool) -> list[str]:
    """Return difference, verdict, seeds, and the step's ratio with its verdict, as every table has them."""
    would = re.search(r"about ([\d,]+) would", str(row["accuracy_hint"]))
    seeds = f"{int(row['seeds'])} of about {would[1]}" if would else str(int(row["seeds"]))
    found = [full_text(row, "accuracy_delta"), row["accuracy_verdict"], seeds]
    return found + [full_text(row, "step_time_ratio"), row["step_time_verdict"]] * timed


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def _timed(listed: pd.DataFrame) -> bool:
    return bool(listed.step_time_ratio.notna().any())


def _about_times(listed: pd.DataFrame) -> str:
    if not _timed(listed):
        return "Step times were not measured."
    return (
        "Step times are ratios to the baseline's on a CPU of two cores with TensorFlow, measured side by side; "
        "on a GPU they would be others. A step of another batch size trains as many images more or fewer."
    )


def _folders() -> str:
    there = [folder for folder in (ACCURACIES, STEP_TIMES) if folder.is_dir()]
    return " and ".join(f"`{folder.relative_to(ROOT)}`" for folder in there)


def _says(listed: pd.DataFrame) -> str:
    """Return one sentence per suite that has a settled row, those with a gain first."""
    lines = []
    for suite, group in listed.groupby("suite", sort=False):
        parts = [
            f"`{row['variant']}` is {row['accuracy_verdict']} by {abs(100 * row['accuracy_delta']):.1f} points"
            for row in group.to_dict("records")
            if row["accuracy_verdict"] in ("better", "worse")
        ]
        open_rows = int((group.accuracy_verdict == "unresolved").sum())
        rest = f"; {open_rows} of {len(group)} not settled" if open_rows else ""
        lines.append(f"- **{suite}**: {', '.join(parts) or 'nothing is settled'}{rest}.")
    return "\n".join(lines)


def chart(rows: pd.DataFrame) -> alt.TopLevelMixin:
    """Return the differences with their intervals, largest gain at the top."""
    listed = ideas(rows)
    shared = set(listed.variant[listed.variant.duplicated()])
    points = [
        {
            "name": f"{row['variant']} ({row['suite']})" if row["variant"] in shared else row["variant"],
            "delta": 100 * row["accuracy_delta"],
            # Far losers would squeeze the rest into a corner: their intervals leave the picture.
            "low": max(100 * row["accuracy_ci_low"], -FURTHEST),
            "high": min(100 * row["accuracy_ci_high"], FURTHEST),
            "verdict": row["accuracy_verdict"],
        }
        for row in listed.to_dict("records")
    ]
    shown = [point for point in points if point["delta"] > -FURTHEST]
    order = [point["name"] for point in shown]
    base = alt.Chart(data(shown)).encode(
        y=alt.Y("name:N", sort=order, title=None, axis=alt.Axis(labelLimit=400)),
        color=alt.Color(
            "verdict:N",
            title=None,
            scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())),
            legend=alt.Legend(orient="top"),
        ),
    )
    interval = base.mark_rule(strokeWidth=2).encode(
        x=alt.X(
            "low:Q",
            title="accuracy against the baseline's, percentage points",
            scale=alt.Scale(domain=[-FURTHEST, FURTHEST]),
        ),
        x2="high:Q",
    )
    estimate = base.mark_point(filled=True, size=45, opacity=1).encode(x="delta:Q")
    zero = alt.Chart(data([{"x": 0}])).mark_rule(color=INK, strokeDash=[3, 3]).encode(x="x:Q")
    return styled(alt.layer(zero, interval, estimate).properties(width=420, height=alt.Step(15)))


if __name__ == "__main__":
    main()
