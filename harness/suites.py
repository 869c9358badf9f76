"""A suite: variants that are compared with one baseline. A user's file declares it, nothing more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.errors import InputError
from harness.variants import BASELINE, Variant


class Declaration:
    """What a suite file may declare at its top level: a suite, or a search."""


@dataclass(frozen=True)
class Suite(Declaration):
    """Variants and the baseline they are compared with; it only holds them, `check_suites` judges.

    Attributes:
        name: How tables call it.
        variants: What is compared, without the baseline.
        baseline: What with.
        slow: Runs only when its file is named or with `--slow`.

    >>> Suite("dropout", [BASELINE.replace(dropout=0.5)]).names
    ('baseline', 'dropout:0.5')
    """

    name: str
    variants: Sequence[Variant]
    baseline: Variant = BASELINE
    slow: bool = False

    @property
    def members(self) -> tuple[Variant, ...]:
        """The baseline, then the variants."""
        return (self.baseline, *self.variants)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the members."""
        return tuple(variant.name for variant in self.members)


def check_suites(suites: Iterable[Suite]) -> None:
    """Refuse what cannot be compared.

    Raises:
        InputError: Two suites of one name; a suite without variants, with something else than variants, or with one
            variant twice (the baseline counts).
    """
    seen: set[str] = set()
    for suite in suites:
        if not isinstance(suite.name, str) or not suite.name.strip():
            raise InputError(f"a suite is named {suite.name!r}: give it a text that is not empty")
        if suite.name in seen:
            raise InputError(f'two suites are named "{suite.name}": give each a name of its own')
        seen.add(suite.name)
        _check_members(suite)


def _check_members(suite: Suite) -> None:
    if isinstance(suite.variants, Variant) or not isinstance(suite.variants, Sequence):
        raise InputError(f'suite "{suite.name}": variants is {suite.variants!r}: give a list of variants')
    if not suite.variants:
        raise InputError(f'suite "{suite.name}" has no variants: give it at least one, such as BASELINE.replace(...)')
    for member in suite.members:
        if not isinstance(member, Variant):
            raise InputError(f'suite "{suite.name}" holds {member!r}: every member must be a Variant')
    names = suite.names
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise InputError(
            f'suite "{suite.name}" holds "{twice[0]}" {names.count(twice[0])} times (the baseline counts): '
            "keep one of them"
        )
