"""What a user's builder reads of its variant: a field or option that it never reads changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness.errors import HarnessError
from harness.variants.rules import RULES
from harness.variants.variant import DEFAULTS, Variant


@dataclass
class Reads:
    """The names of the fields and options that a builder reads, in the order of the first reading."""

    fields: dict[str, None] = field(default_factory=dict)
    options: dict[str, None] = field(default_factory=dict)

    def check(self, variant: Variant, baseline: Variant) -> None:
        """Refuse a variant that differs from its baseline in what its builder never reads.

        Where the baseline has another builder, what the variant leaves at its default counts as no difference.

        Raises:
            HarnessError: Names the fields and options, and what is read.
        """
        same_builder = variant.model == baseline.model
        options, others = dict(variant.options), dict(baseline.options)
        unread, read = [], []
        for name in dict.fromkeys((*options, *others) if same_builder else options):
            differs = (name in options, repr(options.get(name))) != (name in others, repr(others.get(name)))
            if differs and name not in self.options and "options" not in self.fields:
                unread.append(f'option "{name}"')
                read = [*self.options]
        for name in RULES.keys() - {"model", "options"} - self.fields.keys():
            value = getattr(variant, name)
            if value != getattr(baseline, name) and (same_builder or value != DEFAULTS[name]):
                unread.append(f'field "{name}"')
        if any(one.startswith("field") for one in unread):
            read += [name for name in self.fields if name != "options"]
        if unread:
            raise HarnessError(
                f'model "{variant.model}" never read {" nor ".join(sorted(unread, reverse=True))} '
                f"(it reads {', '.join(read) or 'none'}): the variant would change nothing by it; "
                "read it in the builder, or leave it out"
            )


def watched(variant: Variant, reads: Reads) -> Variant:
    """Return the variant in a form that notes in `reads` what is read of it.

    Its name, fingerprint and printed form are labels: reading them counts for nothing. Who takes the whole of it (as
    JSON, by `vars` or `dataclasses.asdict`, in a comparison) or its options in one reads all of that.
    """
    return _watch(variant, reads, frozenset())


def _watch(variant: Variant, reads: Reads, changed: frozenset[str]) -> Variant:
    watcher = object.__new__(_Watched)
    known = {name: getattr(variant, name) for name in RULES}
    object.__getattribute__(watcher, "__dict__").update(known | {"_watching": (variant, reads, changed)})
    return watcher


class _Watched(Variant):
    """A variant that notes what is read of it; in all else it is the variant."""

    def __getattribute__(self, name: str) -> Any:
        variant, reads, changed = object.__getattribute__(self, "__dict__")["_watching"]
        if name == "__class__":
            return Variant  # `dataclasses.replace` makes a plain one
        if name in ("name", "fingerprint"):
            return getattr(variant, name)
        if name == "__dict__":
            reads.fields.update(dict.fromkeys(name for name in RULES if name not in changed))
            return {name: getattr(variant, name) for name in RULES}
        if name in RULES and name not in changed:
            reads.fields[name] = None
        return object.__getattribute__(self, name)

    def option(self, name: str, default: Any = None) -> Any:
        """Return one of the options by name."""
        variant, reads, changed = object.__getattribute__(self, "__dict__")["_watching"]
        if "options" not in changed:
            reads.options[name] = None
        return variant.option(name, default)

    def replace(self, **changes: Any) -> Variant:
        """Return a copy with these fields changed, which notes what is read of the others."""
        variant, reads, changed = object.__getattribute__(self, "__dict__")["_watching"]
        return _watch(variant.replace(**changes), reads, changed | changes.keys())

    def __eq__(self, other: object) -> bool:
        vars(self)  # whoever compares the whole has read all of it
        return super().__eq__(other)

    __hash__ = Variant.__hash__

    def __repr__(self) -> str:
        return repr(object.__getattribute__(self, "__dict__")["_watching"][0])

    def __copy__(self) -> Variant:
        return self

    def __deepcopy__(self, memo: object) -> Variant:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Variant.from_json, (self.to_json(),)
