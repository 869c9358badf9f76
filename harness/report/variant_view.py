"""One variant on the page: what it changes, its pictures and figures, where it was made, how to make it again."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.charts import (
    ClassAccuracy,
    blocks_chart,
    class_accuracies,
    classes_chart,
    confusion_chart,
    confusion_matrix,
    curve_rows,
    curves_chart,
    meeting_epoch,
    seed_curves,
)
from harness.comparison import Group, Margins
from harness.comparison.again import command_line, words_again
from harness.report.pictures import Picture, Pictures
from harness.results import Results
from harness.results.provenance import Provenance
from harness.results.records import Record
from harness.results.step_times import StepTimes
from harness.suites import all_of, exactly, is_selectable, members_called
from harness.tables.file_names import safe_file_name
from harness.variants import BASELINE, Variant
from harness.variants.rules import RULES

MOST_CLASSES = 30
"""With more classes a confusion matrix is no longer legible on a page; the classes' accuracies are."""


@dataclass(frozen=True)
class FieldChange:
    """A field whose value differs from the baseline's."""

    field: str
    baseline: str
    variant: str


@dataclass(frozen=True, eq=False)
class VariantView:
    """What the page shows of one variant in one suite.

    Attributes:
        id: Stable anchor.
        row: Its row of the comparison table.
        is_baseline: Whether it is the suite's baseline.
        changes: Fields that differ from the suite's baseline (for the baseline: from the tutorial's CNN).
        records: Its trials by seed.
        curves, confusion, classes, blocks: Pictures; None where there is nothing to draw.
        meeting: First epoch where training and validation accuracy are within 0.01, or None.
        class_table: Accuracy by class.
        times: Its step times against the baseline.
        provenances: Where trials and step times were made: what, and where.
        command: What makes it again.
    """

    id: str
    row: Mapping[Any, Any]
    is_baseline: bool
    changes: tuple[FieldChange, ...]
    records: tuple[Record, ...]
    curves: Picture | None
    confusion: Picture | None
    classes: Picture | None
    blocks: Picture | None
    meeting: int | None
    class_table: Sequence[ClassAccuracy]
    times: StepTimes | None
    provenances: tuple[tuple[str, Provenance], ...]
    command: str

    @property
    def name(self) -> str:
        """The variant's name."""
        return str(self.row["variant"])


def variant_view(
    group: Group,
    variant: Variant,
    row: Mapping[Any, Any],
    results: Results,
    margins: Margins,
    pictures: Pictures,
    *,
    title: str,
) -> VariantView:
    """Gather one variant of a group; its pictures go to `pictures`, `title` in their names."""
    suite = group.suite
    is_baseline = variant == suite.baseline
    records = tuple(group.records[variant][seed] for seed in sorted(group.records[variant]))
    against = () if is_baseline else tuple(group.records.get(suite.baseline, {}).values())
    test_set = results.test_set(group.conditions)
    classes = test_set.classes
    table = class_accuracies(records, test_set.labels, classes, baseline=against, alpha=margins.alpha)
    own = confusion_matrix(records, test_set.labels, len(classes))
    base = confusion_matrix(against, test_set.labels, len(classes)) if against else None
    times = group.step_times.get(variant)
    name = suite.label(variant)
    label = f"{title}.{name}"
    legible = len(classes) <= MOST_CLASSES and bool(np.isfinite(own).any())
    return VariantView(
        id=anchor(group, variant),
        row=row,
        is_baseline=is_baseline,
        changes=_changes(BASELINE if is_baseline else suite.baseline, variant),
        records=records,
        curves=_curves(records, label, pictures),
        confusion=_confusion(own, base, classes, label, pictures) if legible else None,
        classes=_classes(table, label, pictures) if len(table) <= 2 * MOST_CLASSES else None,
        blocks=pictures.add(
            blocks_chart(times), name=f"{label}.blocks", alt_text=f"Every timed block of {name}, milliseconds"
        )
        if times
        else None,
        meeting=meeting_epoch(curve_rows(records)),
        class_table=table,
        times=times,
        provenances=_provenances(records, times, results),
        command=_command(group, variant, results),
    )


