"""Datasets: loading them, checking them, splitting them."""

from harness.datasets.dataset import Dataset, DatasetRef
from harness.datasets.load import load_dataset
from harness.datasets.splits import stratified_subset, validation_split

__all__ = ["Dataset", "DatasetRef", "load_dataset", "stratified_subset", "validation_split"]
