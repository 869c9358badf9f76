"""A small, picklable handle with which another process opens the same dataset cheaply."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from pathlib import Path

from harness.datasets.cache import (
    DamagedCacheError,
    entry_path,
    filled_with,
    keep_temporarily,
    open_entry,
    open_or_make,
)
from harness.datasets.cifar10 import archive_path
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

    def on_this_machine(self) -> DatasetRef | None:
        """Return the reference by which another machine opens the data from its own disk; None where it has it not.

        Nothing is downloaded, and no function of a user's is called.
        """
        source = self.origin.source
        if source == "digits":  # everywhere, and dear to look at: who opens it sees whether it is the same
            return self
        kept = dataclasses.replace(self, origin=Origin(directory=self._kept))
        candidates = [kept, dataclasses.replace(self, origin=dataclasses.replace(self.origin, source=""))]
        if (source == "cifar10" and archive_path().exists()) or Path(source).is_absolute():
            candidates.append(dataclasses.replace(self, origin=dataclasses.replace(self.origin, directory=None)))
        for reference in candidates:
            if reference.origin.source or reference.origin.directory:
                with contextlib.suppress(HarnessError, OSError):
                    return DatasetRef.of(reference.open())
        return None

    def keep(self, dataset: Dataset) -> DatasetRef:
        """Write a dataset that was sent here to this machine's cache, once for all of its processes.

        Raises:
            HarnessError: It is another one, or there is no room for it.
        """
        opened = open_or_make(self._kept, filled_with(dataset), self.name, Origin())
        if opened.fingerprint != self.fingerprint:
            raise HarnessError(f"the dataset that was sent is {opened.fingerprint}, and {self.fingerprint} is wanted")
        return DatasetRef.of(opened)

    @property
    def _kept(self) -> Path:
        return entry_path(None, f"sent {self.fingerprint}", self.fingerprint)
