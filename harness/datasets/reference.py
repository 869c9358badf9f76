"""A small, picklable handle with which another process opens the same dataset cheaply."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from harness.datasets.cache import DamagedCacheError, keep_temporarily, open_entry
from harness.datasets.dataset import Dataset, Origin
from harness.datasets.load import load_from
from harness.errors import HarnessError


@dataclass(frozen=True)
class DatasetRef:
    """How another process opens a dataset again; pickles to a few hundred bytes.

    Attributes:
        name: The dataset's name.
        fingerprint: What the content must still be.
        origin: Where it is from, and where its arrays lie.
    """

    name: str
    fingerprint: str
    origin: Origin

    @classmethod
    def of(cls, dataset: Dataset) -> DatasetRef:
        """Return a dataset's reference.

        For arrays that lie nowhere yet this writes them to a temporary folder, removed when this process ends.
        """
        origin = dataset.origin
        if origin.directory is None and not origin.source:
            origin = dataclasses.replace(origin, directory=keep_temporarily(dataset))
        return cls(dataset.name, dataset.fingerprint, origin)

    def open(self) -> Dataset:
        """Return the dataset, its images mapped read-only from files where there are any.

        Raises:
            HarnessError: The data is gone, or is no longer what it was when the reference was made.
        """
        origin = self.origin
        if origin.directory is not None:
            try:
                kept = open_entry(origin.directory, self.name, origin)
            except DamagedCacheError:
                kept = None
            if kept and kept.fingerprint == self.fingerprint:
                return kept
        if not origin.source:
            raise HarnessError(
                f"the temporary files of dataset {self.name!r} in {origin.directory} are gone or damaged "
                "(checksum error); the process that made them must still run"
            )
        again = load_from(origin)
        if again.fingerprint != self.fingerprint:
            raise HarnessError(
                f"dataset {origin.source!r} changed while it was in use: its fingerprint was {self.fingerprint} and "
                f"is now {again.fingerprint}; start again, so that results of the two are not mixed"
            )
        return again
