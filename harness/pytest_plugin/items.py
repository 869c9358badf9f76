"""What pytest collects from a suite file: a node per suite, an item per variant."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InputError
from harness.pytest_plugin.checks import check_item
from harness.pytest_plugin.measure import Measure, benchmark_search, benchmark_variant
from harness.pytest_plugin.ours import MARK, note
from harness.pytest_plugin.replay import ReplayTimer
from harness.search import Search
from harness.suite_files import SuiteModule, declared_in, describe_failure, says_nothing
from harness.suites import Declaration, Suite, all_of, exactly
from harness.variants import Variant

# Problems of suite files, told together as one usage error when collection has ended.
PROBLEMS = pytest.StashKey[list[str]]()

# What was declared so far: a suite that several files hold counts once.
SEEN = pytest.StashKey[list[Declaration]]()


class SuiteFile(SuiteModule):
    """A `suite_*.py` file, imported as pytest imports any test module."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Return a node for each suite; a refused variant is noted with its line, not raised."""
        stash = self.config.stash
        try:
            module = self.load()
        except InputError as error:
            stash[PROBLEMS].append(describe_failure(error, self.path))
            return []
        found = declared_in(module, Declaration)
        if not found:
            note(self.config, says_nothing(self.path))
        new = [one for one in found if one not in stash[SEEN]]
        stash[SEEN] += new
        suites = [SuiteNode.from_parent(self, name=_plain(x.name), suite=x) for x in new if isinstance(x, Suite)]
        searches = [
            make_item(self, _plain(search.suite_name), search, search.baseline, benchmark_search)
            for search in new
            if isinstance(search, Search)
        ]
        return [*suites, *searches]


class SuiteNode(pytest.Collector):
    """One suite; its items are its variants, the baseline first."""

    def __init__(self, *, suite: Suite, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.suite = suite

    def collect(self) -> Iterable[pytest.Item]:
        """Return an item for each member; what is wrong with a suite is told after collection."""
        members = self.suite.members if isinstance(self.suite.variants, list | tuple) else ()
        for variant in members:
            if isinstance(variant, Variant):
                yield make_item(self, self.suite.label(variant), self.suite, variant, benchmark_variant)


class SuiteItem(pytest.Function):
    """What a suite file declares, as a test: checked in seconds, or with `--benchmark` trained and timed.

    Attributes:
        declared: The suite whose variant it is, or the search.
        variant: The variant, or the search's baseline.
    """

    declared: Suite | Search
    variant: Variant

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Point at the suite file; the name tells the variant or the search."""
        return self.path, 0, self.name


def make_item(
    parent: pytest.Collector, name: str, declared: Suite | Search, variant: Variant, measure: Measure
) -> SuiteItem:
    """Return the item of a variant or a search; `-k` takes its name, it `exactly`, and `all_of` its suite."""
    timer = ReplayTimer()

    def check() -> None:
        __tracebackhide__ = True
        if warning := check_item(item.config, variant, declared.baseline):
            item.warn(pytest.PytestWarning(warning))

    def train_and_time(request: pytest.FixtureRequest) -> None:
        __tracebackhide__ = True
        # The fixture only where there are times for it: it complains of not being used.
        measure(item.config, item.declared, variant, lambda: request.getfixturevalue("benchmark"), timer)

    benchmark = parent.config.getoption("harness_benchmark")
    item: SuiteItem = SuiteItem.from_parent(parent, name=name, callobj=train_and_time if benchmark else check)
    item.declared, item.variant = declared, variant
    item.extra_keyword_matches |= {exactly(name), *([all_of(declared.name)] if isinstance(declared, Suite) else [])}
    item.add_marker(MARK)
    if benchmark:
        group = declared.name if isinstance(declared, Suite) else name
        item.add_marker(pytest.mark.benchmark(group=group, timer=timer))
    return item


def _plain(name: object) -> str:
    """Return a suite's name without what would break a node id: control characters, `::` and brackets."""
    text = name if isinstance(name, str) else repr(name)
    return "".join(c if c.isprintable() and c not in "[]" else "_" for c in text).replace("::", "_")[:120] or "_"
