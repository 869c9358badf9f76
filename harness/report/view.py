"""Everything the page shows, gathered from results; the template only lays it out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.charts import Point, are_crossed, effects_chart, pareto_chart
from harness.comparison import Group, Judge, Margins, SuiteComparison
from harness.comparison.outcome import outcomes_of
from harness.comparison.suite_pairs import pair_count
from harness.report.columns import PageCell, PageColumn, page_cell, page_columns
from harness.report.origins import origins
from harness.report.pairs import pairs_data
from harness.report.pictures import Picture, Pictures
from harness.report.variant_view import VariantView, shown, variant_view
from harness.results import Results
from harness.suites import shown_names
from harness.tables.notes import chance_note
from harness.tables.outcome_words import OutcomeWords, outcome_words
from harness.tables.suite_rows import beside_each_other
from harness.variants import DEFAULTS, RULES, Variant
from harness.variants.variant import CNN_ONLY

_HELD_BY_ALL = {"batch_size", "model", "options"}
"""Fields that hold whatever a builder does: it may compile its model itself."""


@dataclass(frozen=True)
class TableRow:
    """A row of a suite's table; `link` is the variant's section, `status` says what is unlike other rows."""

    link: str
    is_baseline: bool
    status: str
    cells: tuple[PageCell, ...]


@dataclass(frozen=True, eq=False)
class SuiteView:
    """One suite under one set of conditions.

    Attributes:
        name: The suite's.
        title: The same, with the conditions where another has that name too.
        baseline: Name of the variant that the others are compared with.
        conditions: Dataset, budget, device and the like, in words, and what tells them from another table's.
        machine: Which machine timed; empty without step times.
        notes: What must be known of the whole table before it is read.
        pareto: Its chart; None without step times.
        effects: Main effects of its fields; None unless they were crossed.
        rows: Of its table.
        variants: The baseline first.
        pair_count: How many pairs its variants make.
        pairs: What the script shows of them.
    """

    name: str
    title: str
    baseline: str
    conditions: str
    machine: str
    notes: Sequence[str] = ()
    pareto: Picture | None = None
    effects: Picture | None = None
    rows: tuple[TableRow, ...] = ()
    variants: tuple[VariantView, ...] = ()
    pair_count: int = 0
    pairs: Mapping[str, Any] = field(default_factory=dict)


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

    outcome: OutcomeWords
    origins: tuple[tuple[str, str], ...]
    suites: tuple[SuiteView, ...]
    columns: tuple[PageColumn, ...]
    common: tuple[tuple[str, str], ...]
    troubles: tuple[Trouble, ...]
    margins: Margins
    trials: int


def report_view(
    comparisons: Sequence[SuiteComparison], results: Results, margins: Margins, pictures: Pictures
) -> ReportView:
    """Gather the page; its charts go to `pictures`."""
    groups = [one.group for one in comparisons]
    variants = list(dict.fromkeys(variant for group in groups for variant in group.records))
    varied = _varied(variants)
    columns = page_columns(varied)
    judge = Judge(margins)
    suites = []
    parts = beside_each_other(one.rows for one in comparisons)
    for one, title, part in zip(comparisons, titles(groups), parts, strict=True):
        group = one.group
        views = [
            variant_view(group, variant, row, results, margins, pictures, title=title)
            for variant, row in zip(group.members, one.rows, strict=True)
        ]
        suite = _suite_view(one, views, columns, pictures, title=title, apart=part.apart)
        pairs = pairs_data(one, results.test_set(group.conditions), judge)
        suites.append(replace(suite, pair_count=pair_count(group), pairs=pairs))
    return ReportView(
        outcome=outcome_words(outcomes_of(comparisons, results)),
        origins=origins(groups, results),
        suites=tuple(suites),
        columns=columns,
        common=_common(variants),
        troubles=tuple(_troubles(groups)),
        margins=margins,
        trials=len(
            {record.trial.key for group in groups for seeds in group.records.values() for record in seeds.values()}
        ),
    )


def titles(groups: Sequence[Group]) -> list[str]:
    """Return what each group's charts are called: its suite, with its conditions where another has the same suite.

    What the conditions' label does not say is told by what stays when others come: the images' fingerprint, versions.
    """
    suites = [group.suite.name for group in groups]
    named = [
        name if suites.count(name) == 1 else f"{name}, {group.conditions.label}"
        for name, group in zip(suites, groups, strict=True)
    ]
    alike: dict[str, list[Group]] = {}
    for name, group in zip(named, groups, strict=True):
        alike.setdefault(name, []).append(group)
    apart = [", ".join([name, *_apart(group, alike[name])]) for name, group in zip(named, groups, strict=True)]
    return [
        name if apart.count(name) == 1 else f"{name}, {apart[: place + 1].count(name)}"
        for place, name in enumerate(apart)
    ]


def _apart(group: Group, alike: Sequence[Group]) -> list[str]:
    """Return what tells a group from others of its name, without what all of them share."""

    def told(one: Group) -> tuple[str, ...]:
        environment = one.conditions.environment
        versions = " ".join(f"{name}-{version}" for name, version in environment.versions)
        return f"images {one.conditions.fingerprint[:8]}", versions, f"{environment.threads} threads"

    return [text for text, *others in zip(told(group), *map(told, alike), strict=True) if len(set(others)) > 1]


def conditions(group: Group) -> str:
    """Return dataset, budget, device, backend and seeds in words, and what a baseline is that is not the tutorial's."""
    seeds = sorted({len(records) for records in group.records.values() if records}) or [0]
    count = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    noun = "seed" if seeds[-1] == 1 else "seeds"
    most = max((group.looks[variant] for variant in group.members), key=len)
    auto = f" (auto, at most {most[-1]})" * (len(most) > 1)
    budget, environment = group.conditions.budget, group.conditions.environment
    epochs = f"{budget.epochs} epoch{'s' * (budget.epochs != 1)}"
    backend = f"{environment.backend} on {environment.device}"
    full = group.suite.baseline.name
    baseline = f"; baseline: {full}" * (full != group.suite.label(group.suite.baseline))
    return f"{group.conditions.dataset}, {budget.label} ({epochs}), {count} {noun}{auto}, {backend}{baseline}"


