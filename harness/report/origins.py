"""Where a page's results come from: which data, when, on which machine, at which commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.comparison import Group
from harness.results import Results
from harness.results.provenance import Provenance

_MOST_NAMED = 3
_COMMIT_LETTERS = 10


def origins(groups: Sequence[Group], results: Results) -> tuple[tuple[str, str], ...]:
    """Return what stands in the page's head, names and values: dataset, run, commit, machine; what is unknown is left
    out."""
    keys = [record.trial.key for group in groups for seeds in group.records.values() for record in seeds.values()]
    keys += [times.key for group in groups for times in group.step_times.values()]
    made = [one for one in dict.fromkeys(map(results.provenances.get, keys)) if one]
    days = sorted({one.started_at[:10] for one in made})
    found = (
        ("dataset", _listed(group.conditions.dataset for group in groups)),
        ("run", days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}" if days else ""),
        ("commit", _listed(map(_commit, made))),
        ("machine", _listed(one.machine for one in made)),
    )
    return tuple((name, value) for name, value in found if value)


def _commit(made: Provenance) -> str:
    return f"{made.commit[:_COMMIT_LETTERS]}{' with changes' * made.dirty}" if made.commit else ""


def _listed(values: Iterable[str]) -> str:
    different = [value for value in dict.fromkeys(values) if value]
    more = len(different) - _MOST_NAMED
    return "; ".join(different[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
