"""Everything the page shows, gathered from results; the template only lays it out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.charts import Point, effects_chart, parallel_chart, pareto_chart
from harness.comparison import Group, Margins, SuiteComparison
from harness.comparison.columns import Row
from harness.report.columns import PageCell, PageColumn, page_cell, page_columns
from harness.report.pictures import Picture, Pictures
from harness.report.sentences import Sentence, suite_sentence
from harness.report.variant_view import VariantView, shown, variant_view
from harness.results import Results
from harness.variants import Variant
from harness.variants.rules import RULES


@dataclass(frozen=True, eq=False)
class SuiteView:
    """One suite under one set of conditions.

    Attributes:
        name: The suite's.
        title: The same, with the conditions where another has that name too.
        baseline: Name of the variant that the others are compared with.
        conditions: Dataset, budget, device and the like, in words.
        machine: Which machine timed; empty without step times.
        sentence: Its outcome.
        pareto: Its chart; None without step times.
        variants: The baseline first.
    """

    name: str
    title: str
    baseline: str
    conditions: str
    machine: str
    sentence: Sentence
    pareto: Picture | None
    variants: tuple[VariantView, ...]


@dataclass(frozen=True, eq=False)
class FieldsView:
    """Charts over the fields of all variants that share dataset, budget and environment."""

    conditions: str
    parallel: Picture
    effects: Picture


@dataclass(frozen=True)
class TableRow:
    """A row of the comparison table; `link` is the variant's section, `suite` its suite and conditions."""

    link: str
    suite: tuple[str, str]
    is_baseline: bool
    cells: tuple[PageCell, ...]


@dataclass(frozen=True)
class Trouble:
    """A trial without a result."""

    suites: str
    variant: str
    seed: int
    status: str
    epochs: int
    message: str


@dataclass(frozen=True, eq=False)
class ReportView:
    """The page."""

    suites: tuple[SuiteView, ...]
    columns: tuple[PageColumn, ...]
    rows: tuple[TableRow, ...]
    common: tuple[tuple[str, str], ...]
    fields: tuple[FieldsView, ...]
    troubles: tuple[Trouble, ...]
    margins: Margins
    trials: int


def report_view(
    comparisons: Sequence[SuiteComparison], results: Results, margins: Margins, pictures: Pictures
) -> ReportView:
    """Gather the page; its charts go to `pictures`."""
    groups = [one.group for one in comparisons]
    tables = [one.rows for one in comparisons]
    variants = list(dict.fromkeys(variant for group in groups for variant in group.records))
    varied = [name for name in RULES if len({shown(getattr(variant, name)) for variant in variants}) > 1]
    columns = page_columns(varied)
    suites = []
    rows: list[TableRow] = []
    for group, table, title in zip(groups, tables, titles(groups), strict=True):
        members = group.members
        views = [
            variant_view(group, variant, row, results, margins, pictures, title=title)
            for variant, row in zip(members, table, strict=True)
        ]
        suites.append(_suite_view(group, table, views, pictures, title=title))
        for variant, row, view in zip(members, table, views, strict=True):
            full = dict(row) | {f"field.{name}": shown(getattr(variant, name)) for name in varied}
            rows.append(
                TableRow(
                    view.id,
                    (group.suite.name, conditions(group)),
                    view.is_baseline,
                    tuple(page_cell(full, column) for column in columns),
                )
            )
    return ReportView(
        suites=tuple(suites),
        columns=columns,
        rows=tuple(rows),
        common=tuple((name, shown(getattr(variants[0], name))) for name in RULES if name not in varied)
        if variants
        else (),
        fields=tuple(_fields_views(groups, tables, pictures)),
        troubles=tuple(_troubles(groups)),
        margins=margins,
        trials=len(
            {record.trial.key for group in groups for seeds in group.records.values() for record in seeds.values()}
        ),
    )