def _suite_view(
    comparison: SuiteComparison,
    views: Sequence[VariantView],
    columns: Sequence[PageColumn],
    pictures: Pictures,
    *,
    title: str,
    apart: str,
) -> SuiteView:
    group, table = comparison.group, comparison.rows
    timed = sum(math.isfinite(row["step_time_ratio"]) and math.isfinite(row["step_time_ms"]) for row in table)
    pareto = None
    if timed > 1:
        pareto = pictures.add(
            pareto_chart(table),
            name=f"{title}.pareto",
            alt_text=f"Accuracy against step time of each variant of {title}, with intervals",
            of_suite=True,
        )
    return SuiteView(
        group.suite.name,
        title,
        group.suite.label(group.suite.baseline),
        f"{conditions(group)}; {apart}" if apart else conditions(group),
        group.machine,
        chance_note(table),
        pareto,
        _effects(comparison, pictures, title),
        tuple(_table_row(view, columns, variant) for view, variant in zip(views, group.members, strict=True)),
        tuple(views),
    )


def _table_row(view: VariantView, columns: Sequence[PageColumn], variant: Variant) -> TableRow:
    row = dict(view.row)
    row |= {one.key: shown(getattr(variant, one.title)) for one in columns if one.key.startswith("field.")}
    states = [*([row["status"]] if row["status"] != "ok" else []), *(["head only"] if row["head_only"] else [])]
    return TableRow(view.id, view.is_baseline, ", ".join(states), tuple(page_cell(row, column) for column in columns))


def _effects(comparison: SuiteComparison, pictures: Pictures, title: str) -> Picture | None:
    """Return the main effects of a suite whose fields were crossed, with the baseline or without it."""
    group = comparison.group
    members = list(zip(group.members, comparison.rows, strict=True))
    for chosen in (members, [(one, row) for one, row in members if one != group.suite.baseline]):
        varied = _varied([variant for variant, _ in chosen])
        points = [
            Point(
                str(row["variant"]),
                {name: shown(getattr(variant, name)) for name in varied},
                row["accuracy"] if row["status"] in ("ok", "partial") else math.nan,
                variant == group.suite.baseline,
            )
            for variant, row in chosen
        ]
        if are_crossed(points):
            alt_text = f"Main effects of {title}: accuracy by the value of each field"
            name = f"{title}.main-effects"
            return pictures.add(effects_chart(points), name=name, alt_text=alt_text, of_suite=True)
    return None


def _common(variants: Sequence[Variant]) -> tuple[tuple[str, str], ...]:
    """Return the fields that all variants share, without those that say nothing of a network of one's own, or theirs.

    A builder need not read a field that stands at its default, and a backbone brings its own convolutions.
    """
    if not variants:
        return ()
    left_out, silent = set(_varied(variants)), set[str]()
    if any(variant.model for variant in variants):
        left_out.add("precision_policy")  # the column of that name has what was trained
        silent = RULES.keys() - _HELD_BY_ALL
    elif any(variant.backbone for variant in variants):
        silent = set(CNN_ONLY)
    first = {name: getattr(variants[0], name) for name in RULES if name not in left_out}
    told = {name: value for name, value in first.items() if name not in silent or value != DEFAULTS[name]}
    return tuple((name, shown(value)) for name, value in told.items())


def _varied(variants: Sequence[Variant]) -> list[str]:
    return [name for name in RULES if len({shown(getattr(variant, name)) for variant in variants}) > 1]


def _troubles(groups: Sequence[Group]) -> list[Trouble]:
    names = shown_names(group.suite for group in groups)
    found: dict[str, tuple[Any, list[str]]] = {}
    for group in groups:
        for seeds in group.records.values():
            for record in seeds.values():
                if record.status != "ok":
                    found.setdefault(record.trial.key, (record, []))[1].append(group.suite.name)
    return [
        Trouble(
            ", ".join(suites),
            names[record.trial.variant],
            record.trial.seed,
            record.status,
            len(record.history),
            record.message,
        )
        for record, suites in found.values()
    ]
