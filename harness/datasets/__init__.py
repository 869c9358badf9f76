"""Datasets: loading them, checking them, splitting them."""

from harness.datasets.dataset import Dataset, Origin
from harness.datasets.load import load_dataset, load_from, load_stored
from harness.datasets.reference import DatasetRef
from harness.datasets.splits import stratified_subset, validation_split

__all__ = [
    "Dataset",
    "DatasetRef",
    "Origin",
    "load_dataset",
    "load_from",
    "load_stored",
    "stratified_subset",
    "validation_split",
]