def titles(groups: Sequence[Group]) -> list[str]:
    """Return what each group's charts are called: its suite, with its conditions where another has the same suite."""
    suites = [group.suite.name for group in groups]
    named = [
        name if suites.count(name) == 1 else f"{name}, {group.conditions.label}"
        for name, group in zip(suites, groups, strict=True)
    ]
    return [
        name if named.count(name) == 1 else f"{name}, {named[: place + 1].count(name)}"
        for place, name in enumerate(named)
    ]


def conditions(group: Group) -> str:
    """Return dataset, budget, device, backend and seeds in words."""
    seeds = sorted({len(records) for records in group.records.values()})
    count = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    noun = "seed" if seeds[-1] == 1 else "seeds"
    most = max((group.looks[variant] for variant in group.members), key=len)
    auto = f" (auto, at most {most[-1]})" * (len(most) > 1)
    budget, environment = group.conditions.budget, group.conditions.environment
    epochs = f"{budget.epochs} epoch{'s' * (budget.epochs != 1)}"
    backend = f"{environment.backend} on {environment.device}"
    return f"{group.conditions.dataset}, {budget.label} ({epochs}), {count} {noun}{auto}, {backend}"


def _suite_view(
    group: Group, table: Sequence[Row], views: Sequence[VariantView], pictures: Pictures, *, title: str
) -> SuiteView:
    timed = sum(math.isfinite(row["step_time_ratio"]) and math.isfinite(row["step_time_ms"]) for row in table)
    pareto = None
    if timed > 1:
        pareto = pictures.add(
            pareto_chart(table),
            name=f"{title}.pareto",
            alt_text="Accuracy against step time of each variant, with intervals; the table has the figures",
        )
    return SuiteView(
        group.suite.name,
        title,
        group.suite.baseline.name,
        conditions(group),
        group.machine,
        suite_sentence(table),
        pareto,
        tuple(views),
    )


def _fields_views(groups: Sequence[Group], tables: Sequence[Sequence[Row]], pictures: Pictures) -> list[FieldsView]:
    together: dict[Any, tuple[Group, dict[Variant, tuple[Row, bool]]]] = {}
    for group, table in zip(groups, tables, strict=True):
        key = group.conditions
        _, found = together.setdefault(key, (group, {}))
        for variant, row in zip(group.members, table, strict=True):
            found.setdefault(variant, (row, variant == group.suite.baseline))
    views = []
    for number, (group, found) in enumerate(together.values(), start=1):
        varied = [name for name in RULES if len({shown(getattr(variant, name)) for variant in found}) > 1]
        points = [
            Point(
                variant.name,
                {name: shown(getattr(variant, name)) for name in varied},
                row["accuracy"],
                row.get("step_time_ms", math.nan),
                is_baseline,
            )
            for variant, (row, is_baseline) in found.items()
        ]
        if not varied or sum(math.isfinite(point.accuracy) for point in points) < 2:
            continue
        suffix = f"-{number}" if len(together) > 1 else ""
        views.append(
            FieldsView(
                conditions(group),
                pictures.add(
                    parallel_chart(points),
                    name=f"parallel-coordinates{suffix}",
                    alt_text="Parallel coordinates: a line per variant through its fields, accuracy and step time",
                ),
                pictures.add(
                    effects_chart(points),
                    name=f"main-effects{suffix}",
                    alt_text="Main effects: accuracy by the value of each field",
                ),
            )
        )
    return views


def _troubles(groups: Sequence[Group]) -> list[Trouble]:
    found: dict[str, tuple[Any, list[str]]] = {}
    for group in groups:
        for seeds in group.records.values():
            for record in seeds.values():
                if record.status != "ok":
                    found.setdefault(record.trial.key, (record, []))[1].append(group.suite.name)
    return [
        Trouble(
            ", ".join(suites),
            record.trial.variant.name,
            record.trial.seed,
            record.status,
            len(record.history),
            record.message,
        )
        for record, suites in found.values()
    ]
