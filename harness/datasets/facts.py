"""What is known of a dataset without its images."""

from __future__ import annotations

from dataclasses import dataclass

from harness.datasets.dataset import Dataset


@dataclass(frozen=True, eq=False)
class DatasetFacts:
    """What a plan or a search needs to know of a dataset, without its images.

    Attributes:
        name: How it was named.
        fingerprint: Its content.
        classes: Names of the classes.
        input_shape: Height, width, channels.
        train_images: Their number.
    """

    name: str
    fingerprint: str
    classes: tuple[str, ...]
    input_shape: tuple[int, int, int]
    train_images: int

    @classmethod
    def of(cls, dataset: Dataset) -> DatasetFacts:
        """Return the facts of a dataset."""
        return cls(dataset.name, dataset.fingerprint, dataset.classes, dataset.input_shape, len(dataset.train_labels))
