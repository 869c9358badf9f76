"""Which test images a variant won or lost against the baseline, as pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
from numpy.typing import NDArray

from harness.charts.text import label
from harness.charts.theme import styled
from harness.errors import InputError
from harness.pictures.grid import ImageTile, pictures_layer
from harness.results.records import Record

PER_ROW = 4
IMAGES = 12
_NAME_LENGTH = 70


@dataclass(frozen=True)
class ChangedImage:
    """A test image that a variant tells right in more, or fewer, of the seeds than the baseline.

    Attributes:
        image: Its number among the budget's test images.
        label: Its true class.
        seeds: Seeds that both have.
        baseline_right: In how many of them the baseline is right.
        variant_right: In how many the variant is.
        taken_for: What the side that does worse takes it for most often.
    """

    image: int
    label: int
    seeds: int
    baseline_right: int
    variant_right: int
    taken_for: int

    @property
    def gain(self) -> int:
        """Seeds gained; negative for lost."""
        return self.variant_right - self.baseline_right


def changed_images(
    baseline: Iterable[Record], variant: Iterable[Record], labels: NDArray[np.int64]
) -> tuple[list[ChangedImage], list[ChangedImage]]:
    """Return the images won and the images lost: those that changed in most seeds first, the classes in turn.

    Args:
        baseline, variant: Records; seeds that only one of them has are left out.
        labels: True class of each test image, [N].

    Raises:
        InputError: No seed has predictions of both.
    """
    first, second = _predicted(baseline), _predicted(variant)
    seeds = [seed for seed in first if seed in second]
    if not seeds:
        raise InputError("baseline and variant have no seed in common: train both with the same seeds")
    before, after = (np.stack([side[seed] for seed in seeds]) for side in (first, second))
    right_before, right_after = (before == labels).sum(axis=0), (after == labels).sum(axis=0)
    changes = []
    for image in np.flatnonzero(right_before != right_after):
        worse = before if right_before[image] < right_after[image] else after
        wrong = worse[worse[:, image] != labels[image], image]
        counts = (right_before[image], right_after[image], np.bincount(wrong).argmax())
        changes.append(ChangedImage(int(image), int(labels[image]), len(seeds), *map(int, counts)))
    return (
        _in_turn([change for change in changes if change.gain > 0]),
        _in_turn([change for change in changes if change.gain < 0]),
    )


def changes_chart(
    won: Sequence[ChangedImage],
    lost: Sequence[ChangedImage],
    images: NDArray[np.uint8],
    classes: Sequence[str],
    *,
    variant: str,
    baseline: str,
    most: int = IMAGES,
) -> alt.TopLevelMixin:
    """Return two grids, won and lost: the true class, what it is taken for, and seeds right before and after.

    Args:
        won, lost: From `changed_images`.
        images: The budget's test images, uint8 [N, H, W, C].
        classes: Names, by label.
        variant, baseline: Their names.
        most: Images in each grid.
    """
    grids = []
    for changes, what in ((won, "won"), (lost, "lost")):
        shown = [_picture(change, images, classes) for change in changes[:most]]
        heading = f"{what}: {len(changes)} images" + (f", the first {len(shown)}" if len(shown) < len(changes) else "")
        grids.append(pictures_layer(shown, per_row=PER_ROW, title=heading))
    text = [
        f"{label(variant, _NAME_LENGTH)} against",
        f"{label(baseline, _NAME_LENGTH)}: right in more seeds, in fewer",
    ]
    return styled(alt.hconcat(*grids, spacing=24).properties(title=alt.TitleParams(text)))


def _in_turn(changes: list[ChangedImage]) -> list[ChangedImage]:
    """Order by seeds changed, and among equals take one of each class, then a second of each."""
    turns: dict[tuple[int, int], int] = {}
    placed = []
    for change in changes:
        turn = turns[abs(change.gain), change.label] = turns.get((abs(change.gain), change.label), 0) + 1
        placed.append((-abs(change.gain), turn, change.label, change))
    return [change for *_, change in sorted(placed, key=lambda place: place[:3])]


def _picture(change: ChangedImage, images: NDArray[np.uint8], classes: Sequence[str]) -> ImageTile:
    true, taken = classes[change.label], classes[change.taken_for]
    seeds = f"{change.baseline_right}→{change.variant_right} of {change.seeds} seeds"
    hover = (
        f"test image {change.image}: {true}, taken for {taken}; right in {change.baseline_right} of {change.seeds} "
        f"seeds with the baseline, in {change.variant_right} with the variant"
    )
    return ImageTile(images[change.image], true, f"not {taken}", seeds, hover)


def _predicted(records: Iterable[Record]) -> dict[int, NDArray[np.uint16]]:
    return {record.trial.seed: record.predictions.predicted for record in records if record.predictions is not None}
