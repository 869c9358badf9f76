"""How fast this machine is: what the parts of its last runs took beside what a machine of 2024 takes for them.

A small file in the cache folder keeps it, so that the plan of a new results folder knows the machine. It is a help and
no more: where it cannot be read or written, or says nonsense, a run knows as little as the first one did.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import median
from typing import Literal, get_args

from harness.datasets.cache import cache_root, locked
from harness.files import replace_text

# What a run consists of: until its first trial begins, its trials, its step times, and tables, charts and the report.
Part = Literal["start", "training", "timing", "end"]

# Of the last runs, an odd number: the median then is one of them, and a disturbed run no more than a vote.
_KEPT = 5
_RUNS_APART = 100.0
# What a first guess may be wrong by, either way: the speed of a machine says little of that of its TensorFlow.
_GUESS_FACTOR = 1.5

# The probe, on a core of an AMD EPYC of 2024: one product, and one sum of squares.
_PROBE_PRODUCT_S = 2.7e-6
_PROBE_PYTHON_S = 122e-6
_PROBE_TRIES = 15


@dataclass(frozen=True)
class MachineSpeed:
    """How many times as long as expected the parts of runs took on one machine.

    Attributes:
        machine: Which one, and what trained there: device and backend.
        ratios: Of the last runs, the newest last, by part; that of a kind (so many workers, a budget) has its name
            after a comma.
    """

    machine: str = ""
    ratios: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def of(self, part: Part, kind: str = "") -> float | None:
        """Return the usual ratio of a part of this kind, or of whatever kind there is; None of no run."""
        found = self.ratios.get(_name(part, kind)) or [
            one for other, ratios in self.ratios.items() if other.partition(",")[0] == part for one in ratios
        ]
        return median(found) if found else None

    def note(self, part: Part, kind: str = "", *, expected_s: float, took_s: float) -> None:
        """Keep what a part took, for later runs."""
        if not (self.machine and expected_s > 0 and 1 / _RUNS_APART < took_s / expected_s < _RUNS_APART):
            return
        path = _path()
        with contextlib.suppress(OSError), locked(path.with_suffix(".lock")):
            known = _read(path)
            ratios = known.setdefault(self.machine, {})
            name = _name(part, kind)
            ratios[name] = [*ratios.get(name, ()), round(took_s / expected_s, 3)][-_KEPT:]
            replace_text(path, json.dumps(known, indent=1))


UNKNOWN = MachineSpeed()
"""A machine on which nothing has run."""

AVERAGE = MachineSpeed("", dict.fromkeys(get_args(Part), (1.0,)))
"""A machine of 2024, which all parts take as long as expected."""


def read_speed(machine: str) -> MachineSpeed:
    """Return what earlier runs say of a machine."""
    return MachineSpeed(machine, _read(_path()).get(machine, {}))


def guess_range(seconds: float) -> tuple[float, float]:
    """Return between which two a length of time lies that rests on a first guess."""
    return seconds / _GUESS_FACTOR, seconds * _GUESS_FACTOR


@cache
def guessed_ratio() -> float:
    """Return how many times as long as in 2024 one core takes for small products of matrices and for Python's own work.

    Both are tried for a moment, since a machine may be quick at one of them alone; the mean of the two counts.
    """
    import numpy as np

    # Too small for a second thread, and of numbers that stay finite.
    matrix = np.full((48, 48), 1 / 48, np.float32)

    def products() -> None:
        for _ in range(100):
            matrix @ matrix

    product_s, python_s = _quickest_s(products) / 100, _quickest_s(lambda: sum(n * n for n in range(5_000)))
    return math.sqrt(product_s / _PROBE_PRODUCT_S * python_s / _PROBE_PYTHON_S)


def _quickest_s(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(_PROBE_TRIES):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)


def _name(part: Part, kind: str) -> str:
    return f"{part}, {kind}" if kind else part


def _path() -> Path:
    return cache_root() / "speed.json"


def _read(path: Path) -> dict[str, dict[str, list[float]]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {
            str(machine): {
                str(part): [float(one) for one in ratios if 1 / _RUNS_APART < float(one) < _RUNS_APART]
                for part, ratios in parts.items()
            }
            for machine, parts in content.items()
        }
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
