"""One suite as one table: what a person reads first."""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING, Any, Literal, get_args

from harness.budgets import selected_on_test
from harness.tables.numbers import EMPTY, decimals_for, percent, plain, points, significant

if TYPE_CHECKING:
    import pandas as pd

Format = Literal["github", "plain", "csv", "json", "latex"]
FORMATS: tuple[str, ...] = get_args(Format)

_NAME_WIDTH = 26
_TABULATE = {"github": "github", "plain": "simple", "latex": "latex_booktabs"}
HEADERS = ("variant", "accuracy %", "vs baseline", "verdict", "step ms", "ratio", "verdict", "Pareto")


def suite_table(frame: pd.DataFrame, *, style: Literal["github", "plain", "latex"] = "plain", wrap: bool = True) -> str:
    """Return the rows of one suite and set of conditions as a text table, with notes below it.

    `vs baseline` is in percentage points, `ratio` the step time over the baseline's; both with their corrected
    intervals. At most 100 columns wide with `wrap`, which breaks long names.
    """
    from tabulate import tabulate

    rows = [_cells(row, wrap=wrap) for row in frame.to_dict("records")]
    text = tabulate(
        rows,
        HEADERS,
        tablefmt=_TABULATE[style],
        disable_numparse=True,
        colalign=("left", "right", "left", "left", "right", "left", "left", "left"),
    )
    return "\n".join([*_title(frame), "", text, *_notes(frame, style)])


def render_frame(frame: pd.DataFrame, style: str) -> str:
    """Return the whole comparison in one format: a table a suite for people, all columns for programs."""
    if style == "csv":
        buffer = io.StringIO()
        safe_cells(frame).to_csv(buffer, index=False, lineterminator="\n")
        return buffer.getvalue()
    if style == "json":
        return str(frame.to_json(orient="records", indent=2, double_precision=15)) + "\n"
    parts = [suite_table(part, style=style, wrap=style == "plain") for part in split_tables(frame)]  # type: ignore[arg-type]
    return "\n\n\n".join(parts) + "\n"


def split_tables(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the rows of each suite and set of conditions, in their order."""
    keys = ["suite", "dataset", "fingerprint", "budget", "device", "backend", "versions", "threads"]
    return [part for _, part in frame.groupby(keys, sort=False)]


def safe_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with text that a spreadsheet would take for a formula made plain by a leading quote."""

    def safe(value: Any) -> Any:
        return "'" + value if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value

    return frame.map(safe)


def _title(frame: pd.DataFrame) -> list[str]:
    row = frame.iloc[0]
    conditions = f"{row['dataset']}, {row['budget']}, {row['device']}, {_seeds(frame)}"
    if row["machine"]:
        conditions += f"; step times from {row['machine']}"
    if selected_on_test(str(row["budget"])):
        conditions += "; selected on test: the tutorial's protocol watches the test images in every epoch"
    lines = [f"{row['suite']} (baseline: {row['baseline']})"]
    return lines + textwrap.wrap(conditions, 100)


def _seeds(frame: pd.DataFrame) -> str:
    counts = sorted(set(frame["seeds"]))
    low, high = counts[0], counts[-1]
    return f"{high} seed{'s' * (high != 1)}" if low == high else f"{low} to {high} seeds"


def _cells(row: dict[Any, Any], *, wrap: bool) -> list[str]:
    name = str(row["variant"])
    if wrap:
        name = "\n".join(_wrapped(name))
    if row["status"] != "ok":
        name += ("\n" if wrap else " ") + f"({row['status']})"
    accuracy = percent(row["accuracy"])
    if row["accuracy_std"] == row["accuracy_std"]:
        accuracy += f" ±{row['accuracy_std'] * 100:.2f}"
    baseline = row["variant"] == row["baseline"]
    return [
        name,
        accuracy,
        EMPTY if baseline else _with_interval(row["accuracy_delta"], row["accuracy_ci_low"], row["accuracy_ci_high"]),
        row["accuracy_verdict"],
        significant(row["step_time_ms"]),
        EMPTY if baseline else _ratio(row["step_time_ratio"], row["step_time_ci_low"], row["step_time_ci_high"]),
        EMPTY if row["step_time_ms"] != row["step_time_ms"] else row["step_time_verdict"],
        row["pareto"],
    ]


def _with_interval(delta: float, low: float, high: float) -> str:
    decimals = decimals_for((high - low) * 100, most=2)
    if low != low:
        return points(delta)
    return f"{points(delta, decimals)} [{points(low, decimals)}, {points(high, decimals)}]"


def _ratio(ratio: float, low: float, high: float) -> str:
    decimals = decimals_for(high - low, most=3)
    if low != low:
        return plain(ratio)
    return f"{plain(ratio, decimals)} [{plain(low, decimals)}, {plain(high, decimals)}]"


def _wrapped(name: str) -> list[str]:
    """Break a name at its + signs, then anywhere, into lines of at most _NAME_WIDTH."""
    lines = [""]
    for part in name.replace("+", "+\0").split("\0"):
        if len(lines[-1]) + len(part) > _NAME_WIDTH and lines[-1]:
            lines.append("")
        lines[-1] += part
    return [piece for line in lines for piece in textwrap.wrap(line, _NAME_WIDTH)]


def _notes(frame: pd.DataFrame, style: str) -> list[str]:
    """Say what would settle what is unresolved, what disturbed the clock, what failed: each fact once."""
    facts: dict[str, list[str]] = {}
    for row in frame.to_dict("records"):
        for prefix, column in (
            ("accuracy: ", "accuracy_hint"),
            ("step time: ", "step_time_hint"),
            ("step time disturbed: ", "step_time_flags"),
            ("", "message"),
        ):
            text = row[column]
            if not isinstance(text, str) or not text or (column == "step_time_hint" and text == "not measured"):
                continue
            if column == "accuracy_hint" and text == row["message"]:
                continue
            facts.setdefault(prefix + text, []).append(str(row["variant"]))
    if not facts:
        return []
    lines = [""]
    for text, names in facts.items():
        who = ", ".join(names) if len(names) < len(frame) - 1 or len(names) < 3 else "all variants"
        note = f"- {who}: {text}"
        lines += (
            textwrap.wrap(note, 100, subsequent_indent="  ", break_on_hyphens=False) if style == "plain" else [note]
        )
    return lines
