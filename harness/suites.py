"""A suite: variants that are compared with one baseline. A user's file declares it, nothing more."""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from harness.errors import InputError
from harness.variants import BASELINE, Variant
from harness.wording import HALVES, html_table

MAX_LABEL = 60
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+:-]*")
# From where a command ran, and nothing that a command line could take for an option.
_FILE = re.compile(r"(?![-~])([^/\x00-\x1f\x7f]{1,200}/)*[^/\x00-\x1f\x7f]{1,200}\.py")
_LONGEST_FILE = 300
_SELECTABLE = re.compile(r"[\w.:+-]+")
_ALLOWED = f"a letter or digit, then letters, digits and _.-+: without ::, at most {MAX_LABEL} in all"
# What `-k` reads as its own, and what a suite's baseline is called.
_TAKEN = {"and": "a word of -k", "or": "a word of -k", "not": "a word of -k", "baseline": "the suite's baseline"}


class Declaration:
    """What a suite file may declare at its top level: a suite, or a search.

    Attributes:
        file: Where it was found, as seen from where the command ran; empty where that is unknown. No part of it: equal
            ones may be found in several files.
    """

    file = ""

    def found_in(self, file: str) -> Self:
        """Return the same, found in that file."""
        found = copy.copy(self)
        object.__setattr__(found, "file", file)
        return found


@dataclass(frozen=True, init=False, repr=False)
class Suite(Declaration):
    """Variants and the baseline they are compared with; it only holds them, `check_suites` judges.

    Tables, charts, `-k` and the commands call the baseline "baseline", and each variant by its label, or by how it
    differs from the suite's baseline; results belong to the variant, whatever it is called.

    Attributes:
        name: How tables call it.
        variants: What is compared, without the baseline; given as a list, or as a mapping from labels of one's own.
        baseline: What with.
        slow: Runs only when its file is named or with `--slow`; None in results that do not tell.
        labels: Of the variants, in their order; empty where they have none.

    Raises:
        InputError: A label is none, or says something else than it names.

    >>> Suite("dropout", [BASELINE.replace(dropout=0.5)]).names
    ('baseline', 'dropout:0.5')
    >>> Suite("size", {"wide": BASELINE.replace(filters=(64, 128))}).names
    ('baseline', 'wide')
    """

    name: str
    variants: Sequence[Variant]
    baseline: Variant = BASELINE
    slow: bool | None = False
    labels: tuple[str, ...] = ()

    def __init__(
        self,
        name: str,
        variants: Sequence[Variant] | Mapping[str, Variant],
        baseline: Variant = BASELINE,
        slow: bool | None = False,
    ) -> None:
        labels: tuple[str, ...] = ()
        if isinstance(variants, Mapping):
            labels, variants = tuple(variants), tuple(variants.values())
        values = {"name": name, "variants": variants, "baseline": baseline, "slow": slow, "labels": labels}
        for field, value in values.items():
            object.__setattr__(self, field, value)
        _check_labels(self)

    @property
    def members(self) -> tuple[Variant, ...]:
        """The baseline, then the variants."""
        return (self.baseline, *self.variants)

    @property
    def names(self) -> tuple[str, ...]:
        """What the members are called, in their order."""
        return tuple(self.label(variant) for variant in self.members)

    def label(self, variant: Variant) -> str:
        """Return what a member is called here."""
        return self._labels[variant]

    def only(self, chosen: Collection[Variant]) -> Suite:
        """Return the suite with some of its variants alone; its baseline stays."""
        kept = {self.label(variant): variant for variant in self.variants if variant in chosen}
        chosen_alone = kept if self.labels else tuple(kept.values())
        return Suite(self.name, chosen_alone, self.baseline, self.slow).found_in(self.file)

    def __repr__(self) -> str:
        sound = isinstance(self.variants, list | tuple) and all(isinstance(one, Variant) for one in self.members)
        return f"Suite({self.name!r}: {', '.join(self.names) if sound else repr(self.variants)[:80]})"

    def _repr_html_(self) -> str:
        baseline = ("baseline", "", self.baseline.name)
        rows = [(self.label(one), one.name_beside(self.baseline), one.name) for one in self.variants]
        return html_table(f"suite {self.name}", ("variant", "differs by", "full name"), [baseline, *rows])

    @cached_property
    def _labels(self) -> dict[Variant, str]:
        # Also of a suite that `check_suites` will refuse.
        beside = self.baseline if isinstance(self.baseline, Variant) else BASELINE
        variants = [one for one in self.variants if isinstance(one, Variant)]
        labels = self.labels or [variant.name_beside(beside) for variant in variants]
        return dict(zip(variants, labels, strict=False)) | {self.baseline: "baseline"}


