"""Notes below a table: what would settle it, what went wrong, and how to read its signs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from harness.comparison.columns import Row
from harness.tables.cells import full_text

_MANY = 3
"""From here on variants are told in one word where all of them are meant."""


def row_notes(
    rows: Sequence[Row], quantities: Sequence[str], *, hopeless: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """Return what would settle what is unresolved, what disturbed the clock, what failed: each fact once.

    Args:
        rows: Of one table.
        quantities: accuracy, precision, recall, macro_f1, step_time: those that the table shows.
        hopeless: What the outcome calls variants that are hardly worth more runs: no run is proposed for these.
    """
    facts: dict[str, list[str]] = {}
    for row in rows:
        name = str(row["variant"])
        for fact in dict.fromkeys(_facts(row, quantities, hopeless.get(name, ""))):
            facts.setdefault(fact, []).append(name)
    baselines = {str(row["variant"]) for row in rows if row["variant"] == row.get("baseline")}
    variants = {str(row["variant"]) for row in rows} - baselines
    return [f"{_whose(names, baselines, variants)}: {fact}" for fact, names in facts.items()]


def training_note(rows: Sequence[Row]) -> list[str]:
    """Return a line that says who is surely as accurate as the baseline in the end, sooner, later or never."""
    told: dict[str, list[str]] = {"sooner": [], "later": [], "never in these epochs": []}
    for row in rows:
        verdict, never = row["time_to_baseline_verdict"], math.isinf(row["time_to_baseline_ci_low"])
        if verdict in ("better", "worse"):
            word = "never in these epochs" if never else "sooner" if verdict == "better" else "later"
            told[word].append(f"{row['variant']}{'' if never else ' ' + full_text(row, 'time_to_baseline_ratio')}")
    parts = [f"{word}: {', '.join(names)}" for word, names in told.items() if names]
    return [f"time to the baseline's final validation accuracy, x its training: {'; '.join(parts)}"] if parts else []


def legend(rows: Sequence[Row]) -> list[str]:
    """Return lines that explain ± and [ ] where they stand, and how many images the intervals count."""
    signs = []
    if any(not math.isnan(row.get("accuracy_std", math.nan)) for row in rows):
        signs.append("±: standard deviation over seeds")
    if any(not math.isnan(row[f"{name}_ci_low"]) for row in rows for name in ("accuracy", "step_time")):
        looks = " (accuracy: and of looks)" * any("," in str(row.get("looks", "")) for row in rows)
        signs.append(f"[ ]: interval of the difference or ratio, corrected for the number of variants{looks}")
    same = next((text for row in rows if isinstance(text := row.get("near_duplicates"), str) and text), "")
    return [*(["; ".join(signs)] if signs else []), *([f"{same} in intervals"] if same else [])]


def chance_note(rows: Sequence[Row]) -> list[str]:
    """Return a line that says that nothing of the table learnt anything, where that is so."""
    return list(dict.fromkeys(text for row in rows if isinstance(text := row.get("chance"), str) and text))


def label_legend(rows: Sequence[Row]) -> list[str]:
    """Return a line that says what labels stand for; names that say it themselves are left out."""
    meant = {
        str(row["variant"]): changed
        for row in rows
        if row["variant"] != row.get("baseline")
        and isinstance(changed := row.get("changed"), str)
        and row["variant"] not in (changed, row["full_name"])
    }
    return [f"labels: {', '.join(f'{label} is {changed}' for label, changed in meant.items())}"] if meant else []


def flag_legend(rows: Sequence[Row]) -> list[str]:
    """Return a line that says what a disturbed step time means, where there is one."""
    if any(isinstance(text := row["step_time_flags"], str) and text for row in rows):
        return [
            "disturbed: the machine did something else, or its speed changed; baseline and variant ran in turns, so "
            "that the interval carries it, and is wide for it: --retime measures anew"
        ]
    return []


def partial_legend(rows: Sequence[Row]) -> list[str]:
    """Return a line that says what the accuracy of a variant is that has not all of the baseline's seeds."""
    seeds = {row["seeds"] for row in rows if row["variant"] == row["baseline"]}
    partial = [row for row in rows if row["status"] == "partial" and not math.isnan(row["accuracy_delta"])]
    if seeds and any(row["seeds"] not in seeds for row in partial):
        return ["partial: the accuracy is the baseline's plus the difference over the seeds that both have"]
    return []


def pareto_legend(rows: Sequence[Row]) -> list[str]:
    """Return a line that says what the words of the Pareto column mean, where they leave something open."""
    if any(row["pareto"] == "perhaps" for row in rows):
        return ["Pareto: yes, no other is both more accurate and faster; perhaps, the intervals leave that open"]
    return []


def _whose(names: Sequence[str], baselines: set[str], variants: set[str]) -> str:
    """Return the names; those of all variants in one word, with the baseline's beside it where it is among them."""
    if len(variants) < _MANY or not variants.issubset(names):
        return ", ".join(names)
    return ", ".join([*(name for name in names if name in baselines), "all variants"])


def _facts(row: Row, quantities: Sequence[str], hopeless: str) -> Iterator[str]:
    message = row["message"] if isinstance(row["message"], str) else ""
    for name in quantities:
        hint = row[f"{name}_hint"]
        measured = name != "step_time" or not math.isnan(row["step_time_ms"])
        if isinstance(hint, str) and hint and hint != message and measured:
            proposes = hopeless and row[f"{name}_settled_by"]
            words = name.replace("_", " ").replace("f1", "F1")
            yield f"{hopeless}: hardly worth more runs" if proposes else f"{words}: {hint}"
    if isinstance(row["step_time_flags"], str) and row["step_time_flags"]:
        yield f"step time disturbed: {row['step_time_flags']}"
    yield from (
        text
        for text in (message, row.get("head_only"), row.get("search"), row.get("judged_before"))
        if isinstance(text, str) and text
    )
