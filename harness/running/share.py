"""A share of a plan: what one of several machines trains, into a store of its own that `harness merge` joins."""

from __future__ import annotations

import re
from collections.abc import Set
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError, InputError
from harness.results.opening import has_store, read_store

SHARES = "shares"
"""The folder below a results folder that holds the stores of its shares."""

_MOST = 10_000


@dataclass(frozen=True)
class Share:
    """Every `of`-th trial of a plan, from the `number`-th on: whatever is done already, and wherever.

    A plan holds the seeds of a variant one after another, so that each share has about as many of each variant.

    >>> [place for place in range(8) if Share(2, 3).takes(place)]
    [1, 4, 7]
    """

    number: int
    of: int

    def takes(self, place: int) -> bool:
        """Whether the trial at this place of a plan, from 0, is one of it."""
        return place % self.of == self.number - 1

    def store_in(self, results: Path) -> Path:
        """Return the folder of its own store."""
        width = len(str(self.of))
        return results / SHARES / f"{self.number:0{width}}-of-{self.of}"

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @classmethod
    def parse(cls, text: str) -> Share:
        """Read `I/N`; raises InputError."""
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
        if found:
            number, of = map(int, found.groups())
            if 1 <= number <= of <= _MOST:
                return cls(number, of)
        raise InputError(
            f'--share is "{text}": use I/N, the I-th of N shares, as 1/4 to 4/4; all have the same N, at most {_MOST:,}'
        )


WHOLE = Share(1, 1)


def stores_of_shares(results: Path) -> list[Path]:
    """Return the folders below a results folder that hold the stores of its shares, in their order."""
    return sorted(folder for folder in (results / SHARES).glob("*-of-*") if has_store(folder))


def waiting_in_shares(results: Path, keys: Set[str]) -> int:
    """Return how many of these trials have a result in a share's store below a results folder."""
    found: set[str] = set()
    for folder in stores_of_shares(results):
        with suppress(HarnessError), read_store(folder) as store:  # whoever merges is told of a damaged one
            found.update(row["key"] for row in store.rows("trials") if row["status"] != "failed")
    return len(found & keys)
