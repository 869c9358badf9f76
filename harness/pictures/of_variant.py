"""The charts of one variant in a results folder: curves, confusion, classes, and images won and lost."""

from __future__ import annotations

from collections.abc import Iterator

import altair as alt
import numpy as np
from numpy.typing import NDArray

from harness.charts import class_accuracies, classes_chart, confusion_chart, confusion_matrix, curves_chart
from harness.comparison import Group, group_records
from harness.comparison.wanted import ANY, Wanted
from harness.errors import InputError, nearest
from harness.pictures.changes import changed_images, changes_chart
from harness.results import Results
from harness.tables.file_names import FileNames
from harness.variants import Variant
from harness.wording import at_results


def find_group(results: Results, suite: str | None, wanted: Wanted = ANY) -> Group:
    """Return a suite's group under wanted conditions, of several the one that was trained last.

    Raises:
        InputError: The name is missing or unknown, or nothing is under these conditions.
    """
    groups = group_records(results)
    names = list(dict.fromkeys(group.suite.name for group in groups))
    if not names:
        at = at_results(results.folder)
        raise InputError(f"{results.folder} holds no finished trial: run `harness sweep{at}` first")
    if suite is None and len(names) > 1:
        raise InputError(f"{results.folder} holds {len(names)} suites: name one of {', '.join(names)}")
    if suite is not None and suite not in names:
        raise InputError(f'suite "{suite}" is not in {results.folder}: use {", ".join(names)}{nearest(suite, names)}')
    chosen, _ = wanted.choose([group for group in groups if suite in (None, group.suite.name)])
    places = {id(record): place for place, record in enumerate(results.records.values())}

    def newest(group: Group) -> int:
        own = (places[id(record)] for records in group.records.values() for record in records.values())
        return max(own, default=-1)

    return max(chosen, key=newest)


def find_variants(group: Group, name: str | None) -> list[Variant]:
    """Return the variant of that name, or for None every variant of the suite with records, the baseline first."""
    found = {group.suite.label(variant): variant for variant in group.members if variant not in group.outdated}
    if name is None:
        return list(found.values())
    if name not in found and name not in (full := {variant.name: variant for variant in found.values()}):
        _refuse_outdated(group, name)
        raise InputError(f'variant "{name}" has no records: use {", ".join(found)}{nearest(name, found | full)}')
    return [found.get(name) or full[name]]


def _refuse_outdated(group: Group, name: str) -> None:
    for variant, why in group.outdated.items():
        if name in (group.suite.label(variant), variant.name):
            raise InputError(f'variant "{name}" was {why}')


def variant_charts(
    group: Group, variant: Variant, results: Results, images: NDArray[np.uint8] | None
) -> Iterator[tuple[str, alt.TopLevelMixin]]:
    """Yield each chart with a name for its files.

    Args:
        group: From `find_group`.
        variant: One of its suite.
        results: Where it is from, for the true labels.
        images: The budget's test images, uint8 [N, H, W, C], for pictures of what was won and lost; None for none.
    """
    test_set = results.test_set(group.conditions)
    classes, labels = test_set.classes, test_set.labels
    own = list(group.records[variant].values())
    theirs = list(group.records.get(group.suite.baseline, {}).values())
    name = group.suite.label(variant)
    names = FileNames()
    stem = {member: names.add(group.suite.label(member).replace(":", "-")) for member in group.suite.members}[variant]
    matrix = confusion_matrix(own, labels, len(classes))
    yield f"curves-{stem}", curves_chart(own)
    yield f"confusion-{stem}", confusion_chart(matrix, classes, difference=False)
    is_baseline = variant == group.suite.baseline
    yield (
        f"classes-{stem}",
        classes_chart(class_accuracies(own, labels, classes, baseline=() if is_baseline else theirs)),
    )
    if is_baseline or not theirs:
        return
    difference = matrix - confusion_matrix(theirs, labels, len(classes))
    yield f"confusion-difference-{stem}", confusion_chart(difference, classes, difference=True)
    if images is not None:
        won, lost = changed_images(theirs, own, labels)
        baseline = group.suite.label(group.suite.baseline)
        yield f"changes-{stem}", changes_chart(won, lost, images, classes, variant=name, baseline=baseline)
