"""A look at a dataset: some of its images with the names of their classes."""

from __future__ import annotations

import altair as alt
import numpy as np

from harness.datasets import Dataset
from harness.errors import InputError
from harness.pictures.grid import ImageTile, pictures_chart

IMAGES = 12
PER_ROW = 4
MOST_IMAGES = 400


def draw_samples(dataset: Dataset, *, images: int = IMAGES, seed: int = 1) -> list[ImageTile]:
    """Draw train images at random, without repetition, each with the name of its class.

    Args:
        dataset: Where from.
        images: How many, 1 to 400; all of train where it has no more.
        seed: The same seed draws the same images.

    Raises:
        InputError: `images` is out of range.
    """
    if not 1 <= images <= MOST_IMAGES:
        raise InputError(f"images is {images}: use a whole number from 1 to {MOST_IMAGES}")
    count = min(images, len(dataset.train_labels))
    chosen = np.random.default_rng(seed).choice(len(dataset.train_labels), count, replace=False)
    return [
        ImageTile(dataset.train_images[i], dataset.classes[dataset.train_labels[i]], hover=f"train image {i}")
        for i in chosen
    ]


def samples_chart(
    dataset: Dataset, *, images: int = IMAGES, per_row: int = PER_ROW, seed: int = 1
) -> alt.TopLevelMixin:
    """Return a grid of sample images; arguments as for `draw_samples`, and `per_row` images a row, 1 or more."""
    if not 1 <= per_row <= MOST_IMAGES:
        raise InputError(f"per_row is {per_row}: use a whole number from 1 to {MOST_IMAGES}")
    pictures = draw_samples(dataset, images=images, seed=seed)
    return pictures_chart(pictures, per_row=min(per_row, len(pictures)), title=f"{dataset.name}: training images")
