"""Which trained variants of a results folder people mean by their names: labels of suites, or full names."""

from __future__ import annotations

from collections.abc import Sequence, Set
from itertools import product

from harness.errors import InputError, nearest
from harness.results import Results
from harness.suites import Suite, members_called
from harness.variants import Variant


def meant(results: Results, names: Sequence[str], suite: str | None = None) -> tuple[Variant, ...]:
    """Return the variants that names mean; where several suites have a name, it is that of one suite that has all.

    Args:
        results: Of which they must have records.
        names: Labels in a suite, also older ones, or full names.
        suite: The only suite whose labels count; None for any.

    Raises:
        InputError: The suite or a name is unknown, or the names mean several.
    """
    trained = {record.trial.variant for record in results.records.values()}
    suites = [one for one in results.declared if suite in (None, one.name)]
    if suite is not None and not suites:
        known = dict.fromkeys(one.name for one in results.declared)
        raise InputError(f'suite "{suite}" is not in {results.folder}: use {", ".join(known)}{nearest(suite, known)}')
    found = [_called(results, name, suites, trained) for name in names]
    choices = list(product(*found))
    if len(names) > 1:
        together = [one for one in choices if set.intersection(*(set(of[v]) for of, v in zip(found, one, strict=True)))]
        choices = together or choices
    if len(choices) == 1:
        return choices[0]
    name, variants = max(zip(names, found, strict=True), key=lambda one: len(one[1]))
    listed = "; ".join(
        f"{variant.name} ({'suite ' + ', '.join(of) if of else 'in no suite'})" for variant, of in variants.items()
    )
    raise InputError(
        f'variant "{name}" means {len(variants)} variants in {results.folder}: {listed}; give the full name, or --suite'
    )


def _called(results: Results, name: str, suites: Sequence[Suite], trained: Set[Variant]) -> dict[Variant, list[str]]:
    """Return the trained variants that a name means, with the suites that call them so."""
    found = {variant: of for variant, of in members_called(suites, name).items() if variant in trained}
    found |= {variant: [] for variant in trained if variant.name == name and variant not in found}
    if not found:
        known = dict.fromkeys(one.label(v) for one in suites for v in one.members if v in trained)
        known |= dict.fromkeys(variant.name for variant in trained if variant not in results.names)
        close = nearest(name, known) or f": use {', '.join(known)}"
        raise InputError(f'variant "{name}" is not in {results.folder}{close}')
    return found