def anchor(group: Group, variant: Variant) -> str:
    """Return an id that stays the same from report to report, whatever the suite is called."""
    conditions = group.conditions
    parts = (group.suite.name, conditions.fingerprint, conditions.budget.label, repr(conditions.environment))
    content = "\0".join((*parts, str(conditions.recipe), variant.fingerprint))
    digest = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"v-{safe_file_name(variant.name)[:60]}-{digest}"


def shown(value: Any) -> str:
    """Return a field's value as people read it."""
    if isinstance(value, tuple):
        if value and isinstance(value[0], tuple):
            return ", ".join(f"{name}={item}" for name, item in value)
        return "-".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _changes(reference: Variant, variant: Variant) -> tuple[FieldChange, ...]:
    return tuple(
        FieldChange(field, shown(getattr(reference, field)), shown(getattr(variant, field)))
        for field in RULES
        if getattr(reference, field) != getattr(variant, field)
    )


def _curves(records: Sequence[Record], label: str, pictures: Pictures) -> Picture | None:
    if not any(record.history for record in records):
        return None
    return pictures.add(
        curves_chart(records),
        seeds=seed_curves(records),
        name=f"{label}.curves",
        alt_text="Accuracy, loss, precision and recall by epoch, training and validation",
    )


def _confusion(
    own: NDArray[np.float64],
    base: NDArray[np.float64] | None,
    classes: Sequence[str],
    label: str,
    pictures: Pictures,
) -> Picture:
    if base is None or not np.isfinite(base).any():
        chart = confusion_chart(own, classes, difference=False)
        return pictures.add(chart, name=f"{label}.confusion", alt_text="Confusion matrix, % of each true class")
    chart = confusion_chart(own - base, classes, difference=True)
    return pictures.add(
        chart, name=f"{label}.confusion", alt_text="Confusion matrix less the baseline's, percentage points"
    )


def _classes(table: Sequence[ClassAccuracy], label: str, pictures: Pictures) -> Picture | None:
    if not table:
        return None
    return pictures.add(
        classes_chart(table), name=f"{label}.classes", alt_text="Accuracy of each class with its interval"
    )


def _provenances(
    records: Sequence[Record], times: StepTimes | None, results: Results
) -> tuple[tuple[str, Provenance], ...]:
    found: dict[Provenance, list[str]] = {}
    for record in records:
        provenance = results.provenances.get(record.trial.key)
        if provenance:
            found.setdefault(provenance, []).append(f"{record.trial.seed}")
    parts = [(f"seed{'s' * (len(seeds) > 1)} {', '.join(seeds)}", made) for made, seeds in found.items()]
    timed = results.provenances.get(times.key) if times else None
    if timed in found:
        parts = [(f"{what}; step times" if made == timed else what, made) for what, made in parts]
    elif timed:
        parts.append(("step times", timed))
    return tuple(parts)


def _command(group: Group, variant: Variant, results: Results) -> str:
    """Return the command line that makes a variant's results again, to be pasted into a shell."""
    # A search's winner is an item of its own only as the search.
    suite = group.suite
    called = suite.name if suite.name.startswith("search:") else suite.label(variant)
    selected = exactly(called)
    # A name may mean another variant in another suite, be it of another store.
    ambiguous = len(members_called(results.declared, called)) > 1 or (called == "baseline" and variant != BASELINE)
    if ambiguous and is_selectable(suite.name) and not suite.name.startswith("search:"):
        selected = f"{all_of(suite.name)} and {selected}"
    return command_line(words_again(group, results, looks=group.looks[variant]), selected)


def finite(value: float) -> bool:
    """Whether a figure is known (for the template)."""
    return math.isfinite(value)