def exactly(name: str) -> str:
    """Return what `-k`, which selects by any part of a name, takes for the items of this very name, of any suite.

    >>> exactly("l2:0.1")
    '[l2:0.1]'
    """
    return f"[{name}]"


def all_of(suite: str) -> str:
    """Return what `-k` takes for the whole suite of this very name; no variant can be called so.

    >>> all_of("l2")
    '[l2::]'
    """
    return f"[{suite}::]"


def is_suite_file(path: str) -> bool:
    """Whether a path may be noted as a suite's file: relative, and fit for a command line.

    >>> is_suite_file("bench/suite_a.py"), is_suite_file("--basetemp=x.py"), is_suite_file("/tmp/suite_a.py")
    (True, False, False)
    """
    return len(path) <= _LONGEST_FILE and bool(_FILE.fullmatch(path))


def is_selectable(name: str) -> bool:
    """Whether `-k` can take a name.

    >>> is_selectable("l2:0.1"), is_selectable("my suite")
    (True, False)
    """
    return bool(_SELECTABLE.fullmatch(name))


def shown_names(suites: Iterable[Suite]) -> dict[Variant, str]:
    """Return what each member of some suites is called where no suite is named beside it.

    That is the first of its labels that means nothing else in any of them; else its full name. Of declarations of one
    suite the first one that has a variant counts.
    """
    called: dict[Variant, dict[str, str]] = {}
    for suite in suites:
        for variant in suite.members:
            called.setdefault(variant, {}).setdefault(suite.name, suite.label(variant))
    meant: dict[str, set[Variant]] = {}
    for variant, by_suite in called.items():
        for label in {*by_suite.values(), variant.name}:
            meant.setdefault(label, set()).add(variant)
    return {
        variant: next((label for label in by_suite.values() if len(meant[label]) == 1), variant.name)
        for variant, by_suite in called.items()
    }


def members_called(suites: Iterable[Suite], name: str) -> dict[Variant, list[str]]:
    """Return the members of suites that a name means, their label or their full name, each with its suites' names."""
    found: dict[Variant, list[str]] = {}
    for suite in suites:
        for variant in suite.members:
            if name in (suite.label(variant), variant.name):
                suites_of = found.setdefault(variant, [])
                suites_of += [suite.name] * (suite.name not in suites_of)
    return found


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
        if HALVES.search(suite.name):
            raise InputError(f"a suite is named {suite.name!r}: half a character, which no file can hold: leave it out")
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
    members = suite.members
    twice = [variant for variant in dict.fromkeys(members) if members.count(variant) > 1]
    if twice:
        labels = [label for label, variant in zip(suite.labels, suite.variants, strict=False) if variant == twice[0]]
        called = f" ({', '.join(labels)})" if labels else ""
        raise InputError(
            f'suite "{suite.name}" holds "{twice[0].name}"{called} {members.count(twice[0])} times (the baseline '
            "counts): keep one of them"
        )


def _check_labels(suite: Suite) -> None:
    """Refuse labels that could not be told apart, selected, or that name another member than theirs."""
    if not suite.labels:
        return
    seen: dict[str, str] = {}
    members = [one for one in suite.members if isinstance(one, Variant)]
    named = {one.name: one for one in members}
    described = {one.name_beside(suite.baseline): one for one in members}
    for label, variant in zip(suite.labels, suite.variants, strict=False):
        where = f'suite "{suite.name}", label {label!r}'
        if not isinstance(label, str) or len(label) > MAX_LABEL or not _LABEL.fullmatch(label) or "::" in label:
            raise InputError(f"{where}: allowed is {_ALLOWED}")
        if label.lower() in _TAKEN:
            raise InputError(f"{where} is {_TAKEN[label.lower()]}: choose another")
        if label.lower() in seen:
            raise InputError(f'{where} differs from "{seen[label.lower()]}" in its case alone, which -k does not see')
        seen[label.lower()] = label
        if described.get(label, variant) != variant:
            raise InputError(f"{where} is how another variant of the suite differs from the baseline: choose another")
        if named.get(label, variant) != variant:
            raise InputError(f"{where} is the full name of another member of the suite: choose another")
