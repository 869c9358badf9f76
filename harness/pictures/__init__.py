"""Explorations: pictures of a dataset, of a model's layers, and of what a variant won and lost."""

from harness.pictures.changes import ChangedImage, changed_images, changes_chart
from harness.pictures.counts import class_counts, counts_chart
from harness.pictures.files import chart_html, save_exploration
from harness.pictures.grid import ImageTile, pictures_chart
from harness.pictures.samples import draw_samples, samples_chart

__all__ = [
    "ChangedImage",
    "ImageTile",
    "changed_images",
    "changes_chart",
    "chart_html",
    "class_counts",
    "counts_chart",
    "draw_samples",
    "pictures_chart",
    "samples_chart",
    "save_exploration",
]
