"""What else differs between two results folders, besides the results: the list that a reader must see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.comparison.trained import Trained
from harness.results import Results
from harness.results.provenance import Provenance


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same in both folders.

    Attributes:
        what: Its name: keras, commit, machine, threads, dataset content, seeds ...
        old, new: Its values in either folder, several joined by commas, `none` for nothing.
    """

    what: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.what}: {self.old} -> {self.new}"


def differences_of(old: tuple[Trained, Results], new: tuple[Trained, Results]) -> tuple[Difference, ...]:
    """Return what differs: software, machine, data, seeds, sources of `model=`."""
    first, second = _facts(*old), _facts(*new)
    both = {name: (first.get(name, "none"), second.get(name, "none")) for name in (*first, *second)}
    return tuple(Difference(name, *values) for name, values in both.items() if values[0] != values[1])


def _facts(trained: Trained, results: Results) -> dict[str, str]:
    conditions = trained.conditions
    environment = conditions.environment
    records = [record for seeds in trained.records.values() for record in seeds.values()]
    made = [results.provenances[record.trial.key] for record in records]
    timed = {machine for machine, _, _ in trained.step_times}
    facts = dict(environment.versions)
    facts |= {
        "Python": _joined(run.python for run in made),
        "commit": _joined(_commit(run) for run in made),
        "recipe": str(conditions.recipe),
        "backend": environment.backend,
        "device": environment.device,
        "threads": str(environment.threads),
        "machine": _joined(run.machine for run in made),
        "machine of the step times": _joined(timed),
        "instruction sets": _joined(" ".join(run.cpu_flags) for run in made),
        "driver": _joined(run.driver for run in made),
        "GPU": _joined(str(gpu) for run in made for gpu in run.gpus),
        "system": _joined(run.system for run in made),
        "variables": _joined(f"{name}={value}" for run in made for name, value in run.variables if name not in facts),
        "dataset name": conditions.dataset,
        "dataset content": conditions.fingerprint[:12],
        "seeds": _seeds(record.trial.seed for record in records),
    }
    sources = {one: next(iter(seeds.values())).trial.source for one, seeds in trained.records.items()}
    return facts | {f"source of {variant.name}": source[:12] for variant, source in sources.items() if source}


def _commit(run: Provenance) -> str:
    return f"{run.commit[:12]}{' with changes' if run.dirty else ''}" if run.commit else ""


def _seeds(seeds: Iterable[int]) -> str:
    """Return seeds as people write them: 1-5, or 1, 2, 4 where some are missing.

    >>> _seeds([3, 1, 2, 2]), _seeds([1, 2]), _seeds([1, 8]), _seeds([5])
    ('1-3', '1-2', '1, 8', '5')
    """
    known = sorted(set(seeds))
    whole = len(known) > 1 and known == list(range(known[0], known[-1] + 1))
    return f"{known[0]}-{known[-1]}" if whole else ", ".join(map(str, known))


def _joined(values: Iterable[str]) -> str:
    return ", ".join(sorted({value for value in values if value})) or "none"
