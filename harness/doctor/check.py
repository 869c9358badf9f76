"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Check:
    """What was looked at, what was found, and what to do.

    Attributes:
        name: What was looked at.
        status: ok; warning (results stay right, but slow or less certain); failed (it will not work).
        found: What was found.
        remedy: What to do about it; empty when it is ok.
    """

    name: str
    status: Status
    found: str
    remedy: str = ""
