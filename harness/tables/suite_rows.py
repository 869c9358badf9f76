"""The rows of one table: a suite under one set of conditions, with the title that names them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.budgets import selected_on_test
from harness.comparison.columns import SUITE_TABLE, Row

if TYPE_CHECKING:
    import pandas as pd

# What the rows of one table share: as its title says, and what the title says only where it has to.
_TITLED = ("suite", "dataset", "budget", "device", "backend")
_APART = ("fingerprint", "versions", "threads", "recipe")


@dataclass(frozen=True, eq=False)
class SuiteRows:
    """Rows of one suite and set of conditions; `apart` tells them from others whose title would be the same."""

    rows: Sequence[Row]
    apart: str = ""

    @classmethod
    def of(cls, table: SuiteRows | pd.DataFrame) -> SuiteRows:
        """Return the rows of a frame, or those given."""
        return table if isinstance(table, SuiteRows) else cls(table.to_dict("records"))

    @property
    def suite(self) -> str:
        """Name of the suite."""
        return str(self.rows[0]["suite"])

    @property
    def conditions(self) -> str:
        """Dataset, budget, device and seeds in words."""
        row = self.rows[0]
        backend = "" if row["backend"] == "tensorflow" else f"{row['backend']} on "
        return f"{row['dataset']}, {row['budget']}, {backend}{row['device']}, {self._seeds()}"

    @property
    def title(self) -> list[str]:
        """The lines above the table: suite and baseline, then the conditions."""
        row, conditions = self.rows[0], self.conditions
        if machine := next((text for row in self.rows if isinstance(text := row["machine"], str) and text), ""):
            conditions += f"; step times from {machine}"
        if selected_on_test(str(row["budget"])):
            conditions += "; selected on test: the tutorial's protocol watches the test images in every epoch"
        baseline = next((one["full_name"] for one in self.rows if one["variant"] == one["baseline"]), row["baseline"])
        return [f"{row['suite']} (baseline: {baseline})", conditions, *([self.apart] if self.apart else [])]

    def _seeds(self) -> str:
        counts = [row["seeds"] for row in self.rows]
        low, high = min(counts), max(counts)
        text = f"{high} seed{'s' * (high != 1)}" if low == high else f"{low} to {high} seeds"
        looks = dict.fromkeys(str(row["looks"]) for row in self.rows if row["variant"] != row["baseline"])
        modes = [f"auto, at most {one.rpartition(' ')[2]}" if "," in one else f"fixed, {one}" for one in looks]
        return f"{text} ({' or '.join(modes)})" if len(modes) > 1 or "auto" in "".join(modes) else text


def split_tables(frame: pd.DataFrame) -> Iterator[SuiteRows]:
    """Yield the rows of each suite and set of conditions, in their order."""
    cells = {str(name): frame[name].tolist() for name in frame}
    found: dict[tuple[Any, ...], dict[tuple[Any, ...], list[int]]] = {}
    order: list[tuple[tuple[Any, ...], tuple[Any, ...]]] = []
    for place in range(len(frame)):
        title, rest = (tuple(cells[name][place] for name in names) for names in (_TITLED, _APART))
        if rest not in found.setdefault(title, {}):
            order.append((title, rest))
        found[title].setdefault(rest, []).append(place)
    newest = {title: {rest: _newest(cells, places) for rest, places in of.items()} for title, of in found.items()}
    for title, rest in order:
        rows = [{name: column[place] for name, column in cells.items()} for place in found[title][rest]]
        yield SuiteRows(rows, _told_apart(rest, newest[title]))


def beside_each_other(parts: Iterable[Sequence[Row]]) -> list[SuiteRows]:
    """Return the rows of suites that are shown together, each told apart from others of its title as tables are."""
    parts = list(parts)
    keys = [tuple(tuple(rows[0][name] for name in names) for names in (_TITLED, _APART)) for rows in parts]
    newest: dict[tuple[Any, ...], dict[tuple[Any, ...], str]] = {}
    for rows, (title, rest) in zip(parts, keys, strict=True):
        newest.setdefault(title, {})[rest] = max(str(row.get("trained_at", "")) for row in rows)
    return [SuiteRows(rows, _told_apart(rest, newest[title])) for rows, (title, rest) in zip(parts, keys, strict=True)]


def _newest(cells: dict[str, list[Any]], places: Sequence[int]) -> str:
    return max(str(cells["trained_at"][place]) for place in places) if "trained_at" in cells else ""


def _told_apart(mine: tuple[Any, ...], newest: dict[tuple[Any, ...], str]) -> str:
    """Return what tells conditions from others of one title, `newest` being when each was last trained under."""
    values = zip(_APART, mine, zip(*newest, strict=True), strict=True)
    told = [f"{SUITE_TABLE[name].head}: {value}" for name, value, others in values if len(set(others)) > 1]
    place = _APART.index("fingerprint")
    images: dict[Any, str] = {}
    for conditions, trained_at in newest.items():
        images[conditions[place]] = max(images.get(conditions[place], ""), trained_at)
    if len(images) > 1:
        last = images[mine[place]]
        age = "the newest" if last == max(images.values()) else "older"
        told[0] += f", {age} images, last trained on {last[:16].replace('T', ' ')} UTC" if last else ""
    return "; ".join(told)
